"""Result types: what each operation yields for given operand types, with exact integer bounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Affine
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Reduce, Sum, Window
from threshc.compiler.ir.types import Bits, Ints, ValueType


def plane_weights(lo: int, hi: int) -> tuple[int, ...]:
    """Weights of the two's complement bits that hold every integer of lo..hi, lowest bit first."""
    if lo >= 0:
        return tuple(1 << p for p in range(max(hi.bit_length(), 1)))
    k = max(hi.bit_length(), (-lo - 1).bit_length())
    return (*(1 << p for p in range(k)), -(1 << k))


def row_bounds(op: Sum) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the smallest and largest value of each row of a Sum, (R,) int64 each, over all input bits."""
    w = op.weights
    return (
        op.bias + np.minimum(w, 0).sum(axis=1, dtype=np.int64),
        op.bias + np.maximum(w, 0).sum(axis=1, dtype=np.int64),
    )


def window_size(op: Window, h: int, w: int) -> tuple[int, int]:
    """Returns the output height and width of a sliding window over an h x w map."""
    (kh, kw), (sh, sw), (top, left, bottom, right), (dh, dw) = op.kernel, op.stride, op.pads, op.dilation
    return ((h + top + bottom - dh * (kh - 1) - 1) // sh + 1, (w + left + right - dw * (kw - 1) - 1) // sw + 1)


def result_type(op: Op, args: Sequence[ValueType]) -> ValueType:
    """Returns the type of a well-formed operation's result; the verifier has checked the operand types."""
    match op:
        case Input(shape=shape, encoding=Affine(lo=lo, hi=hi)):
            return Ints(shape, lo, hi)
        case Input(shape=shape):
            return Bits(shape)
        case Bitplanes():
            (x,) = args
            assert isinstance(x, Ints)
            return Bits((*x.shape[:-1], x.shape[-1] * len(plane_weights(x.lo, x.hi))))
        case Window():
            h, w, c = args[0].shape
            taps = op.kernel[0] * op.kernel[1]
            return Bits((*window_size(op, h, w), taps * c + (taps if op.is_pad else 0)))
        case Gather():
            return Bits(op.index.shape)
        case Sum():
            lo_r, hi_r = row_bounds(op)
            return Ints((*args[0].shape[:-1], len(op.bias)), int(lo_r.min()), int(hi_r.max()))
        case Compare():
            return Bits((*args[0].shape[:-1], len(op.row)))
        case Reduce():
            return Bits((*args[0].shape[:-1], args[0].shape[-1] // op.taps))
        case ArgMax():
            return Ints((1,), 0, args[0].shape[-1] - 1)
