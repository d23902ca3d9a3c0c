"""Smallest weights are proved on all inputs; quantized weights are an approximation of the size that was asked for."""

from __future__ import annotations

import itertools

import networks
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from threshc.compiler.ir.ops import Sum
from threshc.compiler.passes.minimize_weights import MinimizeWeights, proved_thresholds, smallest_weights
from threshc.compiler.passes.quantize_weights import QuantizeWeights
from threshc.sim import reference


@settings(max_examples=150, deadline=None)
@given(
    weights=st.lists(st.integers(-40, 40), min_size=1, max_size=9),
    thresholds=st.lists(st.integers(-90, 90), min_size=1, max_size=3, unique=True),
)
def test_smallest_weights_compute_the_same_function(weights: list[int], thresholds: list[int]) -> None:
    w, t = np.array(weights), np.array(sorted(thresholds))
    found = smallest_weights(w, t)
    if found is None:
        return
    x = np.array(list(itertools.product((0, 1), repeat=len(w))))
    new, new_t = found
    assert np.abs(new).max(initial=0) < np.abs(w).max()
    assert np.array_equal((x @ w)[:, None] >= t, (x @ new)[:, None] >= new_t)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-3, 3)), min_size=1, max_size=8), st.integers(-20, 20))
def test_proof_accepts_exactly_what_is_equal(pairs: list[tuple[int, int]], threshold: int) -> None:
    w, c = np.array(pairs).T
    x = np.array(list(itertools.product((0, 1), repeat=len(w))))
    on = x @ w >= threshold
    low = (x @ c)[~on].max() if (~on).any() else -100
    high = (x @ c)[on].min() if on.any() else 100
    assert (proved_thresholds(w, c, np.array([threshold])) is not None) == (low < high)


def test_known_minimum() -> None:
    found = smallest_weights(np.array([40, 20, 20]), np.array([40]))
    assert found is not None
    assert found[0].tolist() == [2, 1, 1] or np.abs(found[0]).max() <= 2
    assert smallest_weights(np.array([2, 1, 1]), np.array([2])) is None


def test_pass_keeps_every_output() -> None:
    rng = np.random.default_rng(0)
    shrunk = 0
    for _ in range(20):
        network = networks.random_dense(rng, (8, 7, 6, 4), "int", "int3", "class")
        after = MinimizeWeights().apply(network)
        x = networks.random_samples(rng, network, 300)
        for a, b in zip(reference.run(network, x).values, reference.run(after, x).values, strict=True):
            assert np.array_equal(a, b)
        shrunk += sum(
            int(np.abs(a.weights).sum()) - int(np.abs(b.weights).sum())
            for a, b in zip(network.ops, after.ops, strict=True)
            if isinstance(a, Sum) and isinstance(b, Sum)
        )
    assert shrunk > 0


def test_quantized_weights_have_the_bits_and_nearly_the_labels() -> None:
    rng = np.random.default_rng(1)
    network = networks.random_dense(rng, (30, 20, 10, 5), "int", "bit", "class")
    x = networks.random_samples(rng, network, 500)
    exact = reference.run(network, x).labels
    assert exact is not None
    agreement = []
    for bits in (2, 3, 4):
        after = QuantizeWeights(bits).apply(network)
        assert max(int(np.abs(op.weights).max()) for op in after.ops if isinstance(op, Sum)) <= 2 ** (bits - 1) - 1
        agreement.append(float((reference.run(after, x).labels == exact).mean()))
    assert agreement[-1] == 1.0  # 4 bits hold -7..7
    assert agreement[0] < 1.0
