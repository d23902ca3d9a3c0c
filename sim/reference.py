"""THE meaning of the IR, in numpy, a few plain lines per operation. Slow and obvious; all else is compared to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ONE, ZERO, ArgMax, Bitplanes, Compare, Gather, Input, Op, Reduce, Sum, Window
from threshc.compiler.ir.shapes import plane_weights, window_size
from threshc.compiler.ir.types import Ints
from threshc.sim.inputs import encode
from threshc.sim.result import Result
from threshc.sim.size import want_values

Array = NDArray[np.int64]


def run(network: Network, x: ArrayLike) -> Result:
    """Evaluates a network on samples (see `encode` for shapes and dtypes), keeping every hidden bit."""
    return run_encoded(network, encode(network, x))


def run_encoded(network: Network, encoded: NDArray[np.integer]) -> Result:
    """Does what `run` does, for samples (N, n) that `encode` has made."""
    values = evaluate(network, encoded)
    return Result(
        network,
        tuple(values[o.value].astype(np.uint8) if o.kind == "bits" else values[o.value] for o in network.outputs),
        tuple(values[v].astype(np.uint8) for v, op in enumerate(network.ops) if isinstance(op, Compare)),
    )


def evaluate(network: Network, encoded: NDArray[np.integer]) -> list[Array]:
    """Returns every value of the network for encoded samples (N, n): one int64 array (N, *shape) per operation.

    Raises CompileError where they take more memory than there is.
    """
    want_values(network, len(encoded))
    values: list[Array] = []
    for op in network.ops:
        values.append(_evaluate(network, op, values, encoded))
    return values


def _evaluate(network: Network, op: Op, values: list[Array], encoded: NDArray[np.integer]) -> Array:
    match op:
        case Input():
            return encoded.astype(np.int64).reshape(len(encoded), *op.shape)
        case Bitplanes():
            t = network.types[op.x]
            assert isinstance(t, Ints)
            planes = values[op.x][..., None] >> np.arange(len(plane_weights(t.lo, t.hi))) & 1
            return planes.reshape(*planes.shape[:-2], planes.shape[-2] * planes.shape[-1])
        case Window():
            return _window(op, values[op.x])
        case Gather():
            n = len(encoded)
            flat = np.concatenate([_flat(values[x]) for x in op.x], axis=1)
            picked = flat[:, np.maximum(op.index, 0).ravel()].reshape(n, *op.index.shape)
            return np.asarray(np.where(op.index == ZERO, 0, np.where(op.index == ONE, 1, picked)))
        case Sum():
            return np.asarray(values[op.x] @ op.weights.T.astype(np.int64) + op.bias)
        case Compare():
            return (values[op.s][..., op.row] >= op.threshold).astype(np.int64)
        case Reduce():
            width = values[op.x].shape[-1]
            taps = values[op.x].reshape(*values[op.x].shape[:-1], op.taps, width // op.taps)
            return np.asarray(taps.max(axis=-2) if op.kind == "or" else taps.min(axis=-2))
        case ArgMax():
            return np.asarray(values[op.s].argmax(axis=-1)[:, None])


def _flat(x: Array) -> Array:
    return x.reshape(len(x), int(np.prod(x.shape[1:])))  # not -1: there may be no samples


def _window(op: Window, x: Array) -> Array:
    n, h, w, c = x.shape
    (kh, kw), (sh, sw), (top, left, bottom, right), (dh, dw) = op.kernel, op.stride, op.pads, op.dilation
    oh, ow = window_size(op, h, w)
    padded = np.full((n, h + top + bottom, w + left + right, c + 1), op.fill, np.int64)
    padded[..., c] = 1  # the last channel says "this is padding"
    padded[:, top : top + h, left : left + w, :c] = x
    padded[:, top : top + h, left : left + w, c] = 0
    taps = [
        padded[:, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    bits = np.concatenate([t[..., :c] for t in taps], axis=-1)
    return np.concatenate([bits, *(t[..., c:] for t in taps)], axis=-1) if op.is_pad else bits
