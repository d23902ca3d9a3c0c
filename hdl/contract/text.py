"""Pieces of generated text that several languages share."""

from __future__ import annotations

from collections.abc import Iterable

_WIDEST = 100


def comment(text: str) -> str:
    """Returns a text that no comment ends in, on one line, whatever a model calls itself."""
    return " ".join(text.split()).replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")


def lines_of(items: Iterable[str], indent: str = "    ") -> str:
    """Returns items with commas between, in lines of about 100 characters."""
    lines, line = [], indent
    for item in items:
        if len(line) + len(item) > _WIDEST:
            lines.append(line.rstrip())
            line = indent
        line += item + ", "
    return "\n".join([*lines, line.rstrip(", ")])
