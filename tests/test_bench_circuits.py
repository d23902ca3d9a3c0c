"""The comparison of circuits: what it counts, and that it sees a netlist that answers wrongly."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1]))  # `bench` is a folder of the repository, not of the package

from bench.circuits import Circuit, layer, matrix, naive, ours, rows, table
from bench.circuits_synthesis import answers, count, synthesize

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("tool", "family"), [("threshc", "ice40"), ("threshc", "ecp5"), ("naive", "xilinx")])
def test_answers(tool, family):
    weights, thresholds = matrix(9, 3, 0.8)
    x = np.random.default_rng(0).integers(0, 2, (200, 9), np.uint8)
    sums = x @ weights.T.astype(np.int64)
    text, _ = ours(weights, thresholds, family) if tool == "threshc" else naive(weights, thresholds)
    mapped = synthesize(text, family)
    got = answers(mapped.gates, x)
    assert np.array_equal(got, sums >= thresholds)
    assert not np.array_equal(got, sums > thresholds)
    assert count(mapped.cells, family)[0] > 3
    assert mapped.depth > 1


def test_layer_is_what_is_compared():
    from threshc.sim import reference

    weights, thresholds = matrix(9, 3, 0.8)
    x = np.random.default_rng(0).integers(0, 2, (50, 9))
    (bits,) = reference.run(layer(weights, thresholds), x.astype(np.uint8)).bits
    assert np.array_equal(bits, x @ weights.T.astype(np.int64) >= thresholds)


def test_goal_is_judged_by_the_best_peer():
    made = [
        Circuit("m", "ice40", tool, luts, 0, 0, 5, 40, 0.1, 1.0)
        for tool, luts in [("threshc", 80), ("da4ml", 120), ("alkaid", 99), ("naive", 10)]
    ]
    first = rows(made)[0]
    assert (first.peer, first.value, first.ratio, first.met) == ("alkaid", 80, 99 / 80, False)
    assert "| m | ice40 | 80 | 120 | 99 | 10 | 0.81 |" in table(made)
