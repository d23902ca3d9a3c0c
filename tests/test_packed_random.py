"""packed == reference on random networks: every output, every hidden bit, every dtype."""

import networks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.sim import packed, reference
from threshc.sim.inputs import encode
from threshc.sim.packed.planes.driver import execute_plan
from threshc.sim.packed.planes.plan import plan
from threshc.sim.packed.words.driver import execute_word_plan
from threshc.sim.packed.words.plan import word_plan
from threshc.sim.result import Result

KINDS = ("pm1", "ternary", "sparse", "int")
ENCODINGS = ("bit", "bipolar", "uint8", "uint8/255", "int8", "uint5", "int12", "uint16", "int32", "uint32", "step")


def assert_same(network: Network, samples: np.ndarray) -> None:
    """Both engines, whatever the batch (`packed.run` would take one of them)."""
    want, x = reference.run(network, samples), encode(network, samples)
    assert_equal(Result(network, *execute_plan(plan(network), x, True, 2)), want)
    words = word_plan(network)
    if words is not None:
        assert_equal(Result(network, *execute_word_plan(words, x, True)), want)
    assert_equal(packed.run(network, samples), want)


def assert_equal(got: Result, want: Result) -> None:
    assert len(got.values) == len(want.values)
    assert len(got.bits) == len(want.bits)
    for a, b in zip(got.values + got.bits, want.values + want.bits, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(got.labels, want.labels)


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 90), min_size=2, max_size=5),
    kind=st.sampled_from(KINDS),
    encoding=st.sampled_from(ENCODINGS),
    outputs=st.sampled_from(("class", "bits")),
    compare_input=st.booleans(),
    samples=st.integers(0, 700),
)
def test_dense(
    seed: int, sizes: list[int], kind: str, encoding: str, outputs: str, compare_input: bool, samples: int
) -> None:
    rng = np.random.default_rng(seed)
    network = networks.random_dense(rng, tuple(sizes), kind, encoding, outputs, compare_input and encoding != "step")
    assert_same(network, networks.random_samples(rng, network, samples))


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(4, 9),
    channels=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kind=st.sampled_from(KINDS),
    samples=st.integers(1, 600),
)
def test_convolution(seed: int, size: int, channels: tuple[int, int], kind: str, samples: int) -> None:
    rng = np.random.default_rng(seed)
    network = networks.random_conv(rng, size, channels, kind)
    assert_same(network, networks.random_samples(rng, network, samples))


@pytest.mark.parametrize("samples", [0, 1, 63, 64, 65, 511, 512, 513, 1000, 2049, 4097])
def test_batch_sizes(samples: int) -> None:
    rng = np.random.default_rng(samples)
    network = networks.random_dense(rng, (100, 70, 10), "pm1", "uint8", "class", True)
    assert_same(network, networks.random_samples(rng, network, samples))


@pytest.mark.parametrize("encoding", ["uint8", "bit", "int8", "uint5", "step", "uint8/255"])
def test_single_samples(encoding: str) -> None:
    rng = np.random.default_rng(3)
    network = networks.random_dense(rng, (100, 70, 10), "ternary", encoding, "class", encoding == "uint8")
    x = networks.random_samples(rng, network, 40)
    if encoding == "uint8":
        x = x.astype(np.uint8)
    want, single = reference.run(network, x).labels, packed.single(network)
    assert want is not None
    for k in range(len(x)):
        assert single(x[k : k + 1]) == single(x[k]) == want[k]
    with pytest.raises(CompileError):
        single(x[:1, :7])
