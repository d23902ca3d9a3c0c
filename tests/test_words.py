"""Words that are not written in messages, help, docstrings, comments and pages (docs/guide/style.md, Plain English)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from import_graph import ROOMS, ROOT

_COMPARATIVES = (
    "longer|shorter|more|less|fewer|one|other|slower|faster|quicker|larger|smaller|greater|better|worse|wider"
)
NOT_WRITTEN = {
    r"\bleav(?:e|es|ing) (?:[^\s.]+ ){0,5}away\b|\bleft away\b": "omit",
    rf"(?<!here )\b(?:is|are|was|were) no (?!(?:{_COMPARATIVES})\b)": "is not a",
    r"\bmakes? no sense\b": "say what is wrong and what would be right",
    r"\bputs? (?:[^\s.]+ ){0,4}out\b|\bputting (?:[^\s.]+ ){0,4}out\b": "output, write, print",
    r"\bthe first one of several\b": "the first of several",
    r"\bwhat stands\b": "name it",
    r"\bas (?:it is|they are)(?=[.,;:)]| by )": "unchanged",
}
"""What is not written, as a regular expression, and what is written instead."""
_SHOWN = {"docs/guide/style.md"}
"""Pages that show the words on purpose."""


def texts() -> Iterator[tuple[str, str]]:
    """Every file whose words are read, with its text on one line: broken strings and comments are joined."""
    rooms = [p for room in (*ROOMS, "bench", "fuzz") for p in (ROOT / room).rglob("*.py")]
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("news/*.md")]
    for path in sorted({*rooms, *pages}):
        name = path.relative_to(ROOT).as_posix()
        if name in _SHOWN or name == "CHANGELOG.md":
            continue
        yield name, one_line(path)


def one_line(path: Path) -> str:
    """A file's text with all spaces alike, strings and comments that go over lines joined."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'["\']\s*\n\s*[rf]?["\']', "", re.sub(r"\n\s*# ", " ", text))
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("wrong", NOT_WRITTEN, ids=lambda wrong: NOT_WRITTEN[wrong])
def test_words_that_are_not_written(wrong: str) -> None:
    pattern = re.compile(wrong, re.IGNORECASE)
    found = [
        f"{name}: {text[max(0, m.start() - 60) : m.end() + 40]}"
        for name, text in texts()
        for m in pattern.finditer(text)
    ]
    assert found == [], f"write: {NOT_WRITTEN[wrong]}"


@pytest.mark.parametrize(
    "text",
    [
        "leave --layer away", "leave it away: before a Sign", "'x' is no finite number", "'x' are no widths of layers",
        "a frequency of 3 Hz makes no sense", "the circuit puts out the index", "puts the scores out",
        "the first one of several", "what stands around a network", "text is taken as it is.",
    ],
)  # fmt: skip
def test_they_are_found(text: str) -> None:
    assert any(re.search(wrong, text) for wrong in NOT_WRITTEN)


@pytest.mark.parametrize(
    "text", ["there is no engine 'fast'", "is no longer there", "no slower", "a file is put there"]
)
def test_plain_words_are_let_through(text: str) -> None:
    assert not any(re.search(wrong, text) for wrong in NOT_WRITTEN)
