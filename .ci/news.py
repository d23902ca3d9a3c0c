"""Moves the fragments of news/ into CHANGELOG.md: `python .ci/news.py VERSION`; `--check` says whether it could."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("added", "changed", "fixed")
_NAME = re.compile(rf"[a-z0-9-]+\.({'|'.join(KINDS)})\.md")
_MOST = 130


def fragments(root: Path) -> list[Path]:
    """All fragments, in alphabetical order."""
    return sorted(p for p in (root / "news").glob("*") if p.name != "README.md")


def faults(root: Path) -> list[str]:
    """What is wrong with the fragments, one line each."""
    found = []
    for path in fragments(root):
        text = path.read_text(encoding="utf-8")
        if not _NAME.fullmatch(path.name):
            found.append(f"news/{path.name}: the name is not WORDS.KIND.md, with KIND one of {', '.join(KINDS)}")
        if not text.strip() or text.lstrip()[0] in "-*#":
            found.append(f"news/{path.name}: it holds no sentence, or begins with a dash or a heading")
        if max(map(len, text.splitlines()), default=0) > _MOST:
            found.append(f"news/{path.name}: a line has more than {_MOST} characters")
    return found


def collect(root: Path, version: str) -> None:
    """Writes the fragments into the section of that version, put on top if it is not there, and deletes them."""
    path = root / "CHANGELOG.md"
    text = path.read_text(encoding="utf-8")
    here = re.search(rf"^## {re.escape(version)}\b.*\n", text, re.MULTILINE)
    if here is None:
        first = re.search(r"^## ", text, re.MULTILINE)
        at = first.start() if first else len(text)
        text = f"{text[:at]}## {version}\n\n{text[at:]}"
        here = re.search(rf"^## {re.escape(version)}\n", text, re.MULTILINE)
        assert here is not None
    following = re.search(r"^## ", text[here.end() :], re.MULTILINE)
    end = here.end() + following.start() if following else len(text)
    section = text[here.end() : end]
    for kind in KINDS:
        entries = [p.read_text(encoding="utf-8").strip() for p in fragments(root) if p.name.endswith(f".{kind}.md")]
        if entries:
            section = _added(section, kind.capitalize(), "".join(_item(e) for e in entries))
    path.write_text(text[: here.end()] + section + text[end:], encoding="utf-8")
    for fragment in fragments(root):
        fragment.unlink()


def _item(entry: str) -> str:
    first, *others = entry.splitlines()
    return "".join([f"- {first}\n", *(f"  {line.strip()}\n" for line in others)])


def _added(section: str, title: str, items: str) -> str:
    """The section with the items at the end of the part of that title, which is made where it is not there."""
    heading = re.search(rf"^### {title}\n", section, re.MULTILINE)
    if heading is None:
        body = section.strip()
        return "\n" + (f"{body}\n\n" if body else "") + f"### {title}\n{items}\n"
    following = re.search(r"^### ", section[heading.end() :], re.MULTILINE)
    end = heading.end() + following.start() if following else len(section)
    return f"{section[:end].rstrip()}\n{items}\n{section[end:]}"


def main() -> int:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", nargs="?", help="e.g. 0.2.0")
    parser.add_argument("--check", action="store_true", help="only say what is wrong with the fragments")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    options = parser.parse_args()
    wrong = faults(options.root)
    print("\n".join(wrong), end="\n" if wrong else "")
    if wrong or options.check:
        return bool(wrong)
    if options.version is None:
        parser.error("which version?")
    collect(options.root, options.version)
    return 0


if __name__ == "__main__":
    sys.exit(main())
