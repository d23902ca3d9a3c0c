"""What each pass does to a network made for it."""

from __future__ import annotations

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tangled import tangled

from threshc.compiler.encoding import Affine
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ONE, ZERO, Bitplanes, Compare, Gather, Input, Loc, Op, Output, Reduce, Sum, Window
from threshc.compiler.passes.check import check_pass
from threshc.compiler.passes.clamp_thresholds import ClampThresholds
from threshc.compiler.passes.divide_by_gcd import DivideByGcd
from threshc.compiler.passes.drop_unused import DropUnused
from threshc.compiler.passes.fold_constants import FoldConstants
from threshc.compiler.passes.merge_neurons import MergeNeurons
from threshc.compiler.passes.pipeline import PIPELINE, Pass, optimize
from threshc.compiler.passes.prune_inputs import PruneInputs
from threshc.compiler.passes.share_sums import ShareSums
from threshc.compiler.passes.simplify_gathers import SimplifyGathers
from threshc.sim import reference


def evaluate(network: Network, samples: np.ndarray) -> tuple[np.ndarray, ...]:
    return reference.run(network, samples).values


def neurons(
    weights: list[list[int]], row: list[int], threshold: list[int], then: list[int], bias: list[int]
) -> Network:
    """Bits, a Sum and a Compare, and a last Sum with one row `then` as the output."""
    n = len(weights[0])
    ops = (
        Input("x", (n,), Affine(0, 1)),
        Bitplanes(0),
        Sum(1, np.array(weights, np.int8), np.array(bias), Loc("fc", "s")),
        Compare(2, np.array(row), np.array(threshold), Loc("sign", "b")),
        Sum(3, np.array([then], np.int8), np.zeros(1, np.int64)),
    )
    return Network("n", ops, (Output("y", 4, "scores", np.ones(()), np.zeros(())),))


def check(step: Pass, network: Network) -> tuple[Op, ...]:
    """Apply a pass once, check its contract, and return the operations."""
    after = step.apply(network)
    assert check_pass(network, after, evaluate, np.random.default_rng(0)) is None
    assert step.apply(after) is after, "a second time there is nothing to do"
    return after.ops


def listed(ops: tuple[Op, ...], v: int, *fields: str) -> list[object]:
    return [getattr(ops[v], f).tolist() for f in fields]


@pytest.mark.parametrize("step", PIPELINE, ids=lambda p: type(p).__name__)
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_each_pass_keeps_the_outputs(step: Pass, seed: int) -> None:
    network = tangled(np.random.default_rng(seed))
    after = step.apply(network)
    assert check_pass(network, after, evaluate, np.random.default_rng(0)) is None


def test_fold_constants() -> None:
    network = neurons([[1, 1], [1, -1]], [0, 0, 1, 1], [0, 3, -1, 1], [5, 7, -3, 1], [0, 0])
    ops = check(FoldConstants(), network)
    assert listed(ops, 4, "weights", "bias") == [[[0, 0, 0, 1]], [2]]
    assert ops[2].loc == Loc("fc", "s")


def test_fold_constants_follows_windows_and_reductions() -> None:
    def conv(fill: int, pads: tuple[int, int, int, int]) -> list[list[int]]:
        ops = (
            Input("x", (4,), Affine(0, 1)),
            Bitplanes(0),
            Gather((1,), np.array([[[0, ONE], [1, ONE]], [[2, ONE], [3, ONE]]])),
            Window(2, (1, 2), pads=pads, fill=fill),
            Reduce(3, "and", 2),
            Sum(4, np.array([[1, 1]]), np.zeros(1, np.int64)),
        )
        network = Network("n", ops, (Output("y", 5, "scores", np.ones(()), np.zeros(())),))
        return listed(check(FoldConstants(), network), 5, "weights", "bias")

    assert conv(0, (0, 0, 0, 0)) == [[[1, 0]], [1]]
    assert conv(1, (0, 1, 0, 0)) == [[[1, 0]], [1]]
    assert conv(0, (0, 1, 0, 0)) == [[[1, 1]], [0]]


def test_fold_constants_names_constants_in_gathers() -> None:
    ops = (
        Input("x", (2,), Affine(0, 1)),
        Bitplanes(0),
        Sum(1, np.array([[1, 1]]), np.zeros(1, np.int64)),
        Compare(2, np.array([0, 0, 0]), np.array([0, 1, 3])),
        Gather((3, 1), np.array([0, 1, 2, 3])),
    )
    network = Network("n", ops, (Output("y", 4, "bits", np.ones(()), np.zeros(())),))
    assert listed(check(FoldConstants(), network), 4, "index") == [[ONE, 1, ZERO, 3]]


def test_share_sums() -> None:
    network = neurons([[1, 2], [1, 2], [0, 1]], [0, 1, 2], [1, 1, 1], [1, 1, 1], [0, -2, 1])
    ops = check(ShareSums(), network)
    assert listed(ops, 3, "row", "threshold") == [[0, 0, 2], [1, 3, 0]]
    assert listed(ops, 2, "bias") == [[0, 0, 0]]


def test_share_sums_leaves_scores_alone() -> None:
    network = neurons([[1, 2], [1, 2]], [0, 1], [1, 1], [1, 1], [1, -1])
    network = Network("n", network.ops, (*network.outputs, Output("s", 2, "scores", np.ones(()), np.zeros(()))))
    ops = check(ShareSums(), network)
    assert listed(ops, 3, "row", "threshold") == [[0, 0], [1, 3]]
    assert listed(ops, 2, "bias") == [[1, -1]]


@pytest.mark.parametrize(("threshold", "divided"), [(1, 0), (2, 1), (4, 1), (5, 2), (-3, -1), (-8, -2)])
def test_divide_by_gcd(threshold: int, divided: int) -> None:
    ops = check(DivideByGcd(), neurons([[3, -6], [1, 1]], [0, 1], [threshold, 1], [1, 1], [1, 1]))
    assert listed(ops, 2, "weights", "bias") == [[[1, -2], [1, 1]], [0, 1]]
    assert listed(ops, 3, "threshold") == [[divided, 1]]


def test_clamp_thresholds() -> None:
    ops = check(ClampThresholds(), neurons([[1, -2]], [0] * 5, [-99, -1, 2, 3, 2**62], [1] * 5, [1]))
    assert listed(ops, 3, "threshold") == [[-1, -1, 2, 3, 3]]


def test_prune_inputs() -> None:
    ops = check(PruneInputs(), neurons([[6, 6, 1, -1]], [0, 0], [5, 11], [1, 1], [0]))
    assert listed(ops, 2, "weights") == [[[6, 6, 0, 0]]]
    for threshold in (6, 7, 12):  # here the small ones tip the scales
        network = neurons([[6, 6, 1, -1]], [0, 0], [5, threshold], [1, 1], [0])
        assert PruneInputs().apply(network) is network


def test_merge_equal_and_complementary_neurons() -> None:
    """Rows 0 and 1 with one threshold are equal, row 2 is row 0 negated and doubled: not (a-b >= 1) is 2b-2a >= -1."""
    network = neurons([[1, -1], [1, -1], [-2, 2]], [0, 1, 2, 2], [1, 1, -1, 1], [1, 2, 5, 9], [0, 0, 0])
    ops = check(MergeNeurons(), network)
    assert listed(ops, 4, "weights", "bias") == [[[-2, 0, 0, 9]], [5]]


def test_merge_counts_the_bias() -> None:
    ops = check(MergeNeurons(), neurons([[1, 1], [1, 1], [-1, -1]], [0, 1, 2], [1, 3, 4], [1, 1, 1], [0, 2, 4]))
    assert listed(ops, 4, "weights", "bias") == [[[1, 0, 0]], [1]]


def test_merge_through_windows() -> None:
    """Equal bits stay equal when padded, complements only when not."""

    def conv(pads: tuple[int, int, int, int]) -> list[object]:
        ops = (
            Input("x", (4,), Affine(0, 1)),
            Bitplanes(0),
            Gather((1,), np.arange(4).reshape(2, 2, 1)),
            Sum(2, np.array([[1], [1], [-1]]), np.zeros(3, np.int64)),
            Compare(3, np.arange(3), np.array([1, 1, 0])),
            Window(4, (1, 1), pads=pads),
            Sum(5, np.array([[1, 2, 4]]), np.zeros(1, np.int64)),
        )
        network = Network("n", ops, (Output("y", 6, "scores", np.ones(()), np.zeros(())),))
        return listed(check(MergeNeurons(), network), 6, "weights", "bias")

    assert conv((0, 0, 0, 0)) == [[[-1, 0, 0]], [4]]
    assert conv((0, 0, 1, 0)) == [[[3, 0, 4]], [0]]


def test_simplify_gathers() -> None:
    ops = (
        Input("x", (4,), Affine(0, 1)),
        Bitplanes(0),
        Gather((1,), np.arange(4)),
        Gather((2,), np.array([3, ONE, 1, ZERO])),
        Gather((3, 1), np.array([7, 0, 1, 2, 3])),
    )
    network = Network("n", ops, (Output("y", 4, "bits", np.ones(()), np.zeros(())),))
    after = check(SimplifyGathers(), network)
    assert len(after) == 4
    assert after[3].x == (1,)  # type: ignore[union-attr]
    assert listed(after, 3, "index") == [[3, 3, ONE, 1, ZERO]]


def test_drop_unused() -> None:
    network = neurons([[1, 1], [1, -1], [0, 1]], [0, 0, 1, 2], [1, 2, 0, 1], [1, 0, 0, -1], [0, 5, 7])
    unread = Network("n", (*network.ops, Compare(2, np.array([1]), np.array([1]))), network.outputs)
    ops = check(DropUnused(), unread)
    assert len(ops) == 5
    assert listed(ops, 2, "weights", "bias") == [[[1, 1], [0, 1]], [0, 7]]
    assert listed(ops, 3, "row", "threshold") == [[0, 1], [1, 1]]
    assert listed(ops, 4, "weights") == [[[1, -1]]]


def test_drop_unused_keeps_windows_whole() -> None:
    """The second channel of three, the `is_pad` bits and an operand of a Gather go; every tap of the others stays."""
    ops = (
        Input("x", (4,), Affine(0, 1)),
        Bitplanes(0),
        Gather((1,), np.arange(4).reshape(2, 2, 1)),
        Sum(2, np.array([[1], [1], [-1]]), np.zeros(3, np.int64)),
        Compare(3, np.arange(3), np.array([1, 1, 0])),
        Window(4, (1, 2), pads=(0, 1, 0, 0), is_pad=True),
        Gather((5, 1), np.array([0, 2, 11])),
        Sum(6, np.array([[1, 2, 0]]), np.zeros(1, np.int64)),
    )
    network = Network("n", ops, (Output("y", 7, "scores", np.ones(()), np.zeros(())),))
    after = check(DropUnused(), network)
    window, gather = after[5], after[6]
    assert isinstance(window, Window)
    assert isinstance(gather, Gather)
    assert not window.is_pad
    assert after[4].row.tolist() == [0, 1]  # type: ignore[union-attr]
    assert gather.index.tolist() == [0, 1]


def thresholds(count: int) -> tuple[Op, ...]:
    """A 2 x 2 map with as many different neurons as asked for in each place."""
    return (
        Input("x", (8,), Affine(0, 1)),
        Bitplanes(0),
        Gather((1,), np.arange(8).reshape(2, 2, 2)),
        Sum(2, np.array([[1, 2]]), np.zeros(1, np.int64)),
        Compare(3, np.zeros(count, np.int64), np.arange(count)),
    )


def read(ops: tuple[Op, ...], *values: int) -> Network:
    """The first element of each of the values, weighed by one Sum each, is what the outputs depend on."""
    probe = Network("n", ops, tuple(Output(str(v), v, "bits", np.ones(()), np.zeros(())) for v in values))
    sums = []
    for v in values:
        weights = np.zeros((1, probe.types[v].shape[-1]), np.int8)
        weights[0, 0] = 1
        sums.append(Sum(v, weights, np.zeros(1, np.int64)))
    ends = range(len(ops), len(ops) + len(sums))
    outputs = tuple(Output(str(v), v, "scores", np.ones(()), np.zeros(())) for v in ends)
    return Network("n", (*ops, *sums), outputs)


@pytest.mark.parametrize(
    ("count", "after", "values"),
    [
        (6, (Reduce(4, "or", 2), Reduce(4, "and", 3)), (5, 6)),  # two numbers of taps over one value
        (4, (Window(4, (1, 2)), Reduce(5, "or", 4), Gather((4,), np.array([1]))), (6, 7)),  # taps unlike the window's
        (4, (Window(4, (1, 2)), Reduce(5, "or", 2), Gather((4,), np.array([1]))), (6, 7)),
        (8, (Reduce(4, "or", 2), Reduce(5, "and", 2), Reduce(4, "and", 2)), (6, 7)),  # a reduction of a reduction
        (4, (Window(4, (1, 2)), Reduce(5, "or", 2), Reduce(6, "or", 2), Gather((4,), np.array([1]))), (7, 8)),
        (4, (Window(4, (2, 1), is_pad=True), Reduce(5, "or", 5)), (6,)),
        (3, (Window(4, (1, 2)), Window(5, (2, 1))), (5, 6)),
    ],
)
def test_drop_unused_keeps_reductions_whole(count: int, after: tuple[Op, ...], values: tuple[int, ...]) -> None:
    """Whatever reads the rest of the operand, every tap of a reduction stays with the others."""
    check(DropUnused(), read((*thresholds(count), *after), *values))


def test_merge_does_not_take_reductions_of_complements_for_equal() -> None:
    """Bits a, not a, b, b: a or b is not (not a) or b."""
    network = neurons([[1, 0], [-1, 0], [0, 1], [0, 1]], [0, 1, 2, 3], [1, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0])
    last = Sum(4, np.array([[1, 2]]), np.zeros(1, np.int64))
    network = Network(
        "n", (*network.ops[:4], Reduce(3, "or", 2), last), (Output("y", 5, "scores", np.ones(()), np.zeros(())),)
    )
    assert MergeNeurons().apply(network) is network


def test_convolution_loses_equal_channels() -> None:
    network = networks.random_conv(np.random.default_rng(3))
    first, compare = network.ops[4], network.ops[5]
    assert isinstance(first, Sum)
    assert isinstance(compare, Compare)
    ops = list(network.ops)
    ops[4] = Sum(3, first.weights[[0, 1, 0]], first.bias[[0, 1, 0]])
    ops[5] = Compare(4, compare.row, compare.threshold[[0, 1, 0]])
    twin = Network("n", tuple(ops), network.outputs)
    small = optimize(twin, verify=evaluate)
    assert next(len(op.row) for op in small.ops if isinstance(op, Compare)) == 2
