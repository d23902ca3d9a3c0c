"""The two value types of the IR."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bits:
    """A tensor of bits; shape (n,) or (H, W, C), without the sample axis."""

    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"bits{list(self.shape)}"


@dataclass(frozen=True, slots=True)
class Ints:
    """A tensor of integers with exact bounds: every element lies in lo..hi whatever the input bits are."""

    shape: tuple[int, ...]
    lo: int
    hi: int

    def __str__(self) -> str:
        return f"ints{list(self.shape)} {self.lo}..{self.hi}"


ValueType = Bits | Ints
