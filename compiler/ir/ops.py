"""The whole operation set: bits in, bits and exact integers between, nothing else.

A value is named by the index of the operation that makes it (`Value`). Operands come before their users.
Feature tensors have shape (n,) or (H, W, C); `Sum`, `Compare`, `Reduce` and `ArgMax` work along the last axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Encoding

Value = int

ZERO, ONE = -1, -2
"""Indices of the constant bits in `Gather.index`."""


@dataclass(frozen=True, slots=True)
class Loc:
    """The origin of an operation: ONNX node and tensor names as they stand in the model (may be any text)."""

    node: str = ""
    tensor: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """The features of a sample. Affine encoding: Ints (n,) in lo..hi; Step encoding: Bits (n,).

    `model_shape` is the shape of one sample in the model, e.g. (1, 28, 28); features are its row-major order.
    """

    name: str
    shape: tuple[int, ...]
    encoding: Encoding
    model_shape: tuple[int, ...] = ()
    loc: Loc = Loc()


@dataclass(frozen=True, slots=True, eq=False)
class Bitplanes:
    """Ints (.., n) as two's complement bits (.., n*k): bit p of element e is last-axis position e*k + p, weight 2**p,
    except the top one of a signed integer, which weighs -2**(k-1)."""

    x: Value
    loc: Loc = Loc()


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Bits (H, W, C) to (OH, OW, kh*kw*C), tap-major: the bits under a sliding window.

    Taps in the padding read `fill`. With `is_pad`, kh*kw further bits say which taps are padding.
    kernel (kh, kw), stride (sh, sw), pads (top, left, bottom, right), dilation (dh, dw).
    """

    x: Value
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    fill: int = 0
    is_pad: bool = False
    loc: Loc = Loc()


@dataclass(frozen=True, slots=True, eq=False)
class Gather:
    """Bits of shape index.shape: element i is bit index[i] of the operands laid end to end in row-major order,
    or the constant 0 (`ZERO`) or 1 (`ONE`)."""

    x: tuple[Value, ...]
    index: NDArray[np.int64]
    loc: Loc = Loc()


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """Bits (.., C) to Ints (.., R): s_r = bias_r + sum_i weights[r, i] * x_i, exact in int64.

    weights: (R, C) of any signed integer dtype; bias: (R,) int64.
    """

    x: Value
    weights: NDArray[np.signedinteger]
    bias: NDArray[np.int64]
    loc: Loc = Loc()


@dataclass(frozen=True, slots=True, eq=False)
class Compare:
    """Ints (.., R) to Bits (.., M): y_j = 1 iff s[row_j] >= threshold_j. row, threshold: (M,) int64."""

    s: Value
    row: NDArray[np.int64]
    threshold: NDArray[np.int64]
    loc: Loc = Loc()


@dataclass(frozen=True, slots=True, eq=False)
class Reduce:
    """Bits (.., taps*C), tap-major, to (.., C): the or / and over the taps (max / min pooling after `Window`)."""

    x: Value
    kind: Literal["or", "and"]
    taps: int
    loc: Loc = Loc()


@dataclass(frozen=True, slots=True, eq=False)
class ArgMax:
    """Ints (n,) to Ints (1,) in 0..n-1: the index of the largest, the lowest index among equals."""

    s: Value
    loc: Loc = Loc()


Op = Input | Bitplanes | Window | Gather | Sum | Compare | Reduce | ArgMax


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """A named result. Kinds: `class` (an ArgMax), `scores` (Ints (n,)), `bits` (Bits).

    The model's real value is scale * value + offset, but for the rounding of floats ((n,) float64 each; documentation,
    never arithmetic). order_only: of scores, only their order is the model's; the real value is but near that.
    """

    name: str
    value: Value
    kind: Literal["class", "scores", "bits"]
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    order_only: bool = False


def operands(op: Op) -> tuple[Value, ...]:
    """Returns the values that an operation reads, in order."""
    match op:
        case Input():
            return ()
        case Gather(x=xs):
            return xs
        case Bitplanes(x=x) | Window(x=x) | Sum(x=x) | Reduce(x=x):
            return (x,)
        case Compare(s=s) | ArgMax(s=s):
            return (s,)
