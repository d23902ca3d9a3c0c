"""News fragments: those that are there are in order, and the script puts them where they belong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHANGELOG = """# Changelog

## 0.2.0 (unreleased)

### Added
- One.

### Fixed
- Two.

## 0.1.0

### Added
- All.
"""


def news(root: Path, *arguments: object) -> tuple[int, str]:
    """Exit code and output of the script."""
    script = Path(__file__).resolve().parent.parent / ".ci/news.py"
    command = [sys.executable, str(script), "--root", str(root), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "news").mkdir()
    (tmp_path / "news/README.md").write_text("# News\n")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_the_fragments_here_are_in_order(root: Path) -> None:
    assert news(root, "--check") == (0, "")


def test_they_join_a_section_that_is_there(tree: Path) -> None:
    (tree / "news/b.added.md").write_text("Boards:\nmany.\n")
    (tree / "news/a.added.md").write_text("Three.")
    (tree / "news/c.changed.md").write_text("Four.\n")
    assert news(tree, "0.2.0") == (0, "")
    assert (tree / "CHANGELOG.md").read_text() == CHANGELOG.replace(
        "- One.\n", "- One.\n- Three.\n- Boards:\n  many.\n"
    ).replace("- Two.\n", "- Two.\n\n### Changed\n- Four.\n")
    assert [p.name for p in (tree / "news").iterdir()] == ["README.md"]


def test_a_new_version_stands_on_top(tree: Path) -> None:
    (tree / "news/a.fixed.md").write_text("Five.\n")
    assert news(tree, "0.3.0") == (0, "")
    text = (tree / "CHANGELOG.md").read_text()
    assert text == CHANGELOG.replace("## 0.2.0", "## 0.3.0\n\n### Fixed\n- Five.\n\n## 0.2.0")


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.md", "Yes.", "the name is not WORDS.KIND.md, with KIND one of added, changed, fixed"),
        ("a.removed.md", "Yes.", "the name is not WORDS.KIND.md"),
        ("a.added.md", "\n", "it holds no sentence"),
        ("a.added.md", "- Yes.", "begins with a dash"),
        ("a.added.md", "x" * 131, "more than 130 characters"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_moves(tree: Path, name: str, text: str, what: str) -> None:
    (tree / "news" / name).write_text(text)
    code, said = news(tree, "0.2.0")
    assert code == 1
    assert what in said
    assert (tree / "CHANGELOG.md").read_text() == CHANGELOG
    assert (tree / "news" / name).exists()
