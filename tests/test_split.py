"""Networks cut in parts, and put together again."""

from __future__ import annotations

import re

import networks
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.layers import layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output, Sum
from threshc.compiler.ir.split import joined, split
from threshc.hdl.proof.fingerprint import fingerprint
from threshc.sim import reference

MADE = {
    "dense": lambda rng: networks.random_dense(rng, (9, 7, 6, 5, 3)),
    "scores": lambda rng: networks.random_dense(rng, (9, 7, 6), "int", outputs="scores"),
    "bits": lambda rng: networks.random_dense(rng, (9, 7, 6), "ternary", "uint2", outputs="bits"),
    "conv": networks.random_conv,
}


def _possible(network: Network) -> list[str]:
    found = []
    for layer in layers(network):
        try:
            split(network, [layer.name])
        except CompileError:
            continue
        found.append(layer.name)
    return found


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("seed", range(3))
def test_parts_compute_what_the_network_does_and_fit_together(kind: str, seed: int) -> None:
    network = MADE[kind](np.random.default_rng(seed))
    cuts = _possible(network)
    assert cuts
    parts = split(network, cuts)
    assert len(parts) == len(cuts) + 1
    assert fingerprint(joined(parts, network.name)) == fingerprint(network)
    x = networks.random_samples(np.random.default_rng(seed + 9), network, 30)
    want = reference.run(network, x)
    for part in parts:
        got = reference.run(part.network, x)
        x = np.asarray(got.values[0]).astype(np.int64)
        values = [v + part.offset for v, op in enumerate(part.network.ops) if isinstance(op, Compare)]
        place = {v: k for k, v in enumerate(v for v, op in enumerate(network.ops) if isinstance(op, Compare))}
        for value, bits in zip(values, got.bits, strict=True):
            np.testing.assert_array_equal(bits, want.bits[place[value]])
    for one, other in zip(got.values, want.values, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_order_of_cuts_does_not_matter_and_values_are_names_too() -> None:
    network = networks.random_dense(np.random.default_rng(1), (9, 7, 6, 5, 3))
    first, second, *_ = layers(network)
    one, other = split(network, [first.name, second.name]), split(network, [f"%{second.value}", f"%{first.value}"])
    assert [fingerprint(p.network) for p in one] == [fingerprint(p.network) for p in other]
    assert split(network, [])[0].network is network


def test_other_parts_are_not_put_together() -> None:
    network = networks.random_dense(np.random.default_rng(1), (9, 7, 6, 5, 3))
    first, second, third, *_ = split(network, [layer.name for layer in layers(network)[:3]])
    for wrong in ((first, third), (second, first), (first, first)):
        with pytest.raises(CompileError, match="the parts of a network do not fit"):
            joined(wrong, "wrong")


def _skipping() -> Network:
    """The second layer reads the first one and the input."""
    rng = np.random.default_rng(3)
    x, bias = Input("x", (4,), parse_encoding("bit")), np.zeros(4, np.int64)
    one = [Sum(1, rng.integers(1, 3, (4, 4)), bias), Compare(2, np.arange(4), np.ones(4, np.int64))]
    two = [Sum(3, rng.integers(1, 3, (4, 4)), bias), Compare(4, np.arange(4), np.ones(4, np.int64))]
    last = Sum(5, rng.integers(1, 3, (4, 4)), bias)
    return Network(
        "skips",
        (x, Bitplanes(0), *one, *two, last),
        (Output("y", 6, "scores", np.ones(()), np.zeros(())), Output("early", 3, "bits", np.ones(()), np.zeros(()))),
    )


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("nosuch", "the network has no layer 'nosuch' to be cut behind"),
        (
            "%4",
            r"not in two pieces behind .* what follows reads %3 \(Compare\), %5 \(Compare\) try: cut behind dense 1 ",
        ),
        ("%6", "nothing follows"),
    ],
)
def test_refusals(name: str, what: str) -> None:
    with pytest.raises(CompileError) as caught:
        split(_skipping(), [name])
    text = " ".join(str(caught.value).split())
    assert re.search(what, text), text


def test_a_layer_named_twice() -> None:
    network = networks.random_dense(np.random.default_rng(1), (9, 7, 3))
    with pytest.raises(CompileError, match="cut behind '%2' twice"):
        split(network, ["%2", "%3"])
