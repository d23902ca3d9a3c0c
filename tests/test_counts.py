"""Counts against definitions written out naively, element by element."""

import dataclasses
import json

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Reduce, Sum
from threshc.compiler.ir.types import Ints
from threshc.sim.counts import adders, count


def naive_adders(row: list[int]) -> tuple[int, int]:
    """Columns of bits, reduced three and two at a time from the lowest weight up."""
    columns = [0] * 200
    for w in row:
        place = 0
        while w:  # non-adjacent form: an odd number takes the digit that leaves a multiple of four
            if w % 2:
                columns[place] += 1
                w -= 1 if w % 4 == 1 else -1
            w //= 2
            place += 1
    full = half = 0
    for place in range(199):
        while columns[place] > 1:
            taken = 3 if columns[place] > 2 else 2
            columns[place] -= taken - 1
            columns[place + 1] += 1
            full, half = full + (taken == 3), half + (taken == 2)
    return full, half


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(-(2**50), 2**50), min_size=5, max_size=5), min_size=1, max_size=4))
def test_adders(weights: list[list[int]]) -> None:
    naive = [naive_adders(row) for row in weights]
    assert adders(np.array(weights)) == (sum(f for f, _ in naive), sum(h for _, h in naive))


def naive_digits(values: list[int]) -> int:
    """Digits of the longest non-adjacent form."""

    def one(w: int) -> int:
        if w == 0:
            return 0
        return 1 + one((w - (0 if w % 2 == 0 else 1 if w % 4 == 1 else -1)) // 2)

    return max(map(one, values))


def bits_for(values: int) -> int:
    """Bits that tell so many values apart."""
    return next(b for b in range(100) if 2**b >= values)


def naive(network: Network) -> dict[str, int]:
    """Totals of a network whose Sums are read by Compares, or by an ArgMax and an output; loops over everything."""
    names = ("xnor_ops", "and_ops", "popcounts", "pool_ops", "float32_bytes")
    total = dict.fromkeys((*names, "synapses", "compares", "weight_bits", "threshold_bits", "activation_bits"), 0)
    for v, op in enumerate(network.ops):
        if isinstance(op, Compare):
            n = int(np.prod(network.types[v].shape))
            total["compares"] += n
            total["activation_bits"] += n
            source, t = network.ops[op.s], network.types[op.s]
            assert isinstance(t, Ints)
            for r in op.row:
                lo, hi = t.lo, t.hi
                if isinstance(source, Sum):
                    weights = source.weights[r].tolist()
                    lo, hi = sum(w for w in weights if w < 0), sum(w for w in weights if w > 0)
                total["threshold_bits"] += bits_for(hi - lo + 2)
        if isinstance(op, Reduce):
            for _ in range(int(np.prod(network.types[v].shape))):
                total["activation_bits"] += 1
                total["pool_ops"] += op.taps - 1
        if isinstance(op, Sum):
            values = op.weights.ravel().tolist()
            positions = int(np.prod(network.types[v].shape[:-1]))
            total["synapses"] += positions * sum(w != 0 for w in values)
            total["float32_bytes"] += 4 * (len(values) + len(op.weights))
            if set(values) <= {-1, 0, 1}:
                width = 2 if 0 in values else 1
            else:
                width = next(b for b in range(2, 64) if all(-(2 ** (b - 1)) <= w < 2 ** (b - 1) for w in values))
            total["weight_bits"] += width * len(values)
            for _ in range(positions):
                for row in op.weights.tolist():
                    total["xnor_ops"] += len(row) if width == 1 else 0
                    each = 0 if width == 1 else 1 if set(values) <= {-1, 0, 1} else width
                    total["and_ops"] += each * sum(1 for w in row if w)
                    total["popcounts"] += len(range(0, len(row), 64)) * naive_digits(values)
            if any(o.value == v for o in network.outputs):
                t = network.types[v]
                assert isinstance(t, Ints)
                signed = next(b for b in range(1, 64) if -(2 ** (b - 1)) <= t.lo and t.hi < 2 ** (b - 1))
                width = signed if t.lo < 0 else max(signed - 1, 1)
                total["activation_bits"] += width * len(op.weights)
                total["threshold_bits"] += width * len(op.weights) if op.bias.any() else 0
                total["compares"] += len(op.weights) - 1
    return total


@pytest.mark.parametrize("kind", ["pm1", "ternary", "sparse", "int"])
@pytest.mark.parametrize("seed", range(3))
def test_totals_and_layers(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for network in (
        networks.random_dense(rng, (30, 17, 9, 5), kind, "uint8", "class", True),
        networks.random_dense(rng, (30, 17, 5), kind, "step", "bits"),
        networks.random_conv(rng, 8, (3, 4), kind),
    ):
        found = count(network)
        totals = dataclasses.asdict(found.totals)
        for name, value in naive(network).items():
            assert totals[name] == value, name
        assert found.totals.memory_bits == found.totals.weight_bits + found.totals.threshold_bits
        for layer in found.layers:
            names = {"pm1": "+-1", "ternary": "ternary", "sparse": "ternary", "int": "integer"}
            assert layer.weight_kind in ("none", names[kind])
            assert layer.xnor_ops == (layer.synapses if kind == "pm1" else 0)
            op = network.ops[layer.value]
            if isinstance(op, Sum):
                each = [naive_adders(row) for row in op.weights.tolist()]
                assert layer.full_adders == layer.positions * sum(f for f, _ in each)
                assert layer.half_adders == layer.positions * sum(h for _, h in each)
                assert layer.density == np.mean(op.weights != 0)


def test_tfc_by_hand() -> None:
    """784-64-64-64-10 with weights +-1 on thresholded pixels."""
    rng = np.random.default_rng(0)
    found = count(networks.random_dense(rng, (784, 64, 64, 64, 10), "pm1", "uint8", "class", True))
    assert [(layer.fan_in, layer.rows) for layer in found.layers] == [(0, 0), (784, 64), (64, 64), (64, 64), (64, 10)]
    assert found.totals.synapses == found.totals.weight_bits == 59008
    assert found.totals.xnor_ops == 59008
    assert found.totals.and_ops == 0
    assert found.totals.compares == 784 + 3 * 64 + 9
    assert found.totals.float32_bytes == 4 * (59008 + 202)
    assert found.input_bits == 8 * 784
    # 784 = 0b1100010000: 784 bits into 10 take 784 - 3 adders of either kind, and the carries of the halves
    assert found.layers[1].full_adders == 64 * naive_adders([1] * 784)[0]
    assert [layer.name for layer in found.layers] == ["compare 1 (784)", "fc0", "fc1", "fc2", "fc3"]


def test_counts_are_json() -> None:
    found = count(networks.xor())
    again = json.loads(json.dumps(dataclasses.asdict(found)))
    assert again["network"] == "xor"
    assert again["layers"][0]["synapses"] == 2
    assert again["layers"][1]["weight_kind"] == "integer"
    assert again["layers"][1]["weight_width"] == 2
    assert again["totals"]["compares"] == 3


def test_argmax_of_the_input_is_a_layer() -> None:
    from test_packed_edges import network_of

    from threshc.compiler.encoding import parse_encoding
    from threshc.compiler.ir.ops import ArgMax, Input

    (layer,) = count(network_of(Input("x", (6,), parse_encoding("uint8")), ArgMax(0), c=(1, "class"))).layers
    assert (layer.compares, layer.activation_bits, layer.weight_kind, layer.threshold_bits) == (5, 3, "none", 0)
