"""Words rewritten to sums: what adders, trees and counters make is seen, a wrong one is not."""

from __future__ import annotations

import networks
import numpy as np
import pytest

from threshc.hdl.logic.tables import MAJ, XOR
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Claim
from threshc.hdl.proof.check import check
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.rewrite import Rewriter
from threshc.hdl.proof.steps import prove_claim
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify

LUTS = [[5, [1, 2, 3], XOR[3]], [6, [1, 2, 3], MAJ], [7, [4, 5], XOR[2]], [8, [4, 5], 0b1000], [9, [6, 8], XOR[2]]]
"""Nodes 7, 9, 10: the number of ones among four bits."""
CIRCUIT = Circuit(4, [*LUTS, [10, [6, 8], 0b1000]], [])
WORD = (2 * 7, 2 * 9, 2 * 10)


def test_four_bits() -> None:
    assert Rewriter(CIRCUIT).sum_of(WORD, {1, 2, 3, 4}) == ({1: 1, 2: 1, 3: 1, 4: 1}, 0)
    assert Rewriter(CIRCUIT).sum_of(WORD[:2], {1, 2, 3, 4}) == ({1: 1, 2: 1, 3: 1, 4: 1}, 0)  # modulo 4


def test_a_carry_that_never_comes_has_to_be_known() -> None:
    """Of three bits, the word of two has no carry, though node 9 is the parity of two bits that could both be 1."""
    circuit = Circuit(3, [[5, [1, 2], XOR[2]], [6, [1, 2], 8], [7, [3, 5], XOR[2]], [8, [3, 5], 8], [9, [6, 8], 6]], [])
    word = (2 * 7, 2 * 9)
    plain = Rewriter(circuit)
    with pytest.raises(Unproved, match="node 9 is not part of an adder"):
        plain.sum_of((*word, 0), {1, 2, 3})
    found = prove_claim(circuit, Claim(((2, 4, 6), ()), (), word))
    assert found.exact
    plain.learn(found.word, found.weights, found.constant)
    assert plain.sum_of((*word, 0), {1, 2, 3}) == ({1: 1, 2: 1, 3: 1}, 0)


@pytest.mark.parametrize("inverted", range(8))
def test_inverted_bits(inverted: int) -> None:
    """1 - a + b + c and its like, whose carry is the majority of the literals."""
    flips = [inverted >> k & 1 for k in range(3)]
    carry = sum((sum((i >> k & 1) ^ f for k, f in enumerate(flips)) > 1) << i for i in range(8))
    circuit = Circuit(3, [[4, [1, 2, 3], XOR[3]], [5, [1, 2, 3], carry]], [])
    word = (2 * 4 + sum(flips) % 2, 2 * 5)
    want = {k + 1: 3 if f else 1 for k, f in enumerate(flips)}  # -1 modulo 4
    assert Rewriter(circuit).sum_of((*word, 0), {1, 2, 3})[0] == {k: -1 % 8 if w == 3 else 1 for k, w in want.items()}
    assert Rewriter(circuit).sum_of((*word, 0), {1, 2, 3})[1] == sum(flips)


def test_every_changed_bit_of_an_adder_is_seen() -> None:
    for at, (node, operands, table) in enumerate(LUTS):
        for bit in range(1 << len(operands)):
            luts = [*LUTS, [10, [6, 8], 0b1000]]
            luts[at] = [node, operands, table ^ 1 << bit]
            try:
                found = Rewriter(Circuit(4, luts, [])).sum_of(WORD, {1, 2, 3, 4})
            except Unproved:
                continue
            unreached = node == 9 and bit == 3  # both carries at once: more than four ones
            assert unreached or found != ({1: 1, 2: 1, 3: 1, 4: 1}, 0)


@pytest.mark.parametrize("neuron", ["tree", "compressor", "compressor63"])
@pytest.mark.parametrize(("kind", "encoding"), [("pm1", "bit"), ("int", "int5")])
def test_layers_far_beyond_enumeration(neuron: str, kind: str, encoding: str) -> None:
    network = networks.random_dense(np.random.default_rng(1), (30, 9, 4), kind, encoding)
    methods = check(network, certify(build_design(network, CircuitOptions(neuron=neuron, pipeline=3)))).methods
    assert sum(n for how, n in methods.items() if "heap added up" in how) == 13
    assert "decision diagram" not in methods
