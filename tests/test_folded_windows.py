"""Folded convolutions: random units in the cycles of the model, networks as the reference says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import folded_windows
import networks
import numpy as np
import pytest
from test_folded_network import exact

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Output, Sum, Window
from threshc.compiler.ir.shapes import plane_weights, row_bounds
from threshc.compiler.ir.types import Bits, Ints
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.fold import parse

Layer = tuple[int, int, dict[str, object]]
"""Channels out, groups, and what the Window has beside its kernel of 3x3."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*range(39), 191])  # 191: windows that lie wholly in the padding
def test_random_windows(seed: int) -> None:
    """`python tests/folded_windows.py 0 200` does the same on more of them."""
    assert folded_windows.check(seed) > 0


def conv_network(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    layers: Sequence[Layer],
    *,
    encoding: str = "bit",
    values: Sequence[int] = (-1, 1),
    ends: str = "class",
) -> Network:
    """Convolutions of a map of pixels, then for `class` a dense layer of five neurons."""
    ops: list[Op] = [Input("x", (math.prod(shape),), parse_encoding(encoding), shape), Bitplanes(0)]
    given = _types(ops)[0]
    planes = np.array(plane_weights(given.lo, given.hi) if isinstance(given, Ints) else (1,))
    ops.append(Gather((1,), np.arange(math.prod(shape) * len(planes)).reshape(*shape[:2], -1)))
    for k, (rows, groups, window) in enumerate(layers):
        channels = _types(ops)[-1].shape[-1] // (1 if k else len(planes))
        ops.append(Window(len(ops) - 1, **{"kernel": (3, 3), **window}))  # type: ignore[arg-type]
        taps = math.prod(ops[-1].kernel)  # type: ignore[union-attr]
        weights = rng.choice(values, (rows, taps, channels))
        weights *= (np.arange(rows)[:, None] * groups // rows == np.arange(channels) * groups // channels)[:, None]
        weights = weights.reshape(rows, -1) if k else np.kron(weights.reshape(rows, -1), planes)
        if window.get("is_pad"):
            most = 4 if k else 4 * int(np.abs(planes).max())
            weights = np.concatenate([weights, rng.integers(-most, most + 1, (rows, taps))], axis=1)
        _layer(rng, ops, weights, is_mixed=groups == 1)
    if ends == "class":
        count = math.prod(_types(ops)[-1].shape)
        ops.append(Gather((len(ops) - 1,), np.arange(count)))
        ops.append(Sum(len(ops) - 1, rng.choice([-1, 1], (5, count)).astype(np.int8), rng.integers(-2, 3, 5)))
        ops.append(ArgMax(len(ops) - 1))
    return Network("maps", tuple(ops), (Output("y", len(ops) - 1, ends, networks.ONE_SCALE, networks.NO_OFFSET),))


def _layer(rng: np.random.Generator, ops: list[Op], weights: np.ndarray, is_mixed: bool) -> None:
    """is_mixed: answers are in another order than rows, which groups are not."""
    rows = len(weights)
    total = Sum(len(ops) - 1, weights, rng.integers(-9, 10, rows))
    low, high = row_bounds(total)
    thresholds = np.rint((low + high) / 2 + rng.normal(size=rows) * (high - low) / 8).astype(np.int64)
    order = rng.permutation(rows) if is_mixed else np.arange(rows)
    ops += [total, Compare(len(ops), order, thresholds[order])]


def _types(ops: Sequence[Op]) -> Sequence[Bits | Ints]:
    out = Output("y", len(ops) - 1, "bits", networks.ONE_SCALE, networks.NO_OFFSET)
    return Network("t", tuple(ops), (out,)).types


SAME: dict[str, object] = {"pads": (1, 1, 1, 1)}
PADS: dict[str, object] = {**SAME, "is_pad": True}


NETWORKS: list[Any] = [
    ((6, 5, 2), [(4, 1, {}), (6, 1, PADS)], "bit", (-1, 1), "class", "2x2,3x4,1x6", 0),
    ((6, 5, 2), [(4, 1, {}), (6, 1, SAME)], "uint8", (-1, 1), "class", "1x1,6x2,5x9", 2),
    ((5, 5, 3), [(4, 1, PADS)], "int4", (-1, 0, 1), "class", "4x3,1x4", 3),
    ((5, 4, 3), [(5, 1, PADS), (3, 1, PADS)], "bit", (-3, 0, 2), "class", "2x2,2x3,2x7", 1),  # nothing divides
    ((6, 5, 4), [(6, 2, PADS), (6, 6, {})], "bit", (-1, 1), "class", "3x2,1x1,1x6", 4),  # groups, depthwise
    ((6, 5, 4), [(8, 4, {}), (8, 8, SAME)], "bit", (-1, 1), "class", "2x1,4x4,1x8", 8),  # blocks of four groups
    ((6, 5, 1), [(4, 1, {"stride": (2, 1), "fill": 1, "pads": (1, 0, 2, 1)})], "bit", (-1, 1), "class", "4x1,1x4", 5),
    ((7, 7, 2), [(4, 1, {"dilation": (2, 2), "fill": 1, **PADS})], "bit", (-1, 1), "class", "2x2,1x4", 0),
    ((4, 4, 3), [(4, 1, {"kernel": (1, 1)}), (2, 1, {"kernel": (4, 4)})], "bit", (-1, 1), "class", "4x3,2x2,1x1", 0),
    ((6, 5, 2), [(4, 1, {}), (4, 1, {})], "bit", (-1, 1), "class", "unrolled,2x2,1x4", 0),
    ((6, 6, 2), [(4, 1, {}), (4, 1, {})], "bit", (-1, 1), "class", "2x2,unrolled,1x4", 0),
    ((5, 6, 2), [(4, 1, {}), (6, 1, PADS)], "bit", (-1, 1), "bits", "2x2,3x4", 0),
]
"""Shape, layers, encoding, weights, ends, folds, entry."""


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "layers", "encoding", "values", "ends", "folds", "entry"), NETWORKS)
@pytest.mark.parametrize("busy", [True, False])
def test_networks(
    shape: tuple[int, int, int],
    layers: list[Layer],
    encoding: str,
    values: tuple[int, ...],
    ends: str,
    folds: str,
    entry: int,
    busy: bool,
) -> None:
    rng = np.random.default_rng(len(folds))
    network = conv_network(rng, shape, layers, encoding=encoding, values=values, ends=ends)
    exact(rng, network, folds, entry, busy=busy)


@pytest.mark.parametrize(
    ("folds", "entry", "said"),
    [
        ("5x2,6x4,1x6", 0, "PE 5 is not from 1 to 4"),
        ("2x3,6x4,1x6", 0, "SIMD 3 is not from 1 to 2"),
        ("2x2,3x4,1x6", 3, "the beats of a sample are not those of its pixels"),
        ("2x2,3x4", 0, "the network has 3 layers to fold, not 2"),
    ],
)
def test_refusals(folds: str, entry: int, said: str) -> None:
    network = conv_network(np.random.default_rng(0), (6, 5, 2), [(4, 1, {}), (6, 1, PADS)])
    with pytest.raises(CompileError, match=said):
        folded_chain(network, parse(folds)[0], entry=entry)


def test_pixels_in_another_order_are_refused() -> None:
    network = conv_network(np.random.default_rng(0), (6, 5, 2), [(4, 1, {})])
    planes = np.arange(60).reshape(2, 6, 5).transpose(1, 2, 0)
    ops = (*network.ops[:2], Gather((1,), planes), *network.ops[3:])
    with pytest.raises(CompileError, match="its pixels are not in the order in which the stream brings them"):
        folded_chain(Network("planes", ops, network.outputs), parse("2x2,1x4")[0])


def test_last_beats_that_are_not_whole_are_refused() -> None:
    network = conv_network(np.random.default_rng(0), (5, 4, 2), [(4, 1, {})], ends="bits")
    with pytest.raises(CompileError, match="beats of 3 bits are not those of its 4 channels"):
        folded_chain(network, parse("3x2")[0])
