"""Links in the pages lead somewhere, and pages that code and tests speak of are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from import_graph import ROOMS, ROOT

PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/README.md"), *ROOT.glob("news/*.md")]
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_SPOKEN = re.compile(r"\bdocs/[\w/.-]+\.(?:md|py|svg)\b")


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in plain}


def broken(page: Path) -> Iterator[str]:
    """The links of a page that lead nowhere."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in _LINK.findall(text):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        goal = (page.parent / path).resolve() if path else page
        if not goal.exists():
            yield f"{page.relative_to(ROOT)}: there is no {link}"
        elif anchor and goal.suffix == ".md" and anchor not in anchors(goal.read_text(encoding="utf-8")):
            yield f"{page.relative_to(ROOT)}: {link} has no such heading"


def test_links_lead_somewhere() -> None:
    assert [fault for page in PAGES for fault in broken(page)] == []


def test_anchors_are_those_of_github() -> None:
    assert anchors("# What `x` is\n\n## One, two: three\n") == {"what-x-is", "one-two-three"}


def test_pages_that_are_spoken_of_are_there() -> None:
    """`docs/NAME.md` in code, tests and pages, where it stands from the repository's root."""
    files = [p for room in (*ROOMS, "bench", "fuzz", "tests") for p in (ROOT / room).rglob("*.py")]
    missing = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in [*files, *PAGES, ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / "setup.py"]
        for name in _SPOKEN.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / name).exists() and path != Path(__file__)
    }
    assert missing == set()
