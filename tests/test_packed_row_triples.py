"""Rows that are counted three at a time: packed == reference, and the lists are what they should be."""

import networks
import numpy as np
import pytest
from test_packed_random import assert_same

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output, Sum
from threshc.sim.packed.planes.layout import TRIPLES
from threshc.sim.packed.planes.plan import plan
from threshc.sim.packed.planes.row_triples_plan import choose


def layer(weights: np.ndarray, limits: np.ndarray, bias: np.ndarray) -> Network:
    rows = len(weights)
    ops = (
        Input("x", weights.shape[1:], networks.parse_encoding("bit")),
        Bitplanes(0),
        Sum(1, weights, bias),
        Compare(2, np.arange(rows), limits),
    )
    return Network("layer", ops, (Output("y", 3, "bits", networks.ONE_SCALE, networks.NO_OFFSET),))


def triples_of(network: Network) -> int:
    program = plan(network).program
    return int(program[program["op"] == TRIPLES]["rows"].sum()) // 3


@pytest.mark.parametrize(("rows", "fan_in", "alike"), [(3, 300, 0.5), (31, 300, 0.5), (40, 256, 0.9), (11, 2100, 0.5)])
def test_dense(rows: int, fan_in: int, alike: float) -> None:
    rng = np.random.default_rng(rows)
    base = rng.choice([-1, 1], fan_in)
    weights = base * rng.choice([-1, 1], (rows, 1)) * np.where(rng.random((rows, fan_in)) < alike, 1, -1)
    bias = rng.integers(-20, 20, rows)
    network = layer(weights, bias + rng.integers(-15, 15, rows), bias)
    assert triples_of(network) == rows // 3
    assert_same(network, networks.random_samples(rng, network, 600))


def test_convolution() -> None:
    rng = np.random.default_rng(4)
    network = networks.random_conv(rng, 7, (70, 20), "pm1")
    assert triples_of(network) > 0
    assert_same(network, networks.random_samples(rng, network, 530))


def test_rows_that_agree_are_put_together() -> None:
    rng = np.random.default_rng(0)
    kinds = rng.choice([-1, 1], (4, 400))
    weights = np.repeat(kinds, 3, axis=0)[rng.permutation(12)] * rng.choice([-1, 1], (12, 1))
    triples, signs = choose(weights, np.ones(12, np.int64))
    assert sorted(triples.ravel()) == list(range(12))
    for triple in triples:
        same = weights[triple] * signs[triple, None]
        assert (same == same[0]).all()


def test_rows_stay_alone_where_triples_do_not_pay() -> None:
    rng = np.random.default_rng(0)
    choice = np.ones(30, np.int64)
    triples, signs = choose(rng.choice([-1, 1], (30, 60)), choice)
    assert len(triples) == 0
    assert signs is choice
