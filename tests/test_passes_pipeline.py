"""The pipeline as a whole: outputs kept, nothing left to do, options, and how a broken pass is caught."""

from __future__ import annotations

from dataclasses import dataclass, replace

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tangled import tangled

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import Affine, Step
from threshc.compiler.ir.isomorphism import first_difference
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Input, Sum
from threshc.compiler.passes.check import check_pass, check_samples
from threshc.compiler.passes.divide_by_gcd import DivideByGcd
from threshc.compiler.passes.pipeline import PIPELINE, PassError, optimize, pass_names
from threshc.sim import reference


def evaluate(network: Network, samples: np.ndarray) -> tuple[np.ndarray, ...]:
    return reference.run(network, samples).values


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32 - 1))
def test_outputs_are_kept_on_every_input(seed: int) -> None:
    network = tangled(np.random.default_rng(seed))
    small = optimize(network, verify=evaluate)
    assert check_pass(network, small, evaluate, np.random.default_rng(0)) is None
    assert first_difference(small, optimize(small)) is None


@pytest.mark.parametrize("kind", ["pm1", "ternary", "sparse", "int"])
@pytest.mark.parametrize("encoding", ["bit", "bipolar", "uint8/255", "int5", "step"])
def test_dense_networks(kind: str, encoding: str) -> None:
    rng = np.random.default_rng(len(kind))
    network = networks.random_dense(rng, (20, 12, 8, 4), kind, encoding, "class", encoding == "uint8/255")
    small = optimize(network, verify=evaluate)
    assert first_difference(small, optimize(small)) is None


@pytest.mark.parametrize("kind", ["pm1", "sparse", "int"])
def test_convolutions(kind: str) -> None:
    network = networks.random_conv(np.random.default_rng(2), kind=kind)
    small = optimize(network, verify=evaluate)
    assert first_difference(small, optimize(small)) is None


def test_planted_neurons_are_all_found() -> None:
    """A layer of 16 neurons, doubled with equal, complementary, scaled and constant ones, shrinks back to 16."""
    rng = np.random.default_rng(4)
    network = networks.random_dense(rng, (12, 16, 5), "pm1")
    ops = list(network.ops)
    first, compare, last = ops[2], ops[3], ops[4]
    assert isinstance(first, Sum)
    assert isinstance(compare, Compare)
    assert isinstance(last, Sum)
    w, b, t = first.weights.astype(np.int64), first.bias, np.clip(compare.threshold, first.bias - 3, first.bias + 3)
    weights = np.concatenate([w, w[:4], -w[4:8], 3 * w[8:12], w[12:]])
    bias = np.concatenate([b, b[:4] + 5, -b[4:8], 3 * b[8:12], b[12:]])
    threshold = np.concatenate([t, t[:4] + 5, 1 - t[4:8], 3 * t[8:12] - 2, np.full(4, 99)])
    ops[2] = Sum(1, weights, bias)
    ops[3] = Compare(2, np.arange(32), threshold)
    ops[4] = Sum(3, np.concatenate([last.weights, 3 * last.weights], axis=1), last.bias)
    small = optimize(Network("n", tuple(ops), network.outputs), verify=evaluate)
    assert [len(op.bias) for op in small.ops if isinstance(op, Sum)] == [16, 5]
    assert [len(op.row) for op in small.ops if isinstance(op, Compare)] == [16]


def test_stop_and_print_after() -> None:
    seen: list[str] = []
    network = networks.random_dense(np.random.default_rng(0), (6, 5, 3))
    optimize(network, stop_after="DivideByGcd", print_after=lambda name, _: seen.append(name))
    assert seen == ["SimplifyGathers", "FoldConstants", "ShareSums", "PruneInputs", "DivideByGcd"]
    assert pass_names() == tuple(type(p).__name__ for p in PIPELINE)
    with pytest.raises(CompileError) as caught:
        optimize(network, stop_after="Divide")
    assert caught.value.diagnostics[0].what == "there is no pass 'Divide'"
    assert caught.value.diagnostics[0].hint == ", ".join(pass_names())


@dataclass(frozen=True)
class Broken:
    """Raises every threshold by one."""

    def apply(self, network: Network) -> Network:
        ops = [replace(op, threshold=op.threshold + 1) if isinstance(op, Compare) else op for op in network.ops]
        return Network(network.name, tuple(ops), network.outputs)


@dataclass(frozen=True)
class Crash:
    """Makes a network that the verifier refuses."""

    def apply(self, network: Network) -> Network:
        return Network(network.name, network.ops, ())


def test_a_broken_pass_is_named_with_a_counterexample() -> None:
    with pytest.raises(PassError) as caught:
        optimize(networks.xor(), passes=(DivideByGcd(), Broken()), verify=evaluate)
    assert str(caught.value) == (
        "pass Broken (after DivideByGcd) changed what the network computes: "
        "output 'y' [0] is 1 before and 0 after for the input [1 0]"
    )


def test_a_crashing_pass_is_named() -> None:
    with pytest.raises(PassError) as caught:
        optimize(networks.xor(), passes=(Crash(),))
    assert str(caught.value) == "pass Crash (after no other pass) failed: the network has no output"


def test_check_pass_compares_interfaces() -> None:
    rng = np.random.default_rng(0)
    xor = networks.xor()
    renamed = Network("n", xor.ops, (replace(xor.outputs[0], name="z"),))
    assert check_pass(xor, renamed, evaluate, rng) == "the outputs' names are ['y'] before and ['z'] after"
    scaled = Network("n", xor.ops, (replace(xor.outputs[0], scale=np.array(2.0)),))
    assert check_pass(xor, scaled, evaluate, rng) == "output 'y' has another scale or offset"
    other = Network("n", (replace(xor.input, name="q"), *xor.ops[1:]), xor.outputs)
    assert check_pass(xor, other, evaluate, rng) == "the input differs: %0 and %0, Input, name: 'x' and 'q'"
    wide = Network("n", xor.ops, (replace(xor.outputs[0], value=3),))
    assert check_pass(xor, wide, evaluate, rng) == "output 'y' has shape [1] before and [2] after"


def test_check_samples() -> None:
    rng = np.random.default_rng(0)
    every = check_samples(Input("x", (3,), Affine(-1, 2)), rng)
    assert sorted(map(tuple, every.tolist())) == [
        (a, b, c) for a in range(-1, 3) for b in range(-1, 3) for c in range(-1, 3)
    ]
    assert len(check_samples(Input("x", (16,), Affine(0, 1)), rng)) == 2**16
    many = check_samples(Input("x", (784,), Affine(0, 255)), rng)
    assert many.shape == (2 + 2 * 64 + 2 * 512, 784)
    assert (many.min(), many.max()) == (0, 255)
    assert (many.sum(axis=1) == 255).sum() >= 64  # one-hot
    step = Input("x", (2,), Step(2, np.arange(2), np.zeros(2, np.float32)))
    assert check_samples(step, rng).dtype == np.bool_
