"""Where Window and Gather move bits: they make none, so circuits and packed planes only need the names of what is read.

The reference simulator and the proof checker have their own, on purpose: they are what this is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.ops import ONE, ZERO, Gather, Window
from threshc.compiler.ir.shapes import window_size

Names = NDArray[np.int64]
"""A name per bit, whatever it is: a literal, a plane, an address."""


def gather(op: Gather, operands: Sequence[Names], zero: int, one: int) -> Names:
    """Returns the names of the bits that a Gather picks, of its index's shape; zero, one: those of the constants."""
    flat = np.concatenate([x.ravel() for x in operands])
    picked = flat[np.maximum(op.index, 0)]
    found: Names = np.where(op.index == ZERO, zero, np.where(op.index == ONE, one, picked))
    return found


def window(op: Window, x: Names, zero: int, one: int) -> Names:
    """Returns the names of the bits under a Window, (OH, OW, taps * C), with `is_pad` the taps' marks behind them.

    x: names of the operand's bits, (H, W, C); zero, one: those of the constant bits.
    """
    h, w, c = x.shape
    (kh, kw), (sh, sw), (top, left, bottom, right), (dh, dw) = op.kernel, op.stride, op.pads, op.dilation
    oh, ow = window_size(op, h, w)
    padded = np.full((h + top + bottom, w + left + right, c + 1), one if op.fill else zero, np.int64)
    padded[..., c] = one  # the last channel says "this is padding"
    padded[top : top + h, left : left + w, :c] = x
    padded[top : top + h, left : left + w, c] = zero
    taps = [
        padded[i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    bits = np.concatenate([t[..., :c] for t in taps], axis=-1)
    return np.concatenate([bits, *(t[..., c:] for t in taps)], axis=-1) if op.is_pad else bits
