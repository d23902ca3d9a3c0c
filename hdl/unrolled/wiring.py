"""Operations that move bits, and pooling. Bits are literals of the value's shape."""

from __future__ import annotations

import numpy as np

from threshc.compiler.ir.ops import ONE as GATHER_ONE
from threshc.compiler.ir.ops import ZERO as GATHER_ZERO
from threshc.compiler.ir.ops import Gather, Reduce, Window
from threshc.compiler.ir.shapes import window_size
from threshc.hdl.unrolled.netlist import ONE, ZERO, Lits, Netlist


def gather(op: Gather, operands: list[Lits]) -> Lits:
    """See `Gather`."""
    flat = np.concatenate([x.ravel() for x in operands])
    picked = flat[np.maximum(op.index, 0)]
    out: Lits = np.where(op.index == GATHER_ZERO, ZERO, np.where(op.index == GATHER_ONE, ONE, picked))
    return out


def window(op: Window, x: Lits) -> Lits:
    """See `Window`; padding and `is_pad` bits are constants here."""
    h, w, c = x.shape
    (kh, kw), (sh, sw), (top, left, bottom, right), (dh, dw) = op.kernel, op.stride, op.pads, op.dilation
    oh, ow = window_size(op, h, w)
    padded = np.full((h + top + bottom, w + left + right, c + 1), ONE if op.fill else ZERO, np.int64)
    padded[..., c] = ONE
    padded[top : top + h, left : left + w, :c] = x
    padded[top : top + h, left : left + w, c] = ZERO
    taps = [
        padded[i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    bits = np.concatenate([t[..., :c] for t in taps], axis=-1)
    return np.concatenate([bits, *(t[..., c:] for t in taps)], axis=-1) if op.is_pad else bits


def reduce_taps(net: Netlist, op: Reduce, x: Lits) -> Lits:
    """See `Reduce`: a tree of or / and gates per channel."""
    taps = list(x.reshape(-1, op.taps, x.shape[-1] // op.taps).swapaxes(0, 1).reshape(op.taps, -1))
    neutral = np.full(taps[0].shape, ONE if op.kind == "or" else ZERO, np.int64)
    while len(taps) > 1:
        pairs = [net.maj(a, b, neutral) for a, b in zip(taps[::2], taps[1::2], strict=False)]
        taps = pairs + taps[2 * len(pairs) :]
    out: Lits = taps[0].reshape(*x.shape[:-1], -1)
    return out
