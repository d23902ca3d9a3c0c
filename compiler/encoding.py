"""How real-valued model inputs are written as integers or bits: the only place where both appear side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail

_NAMED = {
    "bit": (0, 1, 1.0, 1.0, 0.0),
    "binary": (0, 1, 1.0, 1.0, 0.0),
    "bipolar": (0, 1, 2.0, 1.0, -1.0),
}
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_SPEC = re.compile(rf"(u?)int(\d+)(?:\*({_NUMBER}))?(?:/({_NUMBER}))?([+-]{_NUMBER})?", re.IGNORECASE)
_HINT = "uint8, uint8/255, int12*0.01, uint8/127.5-1, bipolar or bit"


@dataclass(frozen=True, slots=True)
class Affine:
    """Integers lo..hi whose real value is float32(i * mul / div + add), evaluated in float32 from left to right."""

    lo: int
    hi: int
    mul: float = 1.0
    div: float = 1.0
    add: float = 0.0

    def real(self, i: NDArray[np.integer]) -> NDArray[np.float32]:
        """Integers of any shape to the float32 values that the model sees."""
        x = np.asarray(i).astype(np.float32)
        if self.mul != 1.0:
            x = x * np.float32(self.mul)
        if self.div != 1.0:
            x = x / np.float32(self.div)
        if self.add != 0.0:
            x = x + np.float32(self.add)
        return x

    def __str__(self) -> str:
        for name, fields in _NAMED.items():
            if fields == (self.lo, self.hi, self.mul, self.div, self.add):
                return name
        signed = self.lo < 0
        text = f"{'' if signed else 'u'}int{self.hi.bit_length() + signed}"
        if self.mul != 1.0:
            text += f"*{_short(self.mul)}"
        if self.div != 1.0:
            text += f"/{_short(self.div)}"
        if self.add != 0.0:
            text += ("" if self.add < 0 else "+") + _short(self.add)
        return text


def _short(x: float) -> str:
    return repr(x).removesuffix(".0")


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Bits that the model itself makes of real features: bit j is `x[feature[j]] >= threshold[j]` in float32.

    features: how many real features a sample has; feature: (m,) int64; threshold: (m,) float32.
    """

    features: int
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]

    def __str__(self) -> str:
        return f"step({self.features} real features)"


Encoding = Affine | Step


def parse_encoding(text: str) -> Affine:
    """The encoding named by `--input`: bit, bipolar, or [u]intN with optional *scale, /divisor, +offset.

    Raises CompileError for anything else, and for widths outside 1..32.
    """
    key = text.strip().lower()
    if key in _NAMED:
        return Affine(*_NAMED[key])
    match = _SPEC.fullmatch(key)
    if match is None:
        raise fail(f"input encoding {text!r} is not understood", where="--input", hint=_HINT)
    unsigned, bits = bool(match[1]), int(match[2])
    if not (1 if unsigned else 2) <= bits <= 32:
        raise fail(
            f"input encoding {text!r} has {bits} bits",
            where="--input",
            why="1 to 32 bits (int: 2 to 32) are supported",
            hint=_HINT,
        )
    lo, hi = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    mul, div, add = (float(match[k]) if match[k] else default for k, default in ((3, 1.0), (4, 1.0), (5, 0.0)))
    reals = [float(v) for v in (mul, div, add)]
    if div == 0.0 or mul == 0.0 or not np.isfinite(np.array(reals, np.float32)).all():
        raise fail(f"input encoding {text!r} has a scale of zero or beyond float32", where="--input", hint=_HINT)
    return Affine(lo, hi, mul, div, add)
