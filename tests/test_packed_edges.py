"""packed == reference where numbers are huge, neurons constant, ties frequent, or operations meet in unusual ways."""

import networks
import numpy as np
import pytest
from networks import NO_OFFSET, ONE_SCALE
from test_packed_random import assert_same

from threshc.compiler.encoding import Step, parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import (
    ONE,
    ZERO,
    ArgMax,
    Bitplanes,
    Compare,
    Gather,
    Input,
    Op,
    Output,
    Reduce,
    Sum,
    Window,
)
from threshc.sim import packed, reference
from threshc.sim.packed.planes import rows, schedule


def network_of(*ops: Op, **kinds: tuple[int, str]) -> Network:
    outputs = tuple(Output(name, v, kind, ONE_SCALE, NO_OFFSET) for name, (v, kind) in kinds.items())  # type: ignore[arg-type]
    return Network("edge", ops, outputs)


def bits(n: int) -> tuple[Op, Op]:
    return Input("x", (n,), parse_encoding("bit")), Bitplanes(0)


@pytest.mark.parametrize("top", [2**15, 2**31, 2**50, 2**58])
def test_huge_weights(top: int) -> None:
    rng = np.random.default_rng(top % 97)
    weights = rng.integers(-top, top, (9, 7))
    weights[0] = [top, -top, 1, -1, 0, top - 1, 1 - top]
    bias = rng.integers(-top, top, 9)
    x = rng.integers(0, 2, (300, 7))
    sums = x @ weights.T + bias
    row = np.repeat(np.arange(9), 3)
    limits = sums[[3, 4, 5]].T.ravel() + np.tile([0, 1, 0], 9)  # on the sums that occur, and one above
    once = Compare(4, np.arange(9), sums[17])
    ops = (*bits(7), Sum(1, weights, bias), Compare(2, row, limits), Sum(1, weights, bias), once, ArgMax(2))
    assert_same(network_of(*ops, s=(2, "scores"), y=(3, "bits"), z=(5, "bits"), c=(6, "class")), x)


def test_sums_near_the_limit_of_62_bits() -> None:
    half = 2**61 - 1024
    weights = np.array([[half, -half], [half, half], [-half, -half], [-half, half], [1, half]])
    ops = (
        *bits(2),
        Sum(1, weights, np.zeros(5, np.int64)),
        Compare(2, np.arange(5), np.array([half, half + 1, -half, 1, 2])),
    )
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert_same(network_of(*ops, y=(3, "bits")), x)
    assert_same(network_of(*ops, ArgMax(2), y=(3, "bits"), s=(2, "scores"), c=(4, "class")), x)


def test_constant_neurons_and_thresholds_far_out_of_reach() -> None:
    far = 2**63 - 1
    weights = np.array([[1, 1, 1], [0, 0, 0], [-1, -1, 2]], np.int8)
    row = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    limits = np.array([-far, far, 0, 0, 1, -2, 3, 2, -1])
    ops = (*bits(3), Sum(1, weights, np.zeros(3, np.int64)), Compare(2, row, limits))
    assert_same(network_of(*ops, y=(3, "bits")), np.array(list(np.ndindex(2, 2, 2))))


@pytest.mark.parametrize("classes", [1, 2, 3, 63, 64, 65, 1000])
def test_wide_argmax_with_ties(classes: int) -> None:
    rng = np.random.default_rng(classes)
    weights = rng.integers(-1, 2, (classes, 12)).astype(np.int8)
    ops = (*bits(12), Sum(1, weights, rng.integers(-1, 2, classes)), ArgMax(2))
    assert_same(network_of(*ops, c=(3, "class")), rng.integers(0, 2, (700, 12)))


def test_thermometer_rows_shared_by_two_compares() -> None:
    rng = np.random.default_rng(3)
    total = Sum(1, rng.choice(np.array([-1, 1], np.int8), (6, 40)), rng.integers(-2, 3, 6))
    first = Compare(2, np.array([0, 0, 0, 1, 5, 5]), np.array([-3, 0, 3, 1, 2, 2]))
    second = Compare(2, np.array([1, 2, 5, 4]), np.array([1, 0, 2, -1]))
    ops = (*bits(40), total, first, second, Gather((3, 4), np.array([0, 9, 3, ZERO, 6, ONE, 2, 2])))
    assert_same(network_of(*ops, y=(5, "bits")), rng.integers(0, 2, (600, 40)))


@pytest.mark.parametrize("encoding", ["uint8", "int8", "int5", "uint16", "int32"])
def test_integers_meet_every_operation(encoding: str) -> None:
    """The input's integers and an ArgMax are compared, split into bits, maximized and put out."""
    rng = np.random.default_rng(5)
    enc = parse_encoding(encoding)
    middle = (enc.lo + enc.hi) // 2
    ops = (
        Input("x", (5,), enc),
        Compare(0, np.array([0, 4, 4, 2, 1, 3]), np.array([middle, middle, middle + 1, enc.lo, enc.hi + 1, enc.hi])),
        ArgMax(0),
        Bitplanes(2),
        Compare(2, np.array([0, 0, 0]), np.array([1, 3, 9])),
        Bitplanes(0),
        Gather((1, 3, 4, 5), np.arange(12)),
        Sum(6, rng.integers(-3, 4, (4, 12)).astype(np.int16), rng.integers(-9, 9, 4)),
        Bitplanes(7),
        ArgMax(2),
    )
    kinds = {"x": (0, "scores"), "b": (8, "bits"), "c": (2, "class"), "d": (9, "class"), "s": (7, "scores")}
    x = rng.integers(enc.lo, enc.hi + 1, (700, 5))
    x[:40] = rng.choice([enc.lo, enc.hi, middle, middle + 1], (40, 5))
    assert_same(network_of(*ops, **kinds), x)


@pytest.mark.parametrize("fill", [0, 1])
@pytest.mark.parametrize("kind", ["or", "and"])
def test_windows_with_stride_dilation_and_fill(fill: int, kind: str) -> None:
    rng = np.random.default_rng(fill)
    ops = (
        Input("x", (7, 6, 3), parse_encoding("bit")),
        Bitplanes(0),
        Window(1, (3, 2), (2, 1), (1, 0, 2, 3), (2, 3), fill),
        Reduce(2, kind, 6),  # type: ignore[arg-type]
        Window(1, (2, 3), (1, 2), (0, 2, 1, 1), (1, 1), fill, True),
        Sum(4, rng.integers(-1, 2, (5, 24)).astype(np.int8), rng.integers(-2, 3, 5)),
        Compare(5, np.array([0, 1, 2, 2, 4]), np.array([0, 1, -1, 2, 1])),
    )
    assert_same(network_of(*ops, r=(3, "bits"), s=(5, "scores"), y=(6, "bits")), rng.integers(0, 2, (513, 126)))


def test_many_inputs_need_wide_tables() -> None:
    """Plane offsets beyond 16 bits: another machine-code version of the kernels."""
    rng = np.random.default_rng(8)
    network = networks.random_dense(rng, (9000, 20, 3), "ternary", "bit", "class")
    assert_same(network, networks.random_samples(rng, network, 40))


def test_step_input_takes_real_features_and_bits() -> None:
    rng = np.random.default_rng(9)
    step = Step(4, np.array([0, 3, 3, 1, 2, 0]), rng.normal(size=6).astype(np.float32))
    total = Sum(0, rng.integers(-1, 2, (3, 6)).astype(np.int8), np.zeros(3, np.int64))
    network = network_of(Input("x", (6,), step), total, s=(1, "scores"))
    assert_same(network, rng.normal(size=(70, 4)))
    assert_same(network, rng.random((70, 6)) < 0.5)


def test_without_bits_and_with_threads() -> None:
    rng = np.random.default_rng(10)
    network = networks.random_dense(rng, (64, 32, 10), "pm1", "uint8", "class", True)
    x = networks.random_samples(rng, network, 3000)
    want = reference.run(network, x)
    for threads in (1, 2, 3, 99):
        got = packed.run(network, x, bits=False, threads=threads)
        assert got.bits == ()
        np.testing.assert_array_equal(got.values[0], want.values[0])
        np.testing.assert_array_equal(got.labels, want.labels)


def test_samples_that_are_read_only_strided_or_big_endian() -> None:
    rng = np.random.default_rng(11)
    network = networks.random_dense(rng, (40, 9, 3), "int", "uint16", "class")
    x = networks.random_samples(rng, network, 100).astype(np.uint16)
    x.setflags(write=False)
    assert_same(network, x)
    assert_same(network, x[::-3])
    assert_same(network, np.asfortranarray(x))
    assert_same(network, x.astype(">u2"))


def test_spans_cover_all_samples_once() -> None:
    for samples in (1, 511, 512, 513, 5000, 60_000):
        for threads in (1, 2, 7):
            found = schedule.spans(samples, threads, 4)
            assert [n for a, b in found for n in range(a, b)] == list(range(samples))
            assert len(found) == 1 or (threads > 1 and max(b - a for a, b in found) <= 4 * 512)
            assert all(a % 512 == 0 for a, _ in found)


def test_blocks_of_the_row_kernel_are_powers_of_two() -> None:
    assert rows.BLOCKS == (32, 16, 8, 4)
