"""Tokens of the text form, read one at a time with line and column, so that every complaint can say where it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from threshc.compiler.diagnostics import CompileError, fail

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|//[^\n]*)
    |(?P<newline>\n)
    |(?P<string>"(?:[^"\\\n]|\\[^\n])*")
    |(?P<value>%[0-9]+)
    |(?P<array>@[A-Za-z0-9_.]+)
    |(?P<number>-?(?:inf\b|[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?))
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<mark>\.\.|[\]\[=:,~])
    |(?P<bad>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.))")
_LONGEST_NUMBER = 400  # characters; the longest exact decimal of a float64 that repr() writes has 24


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: kind (a group of `_TOKEN`, or `end`), its characters, line and column from 1."""

    kind: str
    text: str
    line: int
    column: int

    def __str__(self) -> str:
        if self.kind in ("newline", "end"):
            return {"newline": "the end of the line", "end": "the end of the text"}[self.kind]
        return repr(self.text if len(self.text) <= 40 else self.text[:40] + "...")


def quote(text: str) -> str:
    """Returns any text as one line of ASCII between double quotes; `Cursor.string` reads it back exactly."""
    named = {value: "\\" + key for key, value in _ESCAPES.items()}
    return '"' + "".join(named.get(c) or (c if " " <= c <= "~" else f"\\u{{{ord(c):x}}}") for c in text) + '"'


def _tokens(text: str) -> Iterator[Token]:
    line, start = 1, 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "bad"
        if kind != "space":
            yield Token(kind, match[0], line, match.start() - start + 1)
        if kind == "newline":
            line, start = line + 1, match.end()
    yield Token("end", "", line, len(text) - start + 1)


class Cursor:
    """The next token of a text, and the ways to take it. Every method raises CompileError with line and column."""

    def __init__(self, text: str, source: str = "") -> None:
        self._rest = _tokens(text)
        self._source = source
        self.token = next(self._rest)

    def error(self, what: str, token: Token | None = None) -> CompileError:
        """Returns a CompileError at a token (the next one by default), to be raised by the caller."""
        at = token or self.token
        place = f"line {at.line}, column {at.column}"
        return fail(what, where=f"{self._source}, {place}" if self._source else place)

    def expected(self, what: str) -> CompileError:
        """Returns the error that something else stands where `what` was needed."""
        return self.error(f"expected {what}, found {self.token}")

    def advance(self) -> Token:
        """Takes the next token, whatever it is."""
        taken = self.token
        if taken.kind != "end":
            self.token = next(self._rest)
        return taken

    def take(self, kind: str, expected: str) -> Token:
        """Takes a token of a kind."""
        if self.token.kind != kind:
            raise self.expected(expected)
        return self.advance()

    def accept(self, text: str) -> bool:
        """Takes the mark or word `text` if it is next."""
        if self.token.text != text or self.token.kind not in ("mark", "word"):
            return False
        self.advance()
        return True

    def need(self, text: str) -> None:
        """Takes the mark or word `text`."""
        if not self.accept(text):
            raise self.expected(repr(text))

    def key(self, name: str) -> None:
        """Takes `name=`."""
        self.need(name)
        self.need("=")

    def end_line(self) -> None:
        """Takes the end of the line; the end of the text does as well."""
        if self.token.kind != "end":
            self.take("newline", "the end of the line")

    def skip_lines(self) -> None:
        """Skips empty lines."""
        while self.token.kind == "newline":
            self.advance()

    def integer(self, lo: int = -(2**63), hi: int = 2**63 - 1) -> int:
        """Takes an integer of lo..hi."""
        token = self.token
        decimal = token.kind == "number" and len(token.text) <= 20 and token.text.lstrip("-").isdigit()
        if not decimal or not lo <= int(token.text) <= hi:
            raise self.expected("a 64-bit integer" if lo == -(2**63) and hi == 2**63 - 1 else f"an integer {lo}..{hi}")
        return int(self.advance().text)

    def real(self) -> float:
        """Takes a float64: decimal, inf, -inf or nan."""
        token = self.token
        if token.text not in ("inf", "nan") and (token.kind != "number" or len(token.text) > _LONGEST_NUMBER):
            raise self.expected("a number")
        return float(self.advance().text)

    def value(self, expected: str = "a value like %0") -> int:
        """Takes `%n` as n."""
        if self.token.kind != "value" or len(self.token.text) > 12:
            raise self.expected(expected)
        return int(self.advance().text[1:])

    def integers(self, lo: int, hi: int, lengths: tuple[int, ...]) -> tuple[int, ...]:
        """Takes `[a, b, ..]`, each of lo..hi, as many as one of `lengths` says."""
        start = self.token
        self.need("[")
        found = [] if self.token.text == "]" else [self.integer(lo, hi)]
        while len(found) < max(lengths) and self.accept(","):
            found.append(self.integer(lo, hi))
        self.need("]")
        if len(found) not in lengths:
            raise self.error(f"expected {' or '.join(map(str, lengths))} integers, found {len(found)}", start)
        return tuple(found)

    def string(self, expected: str) -> str:
        """Takes a quoted string."""
        token = self.take("string", expected)

        def unescape(match: re.Match[str]) -> str:
            code = int(match[1], 16) if match[1] else -1
            if code > 0x10FFFF or (not match[1] and match[2] not in _ESCAPES):
                raise self.error(f"unknown escape {match[0]!r} in a string", token)
            return chr(code) if match[1] else _ESCAPES[match[2]]

        return _ESCAPE.sub(unescape, token.text[1:-1])
