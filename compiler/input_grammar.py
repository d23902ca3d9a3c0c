"""The language of `--input`: integers, float32 arithmetic on them, mean and std (grammar: docs/guide/inputs.md)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from threshc.compiler.affine import NAMED, NEUTRAL, Affine, Move
from threshc.compiler.diagnostics import Lines, fail, option

HINT = "uint8, uint8/255, (uint8/255-0.1307)/0.3081, uint8/255 mean=0.5 std=0.25, int8:-127..127, bipolar or bit"
_TOKEN = re.compile(
    r"\s*(?:(?P<type>u?int\d+)\b|(?P<number>(?:\d+\.(?!\.)\d*|\.\d+|\d+)(?:e[+-]?\d+)?)|(?P<word>[a-z_]+)"
    r"|(?P<mark>\.\.|[-+*/()\[\]:,=]))",
    re.IGNORECASE,
)
_DEEPEST = 64
_LONGEST = 1 << 20

Numbers = tuple[float, ...]


def parse_encoding(text: str) -> Affine:
    """Returns the encoding named by `--input`: integers ([u]intN, bit, bipolar, a part LO..HI of them) under float32
    arithmetic with numbers or lists of one number per channel, then mean= and std=.

    Raises CompileError with the place in the text for anything else, for widths outside 1..32, for scales of zero and
    for numbers beyond float32.
    """
    return _Parser(text).encoding()


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    start: int


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.at, self.depth = text, list[_Token](), 0, 0
        if len(text) > _LONGEST:
            raise fail("the input encoding is too long", where=option("input"), why=f"it has {len(text)} characters")
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                place += len(text[place:]) - len(text[place:].lstrip())
                self.refuse("this is not part of an encoding", place)
            assert match.lastgroup is not None
            self.tokens.append(_Token(match.lastgroup, match[match.lastgroup].lower(), match.start(match.lastgroup)))
            place = match.end()
        self.tokens.append(_Token("end", "", len(text)))

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def refuse(self, why: str, start: int | None = None) -> NoReturn:
        """The text, and a caret under the place."""
        place = self.token.start if start is None else start
        shown = self.text if self.text.isprintable() and len(self.text) <= 200 else None
        caret = "" if shown is None else f"\n         {shown}\n         {' ' * place}^"
        where = Lines(f"{option('input')}, character {place + 1}{caret}")
        raise fail(f"input encoding {self.text[:200]!r} is not understood", where=where, why=why, hint=HINT)

    def accept(self, *texts: str) -> str | None:
        if self.token.text in texts and self.token.kind != "end":
            self.at += 1
            return self.tokens[self.at - 1].text
        return None

    def need(self, text: str) -> None:
        if self.accept(text) is None:
            self.refuse(f"{text!r} is expected here")

    def encoding(self) -> Affine:
        start = self.token.start
        found = self.sum()
        if not isinstance(found, Affine):
            self.refuse("nothing names the integers (uint8, int12, bit, bipolar)", start)
        for word in ("mean", "std"):
            place = self.token.start
            if self.tokens[min(self.at + 1, len(self.tokens) - 1)].text == word:
                self.accept(",")
            if self.accept(word):
                self.need("=")
                numbers = self.list(bare=True)
                move, numbers = ("add", _minus(numbers)) if word == "mean" else ("div", numbers)
                found = self.moved(found, move, numbers, place)
        if self.token.kind != "end":
            self.refuse("the encoding ends before this (mean= comes before std=)")
        return found

    def sum(self) -> Affine | Numbers:
        left = self.product()
        while True:
            place = self.token.start
            sign = self.accept("+", "-")
            if sign is None:
                return left
            right = self.product()
            if isinstance(right, Affine):  # a - x is (-x) + a, without rounding between
                if isinstance(left, Affine):
                    self.refuse("integers are named twice", place)
                turned = self.moved(right, "mul", (-1.0,), place) if sign == "-" else right
                left = self.moved(turned, "add", left, place)
            elif isinstance(left, Affine):
                left = self.moved(left, "add", _minus(right) if sign == "-" else right, place)
            else:
                left = self.folded(left, sign, right, place)

    def product(self) -> Affine | Numbers:
        left = self.factor()
        while True:
            place = self.token.start
            sign = self.accept("*", "/")
            if sign is None:
                return left
            right = self.factor()
            if isinstance(right, Affine):
                if isinstance(left, Affine):
                    self.refuse("integers are named twice", place)
                if sign == "/":
                    self.refuse("a number divided by the integers is not a scale of them", place)
                left = self.moved(right, "mul", left, place)
            elif isinstance(left, Affine):
                left = self.moved(left, "mul" if sign == "*" else "div", right, place)
            else:
                left = self.folded(left, sign, right, place)

    def factor(self) -> Affine | Numbers:
        place = self.token.start
        self.depth += 1
        if self.depth > _DEEPEST:
            self.refuse("brackets and signs are nested too deeply")
        sign = self.accept("-", "+")
        if sign is not None:
            inner = self.factor()
            found: Affine | Numbers = inner
            if sign == "-":
                found = self.moved(inner, "mul", (-1.0,), place) if isinstance(inner, Affine) else _minus(inner)
        elif self.accept("("):
            found = self.sum()
            self.need(")")
        elif self.token.kind == "type" or self.token.text in ("bit", "binary", "bipolar"):
            found = self.integers()
        else:
            found = self.list(bare=False)
        self.depth -= 1
        return found

    def integers(self) -> Affine:
        token = self.tokens[self.at]
        self.at += 1
        if token.kind == "word":
            return NAMED["bit" if token.text == "binary" else token.text]
        unsigned, bits = token.text.startswith("u"), int(token.text.lstrip("uint")[:6])
        if not (1 if unsigned else 2) <= bits <= 32:
            self.refuse(f"{token.text} has {bits} bits; 1 to 32 bits (int: 2 to 32) are supported", token.start)
        lo, hi = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        if self.accept(":"):
            place = self.token.start
            least = self.integer()
            self.need("..")
            most = self.integer()
            if not lo <= least < most <= hi:
                self.refuse(f"{least}..{most} is not a range of at least two integers within {lo}..{hi}", place)
            lo, hi = least, most
        return Affine(lo, hi)

    def integer(self) -> int:
        sign = -1 if self.accept("-") else 1
        if self.token.kind != "number" or not self.token.text.isdigit() or len(self.token.text) > 20:
            self.refuse("an integer is expected here")
        self.at += 1
        return sign * int(self.tokens[self.at - 1].text)

    def list(self, *, bare: bool) -> Numbers:
        """One number; [a, b, ..]; where `bare`, a,b,.. too."""
        bracket = self.accept("[")
        numbers = [self.number()]
        while (bracket or bare) and self.token.text == "," and (bracket or self.tokens[self.at + 1].kind != "word"):
            self.at += 1
            numbers.append(self.number())
        if bracket:
            self.need("]")
        return tuple(numbers)

    def number(self) -> float:
        sign = -1.0 if self.accept("-") else 1.0
        if self.token.kind != "number":
            self.refuse("a number or the integers (uint8, int12, bit, bipolar) are expected here")
        self.at += 1
        return sign * float(self.tokens[self.at - 1].text)

    def moved(self, x: Affine, move: str, numbers: Numbers, place: int) -> Affine:
        """The encoding with one more step of float32 arithmetic."""
        with np.errstate(all="ignore"):
            values = np.array(numbers).astype(np.float32)
        if not np.isfinite(values).all():
            self.refuse("a number is beyond float32", place)
        if move != "add" and not values.all():
            self.refuse("a scale is zero, or zero in float32", place)
        if x.channels > 1 and len(numbers) not in (1, x.channels):
            self.refuse(f"{len(numbers)} numbers stand beside {x.channels}", place)
        if all(n == NEUTRAL[move] for n in numbers):
            return x
        if len(set(numbers)) == 1:
            numbers = numbers[:1]
        made: Move = ("mul" if move == "mul" else "div" if move == "div" else "add", numbers)
        return replace(x, steps=(*x.steps, made))

    def folded(self, a: Numbers, sign: str, b: Numbers, place: int) -> Numbers:
        """Arithmetic of numbers alone, in float64 as Python does it."""
        if len(a) > 1 and len(b) > 1 and len(a) != len(b):
            self.refuse(f"{len(b)} numbers stand beside {len(a)}", place)
        if sign == "/" and not all(b):
            self.refuse("this divides by zero", place)
        count = max(len(a), len(b))
        pairs = [(a[k % len(a)], b[k % len(b)]) for k in range(count)]
        found = tuple(
            p + q if sign == "+" else p - q if sign == "-" else p * q if sign == "*" else p / q for p, q in pairs
        )
        if not all(map(math.isfinite, found)):
            self.refuse("a number is beyond float32", place)
        return found


def _minus(numbers: Numbers) -> Numbers:
    return tuple(-n for n in numbers)
