"""Decision diagrams of thresholds: quick where there is a quick order, refused where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Input, Output
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.bdd import Diagrams
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.check import check
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify


@pytest.mark.parametrize("encoding", ["uint32", "int32", "uint16"])
@pytest.mark.parametrize("family", ["ice40", "xilinx"])
def test_thresholds_of_wide_integers_are_proved(encoding: str, family: str) -> None:
    """32 digits in the order of their numbers would be 2**32 sums; from the highest on they are 32."""
    enc = parse_encoding(encoding)
    need = np.array([enc.lo + 1, (enc.lo + enc.hi) // 3 + 12_345, enc.hi])  # type: ignore[union-attr]
    ops = (Input("x", (3,), enc), Compare(0, np.arange(3), need))
    network = Network("wide", ops, (Output("y", 1, "bits", np.ones(()), np.zeros(())),))
    found = check(network, certify(build_design(network, CircuitOptions(family=family))))
    assert sum(found.methods.values()) == 3


def test_too_many_sums_are_refused() -> None:
    rng = np.random.default_rng(1)
    weights = [(k, int(w)) for k, w in enumerate(rng.integers(2**40, 2**60, 40))]
    with pytest.raises(Unproved, match="more than 2,000 sums"):
        Diagrams(40, most=2000).at_least(weights, sum(w for _, w in weights) // 2)


@pytest.mark.parametrize("weights", [[1, 2, 4, 8], [8, 4, 2, 1], [-3, 5, 0, 2]])
def test_diagrams_are_thresholds(weights: list[int]) -> None:
    for need in range(-5, 17):
        diagrams = Diagrams(4)
        wanted = diagrams.at_least(list(enumerate(weights)), need)
        for x in range(16):
            bits = [x >> k & 1 for k in range(4)]
            f = wanted
            while f > 1:
                variable, low, high = diagrams._nodes[f]
                f = high if bits[variable] else low
            assert f == (sum(w * b for w, b in zip(weights, bits, strict=True)) >= need)
