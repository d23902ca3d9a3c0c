"""The networks of the simulator benchmarks: random +-1 weights, as the IR and as the ONNX models a user would run."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Output, Reduce, Sum, Window

DENSE = {"TFC": (784, 64, 64, 64, 10), "SFC": (784, 256, 256, 256, 10), "LFC": (784, 1024, 1024, 1024, 10)}
CONVOLUTIONS = ((3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256))
POOLED = (1, 3)
"""Convolutions of CNV that a 2 x 2 max pooling follows; all are 3 x 3 without padding, on 32 x 32 x 3 pixels."""
HEAD = (256, 512, 512, 10)

Layers = list[tuple[NDArray[np.int8], NDArray[np.int64]]]


def layers(sizes: tuple[int, ...], seed: int = 5) -> Layers:
    """Random +-1 weights (n, k) and thresholds (n,): neuron j fires iff sum_i w_ji x_i >= t_j, x in -1, +1."""
    rng = np.random.default_rng(seed)
    made = []
    for k, n in pairwise(sizes):
        spread = int(k**0.5)
        made.append((rng.choice(np.array([-1, 1], np.int8), (n, k)), rng.integers(-spread, spread + 1, n)))
    return made


def cnv_layers(seed: int = 5) -> Layers:
    """Weights (n, 9 * channels) of the convolutions, tap by tap, then of the dense layers, with thresholds (n,).

    The first thresholds are on sums of pixels 0..255, centred.
    """
    rng = np.random.default_rng(seed)
    made = []
    for channels, n in CONVOLUTIONS:
        made += layers((9 * channels, n), int(rng.integers(1 << 30)))
    w = made[0][0]
    made[0] = (w, rng.integers(-300, 300, len(w)) + 128 * w.sum(axis=1, dtype=np.int64))
    return made + layers(HEAD, int(rng.integers(1 << 30)))


def _unipolar(w: NDArray[np.int8], t: NDArray[np.int64]) -> NDArray[np.int64]:
    """Thresholds on bits b: sum w (2b - 1) >= t is sum w b >= ceil((t + sum w) / 2)."""
    limits: NDArray[np.int64] = -(-(t + w.sum(axis=1, dtype=np.int64)) // 2)
    return limits


def _finish(name: str, ops: list[Op], w: NDArray[np.int8]) -> Network:
    ops += [Sum(len(ops) - 1, 2 * w, -w.sum(axis=1, dtype=np.int64)), ArgMax(len(ops))]
    return Network(name, tuple(ops), (Output("class", len(ops) - 1, "class", np.ones(()), np.zeros(())),))


def _dense(ops: list[Op], made: Layers) -> None:
    for w, t in made:
        ops.append(Sum(len(ops) - 1, w, np.zeros(len(w), np.int64)))
        ops.append(Compare(len(ops) - 1, np.arange(len(w)), _unipolar(w, t)))


def dense_network(name: str, made: Layers) -> Network:
    """Pixels above 127, then dense layers, to the class."""
    pixels = made[0][0].shape[1]
    ops: list[Op] = [
        Input("x", (pixels,), parse_encoding("uint8")),
        Compare(0, np.arange(pixels), np.full(pixels, 128)),
    ]
    _dense(ops, made[:-1])
    return _finish(name, ops, made[-1][0])


def cnv_network(made: Layers) -> Network:
    """CNV on (32, 32, 3) pixels of 8 bits, to the class."""
    ops: list[Op] = [
        Input("x", (3072,), parse_encoding("uint8"), (32, 32, 3)),
        Bitplanes(0),
        Gather((1,), np.arange(3072 * 8).reshape(32, 32, 24)),
    ]
    for k, (w, t) in enumerate(made[: len(CONVOLUTIONS)]):
        ops.append(Window(len(ops) - 1, (3, 3)))
        if k == 0:  # eight bits per tap and channel
            weights, limits = np.repeat(w.astype(np.int16), 8, axis=1) << np.tile(np.arange(8), w.shape[1]), t
        else:
            weights, limits = w.astype(np.int16), _unipolar(w, t)
        ops.append(Sum(len(ops) - 1, weights, np.zeros(len(w), np.int64)))
        ops.append(Compare(len(ops) - 1, np.arange(len(w)), limits))
        if k in POOLED:
            ops += [Window(len(ops) - 1, (2, 2), (2, 2)), Reduce(len(ops), "or", 4)]
    probe = Network("probe", tuple(ops), (Output("p", len(ops) - 1, "bits", np.ones(()), np.zeros(())),))
    ops.append(Gather((len(ops) - 1,), np.arange(int(np.prod(probe.types[-1].shape)))))
    _dense(ops, made[len(CONVOLUTIONS) : -1])
    return _finish("CNV", ops, made[-1][0])


def sparse_layers(seed: int = 5) -> Layers:
    """784-1000-1000-1000 with eight weights +-1 per neuron, thresholds on bits that about half of the samples reach."""
    rng = np.random.default_rng(seed)
    made = []
    for k, n in ((784, 1000), (1000, 1000), (1000, 1000)):
        w = np.zeros((n, k), np.int8)
        columns = np.argsort(rng.random((n, k)), axis=1)[:, :8]
        np.put_along_axis(w, columns, rng.choice(np.array([-1, 1], np.int8), (n, 8)), axis=1)
        made.append((w, (w.sum(axis=1, dtype=np.int64) + 1) // 2))
    return made


def groups() -> NDArray[np.int8]:
    """(10, 1000): class c counts the neurons 100 * c .. 100 * c + 99."""
    weights: NDArray[np.int8] = (np.arange(1000) // 100 == np.arange(10)[:, None]).astype(np.int8)
    return weights


def sparse_network(made: Layers) -> Network:
    """Pixels above 127, three layers of thresholds on bits, and the class with the most ones."""
    ops: list[Op] = [Input("x", (784,), parse_encoding("uint8")), Compare(0, np.arange(784), np.full(784, 128))]
    for w, t in made:
        ops.append(Sum(len(ops) - 1, w, np.zeros(len(w), np.int64)))
        ops.append(Compare(len(ops) - 1, np.arange(len(w)), t))
    ops += [Sum(len(ops) - 1, groups(), np.zeros(10, np.int64)), ArgMax(len(ops))]
    return Network("sparse", tuple(ops), (Output("class", len(ops) - 1, "class", np.ones(()), np.zeros(())),))
