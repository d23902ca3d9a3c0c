"""The text form: golden files, round trip, isomorphism, and what the parser says about bad text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tangled import tangled

from threshc.compiler.encoding import Affine, Step
from threshc.compiler.ir.isomorphism import first_difference, isomorphic
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Loc, Op, Output, Reduce, Sum, Window
from threshc.compiler.ir.parser import parse_network
from threshc.compiler.ir.text import print_network, to_text

GOLDEN = Path(__file__).parent / "golden"


def small_conv() -> Network:
    """A padded convolution, pooling and a classifier with weights by formula, so that no generator can change them."""
    w1 = (np.arange(2 * 8).reshape(2, 8) % 3 - 1).astype(np.int8)
    w2 = (np.arange(2 * 32).reshape(2, 32) % 5 - 2).astype(np.int16)
    ops: tuple[Op, ...] = (
        Input("image", (16,), Affine(0, 255, (("div", (255.0,)), ("add", (-0.5,)))), (1, 4, 4)),
        Compare(0, np.arange(16), np.full(16, 128), Loc("Greater_0", "bits")),
        Gather((1,), np.arange(16).reshape(4, 4, 1)),
        Window(2, (2, 2), pads=(0, 0, 1, 1), is_pad=True),
        Sum(3, w1, np.array([0, -1])),
        Compare(4, np.array([0, 1]), np.array([1, 0]), Loc('a "quoted"\nname', "b")),
        Window(5, (1, 2), (1, 1)),
        Reduce(6, "or", 2),
        Gather((7,), np.r_[np.arange(24), -1, -2, np.arange(6)]),
        Sum(8, w2, np.zeros(2, np.int64), Loc("Gemm", "logits")),
        ArgMax(9),
    )
    scores = Output("logits", 9, "scores", np.array([0.5, 0.1]), np.array([0.0, -1.5]))
    return Network("small conv", ops, (scores, Output("class", 10, "class", np.ones(()), np.zeros(()))))


def check_round_trip(network: Network) -> None:
    text, arrays = to_text(network)
    back = parse_network(text, arrays)
    assert first_difference(network, back, locs=True) is None
    assert to_text(back)[0] == text


@pytest.mark.parametrize("network", [networks.xor(), small_conv()], ids=["xor", "conv"])
def test_golden(network: Network) -> None:
    """The text form is an interface: whoever changes it changes these files (and FORMAT)."""
    golden = GOLDEN / f"{network.name.replace(' ', '_')}.txt"
    assert print_network(network) == golden.read_text(encoding="utf-8")


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_round_trip_of_random_networks(seed: int) -> None:
    check_round_trip(tangled(np.random.default_rng(seed)))


@pytest.mark.parametrize("encoding", ["bit", "bipolar", "uint8/255", "int12*0.01-3"])
def test_round_trip_of_large_arrays(encoding: str) -> None:
    network = networks.random_dense(np.random.default_rng(1), (100, 70, 5), "int", encoding)
    text, arrays = to_text(network)
    assert "2.weights" in arrays
    assert len(text) < 10_000
    check_round_trip(network)


@settings(deadline=None, max_examples=60)
@given(st.text(), st.text(), st.text(), st.lists(st.floats(allow_nan=False), min_size=2, max_size=2))
def test_round_trip_of_any_text_and_float(name: str, node: str, tensor: str, scale: list[float]) -> None:
    ops: tuple[Op, ...] = (
        Input(
            name, (2,), Affine(-3, 4, (("mul", (0.1,)), ("div", (3.0,)), ("add", (-1e-3,)))), (2, 1), Loc(node, tensor)
        ),
        Bitplanes(0),
    )
    ops = (*ops, Sum(1, np.ones((2, 8), np.int64), np.zeros(2, np.int64)))
    network = Network(name, ops, (Output(node, 2, "scores", np.array(scale), np.array([np.nan, -np.inf])),))
    text, arrays = to_text(network)
    assert text.isascii()
    back = parse_network(text, arrays)
    assert back.name == name
    assert back.ops[0].loc == Loc(node, tensor)
    assert str(back.input.encoding) == str(network.input.encoding)
    assert repr(back.input.encoding) == repr(network.input.encoding)
    assert back.outputs[0].scale.tobytes() == network.outputs[0].scale.tobytes()
    check_round_trip(network)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=100))
def test_round_trip_of_step_thresholds(values: list[float]) -> None:
    threshold = np.array(values, np.float32)
    step = Step(7, np.arange(len(values)) % 7, threshold)
    network = Network("s", (Input("x", (len(values),), step),), (Output("y", 0, "bits", np.ones(()), np.zeros(())),))
    back = parse_network(*to_text(network)).input.encoding
    assert isinstance(back, Step)
    assert back.threshold.tobytes() == threshold.tobytes()


def test_isomorphism_ignores_numbering_and_dead_order() -> None:
    head: tuple[Op, ...] = (Input("x", (2,), Affine(0, 1)), Bitplanes(0))
    w = np.array([[1, 1]], np.int8)
    one, two = Sum(1, w, np.array([0])), Sum(1, 2 * w, np.array([0]))
    join = Output("a", 2, "scores", np.ones(()), np.zeros(())), Output("b", 3, "scores", np.ones(()), np.zeros(()))
    swapped = replace(join[0], value=3), replace(join[1], value=2)
    assert isomorphic(Network("n", (*head, one, two), join), Network("n", (*head, two, one), swapped))
    assert not isomorphic(Network("n", (*head, one, two), join), Network("n", (*head, two, one), join))


def changed(v: int, **fields: object) -> Network:
    network = small_conv()
    ops = tuple(replace(op, **fields) if k == v else op for k, op in enumerate(network.ops))  # type: ignore[arg-type]
    return Network(network.name, ops, network.outputs)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (changed(0, name="y"), "%0 and %0, Input, name: 'image' and 'y'"),
        (changed(0, encoding=Affine(0, 255)), f"%0 and %0, Input, encoding: {small_conv().input.encoding} and uint8"),
        (changed(0, model_shape=(16,)), "%0 and %0, Input, model_shape: (1, 4, 4) and (16,)"),
        (changed(3, fill=1), "%3 and %3, Window, fill: 0 and 1"),
        (changed(4, bias=np.array([0, 5])), "%4 and %4, Sum, bias: [ 0 -1] [2] and [0 5] [2]"),
        (changed(7, kind="and"), "%7 and %7, Reduce, kind: 'or' and 'and'"),
        (networks.xor(), "name: 'small conv' and 'xor'"),
        (changed(4, loc=Loc("n")), None),
    ],
)
def test_first_difference(other: Network, message: str | None) -> None:
    assert first_difference(small_conv(), other) == message


def test_first_difference_of_structure_and_outputs() -> None:
    network = small_conv()
    score, label = network.outputs
    fewer = Network(network.name, network.ops[:-1], (score,))
    assert first_difference(network, fewer) == "outputs: 2 and 1"
    scaled = Network(network.name, network.ops, (replace(score, scale=np.array([0.5, 0.25])), label))
    assert first_difference(network, scaled) == "output 0, scale: [0.5 0.1] [2] and [0.5  0.25] [2]"
    loc = changed(4, loc=Loc("n"))
    assert (
        first_difference(network, loc, locs=True)
        == "%4 and %4, Sum, loc: Loc(node='', tensor='') and Loc(node='n', tensor='')"
    )
    doubled = Network(network.name, (*network.ops, network.ops[-1]), network.outputs)
    assert first_difference(network, doubled) == "operations: 11 and 12"


def test_first_difference_of_sharing() -> None:
    """Two equal sums are not one sum read twice."""
    head: tuple[Op, ...] = (Input("x", (2,), Affine(0, 1)), Bitplanes(0))
    s = Sum(1, np.array([[1, 1]]), np.array([0]))
    outs = [Output(n, v, "scores", np.ones(()), np.zeros(())) for n, v in (("a", 2), ("b", 3), ("b", 2))]
    two = Network("n", (*head, s, s), (outs[0], outs[1]))
    one = Network("n", (*head, s, s), (outs[0], outs[2]))
    assert first_difference(two, one) == "%2 of the second network stands for both %2 and %3"
