"""Rows whose bits stand in many columns: what two rows share is added up once and subtracted by one of them."""

from __future__ import annotations

import numpy as np
import pytest

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Input, Output, Sum
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.check import check
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("neuron", ["pairs", "counters"])
@pytest.mark.parametrize(("inputs", "magnitude"), [(6, 1023), (16, 7), (40, 91), (100, 5)])
def test_rows_of_one_magnitude(neuron: str, inputs: int, magnitude: int) -> None:
    """An even number of entries in a column is filled up with a constant 0, which is a 1 where the rows subtract."""
    for seed in range(2):
        weights = np.random.default_rng(seed).choice([-magnitude, magnitude], (2, inputs))
        bits = Input("x", (inputs,), parse_encoding("bit"))
        ops = (bits, Bitplanes(0), Sum(1, weights, np.zeros(2, np.int64)), ArgMax(2))
        network = Network("rows", ops, (Output("class", 3, "class", np.ones(()), np.zeros(())),))
        check(network, certify(build_design(network, CircuitOptions(neuron=neuron))))
