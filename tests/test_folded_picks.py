"""Folded layers that pick bits of the layer before: simulated and proved."""

from __future__ import annotations

import networks
import numpy as np
import pytest
from test_folded_network import exact

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Output, Sum, Window
from threshc.hdl.folded.certify import outside, part_claims
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_network import check_network


def picking_network(rng: np.random.Generator, kind: str) -> Network:
    """A dense layer, and one that reads its bits: `slice`: some of them; `again`: some twice, some not at all, and
    constants; `mean`: each of eight pixels alike, as behind a global mean; `window`: those under a padded window."""
    ops: list[Op] = [Input("x", (6,), parse_encoding("bit")), Bitplanes(0)]
    ops.append(Sum(1, rng.choice([-1, 1], (24, 6)).astype(np.int8), np.zeros(24, np.int64)))
    ops.append(Compare(2, rng.permutation(24), rng.integers(-1, 2, 24)))
    if kind in ("mean", "window"):
        ops.append(Gather((3,), np.arange(24).reshape(2, 4, 3)))
        ops.append(Window(4, (2, 4)) if kind == "mean" else Window(4, (3, 4), pads=(1, 0, 0, 0), fill=1))
        count = 24 if kind == "mean" else 36
        ops.append(Gather((5,), np.arange(count)))
    else:
        index = np.arange(4, 17) if kind == "slice" else np.array([3, 3, 7, -1, 20, -2, 5, 3])
        ops.append(Gather((3,), index))
        count = len(index)
    weights = rng.choice([-1, 1], (5, 3 if kind == "mean" else count))
    ops.append(Sum(len(ops) - 1, np.tile(weights, (1, count // weights.shape[1])), rng.integers(-2, 3, 5)))
    ops.append(ArgMax(len(ops) - 1))
    return Network("picks", tuple(ops), (Output("y", len(ops) - 1, "class", networks.ONE_SCALE, networks.NO_OFFSET),))


@pytest.mark.parametrize("kind", ["slice", "again", "mean", "window"])
def test_layers_that_pick_bits(kind: str) -> None:
    """Bits that a layer skips weigh 0, those that it reads twice weigh the sum, those that are always 1 are a bias."""
    rng = np.random.default_rng(0)
    chain = exact(rng, picking_network(rng, kind), "4x3,1x6", 0, busy=False)
    if kind in ("slice", "mean"):
        assert check_network(chain.network, outside(chain), part_claims(chain)).startswith("class")
    else:
        with pytest.raises(Unproved, match="the layer reads bits that are always 1"):
            check_network(chain.network, outside(chain), part_claims(chain))
