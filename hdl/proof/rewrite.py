"""A word proved to be a sum by rewriting it backwards, adder by adder: for sums of adders that come without steps.

A parity of weight w and its majority of weight 2w are w times the sum of the adder's bits, whichever of them are
inverted: an identity between integers, see `_identity`. So a sum of weighted nodes becomes one of earlier nodes, until
only the heap's own bits are left. After Ciesielski et al., "Understanding Algebraic Rewriting for Arithmetic Circuit
Verification" (2019).
"""

from __future__ import annotations

import heapq
from functools import lru_cache
from itertools import product

from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.functions import PARITY, folded

Shape = tuple[tuple[int, ...], int]
"""Distinct nodes that a node depends on, ascending, and its table over them."""


class Rewriter:
    """Rewrites words of one circuit; the shapes of nodes are kept."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._shapes: dict[int, Shape] = {}
        self._known: dict[int, tuple[tuple[int, ...], tuple[tuple[int, int], ...], int]] = {}

    def learn(self, word: tuple[int, ...], weights: tuple[tuple[int, int], ...], constant: int) -> None:
        """Learns that a word equals sum(weight * node) + constant, so that no carry leaves it though none is made."""
        if word and word[-1] > 1 and not word[-1] & 1:
            self._known[word[-1] >> 1] = word, weights, constant

    def sum_of(self, word: tuple[int, ...], leaves: set[int]) -> tuple[dict[int, int], int]:
        """Returns (weights of leaves, constant) modulo 2**len(word) of a word of literals. Raises Unproved where it is
        not such a sum, or is not seen to be."""
        form = _Form(1 << len(word))
        for p, lit in enumerate(word):
            form.add(lit, 1 << p)
        met: dict[tuple[int, ...], list[int]] = {}  # nodes that wait for the other half of their adder, by operands
        while (node := form.last()) is not None:
            weight = form.weights[node]
            if not weight or node in leaves or self._recall(form, node):
                continue
            operands, truth = self._shape(node)
            if len(operands) < 2:
                del form.weights[node]
                form.add(2 * operands[0] + (truth & 1) if operands else truth & 1, weight)
                continue
            met.setdefault(operands, []).append(node)
            self._pair(form, operands, met[operands])
        left = {node: weight for node, weight in form.weights.items() if weight}
        if not left.keys() <= leaves:
            raise Unproved(f"node {max(left.keys() - leaves)} is not part of an adder")
        return left, form.constant % form.modulus

    def _recall(self, form: _Form, node: int) -> bool:
        """Replaces the highest bit of a known word by its sum less the lower bits."""
        if node not in self._known:
            return False
        word, weights, constant = self._known[node]
        top, weight = len(word) - 1, form.weights[node]
        if weight % (1 << top):
            return False
        times = weight >> top
        form.weights[node] = 0
        form.constant += times * constant
        for x, w in weights:
            form.add(2 * x, times * w)
        for p in range(top):
            form.add(word[p], -times << p)
        return True

    def _pair(self, form: _Form, operands: tuple[int, ...], nodes: list[int]) -> None:
        """Replaces the last of the nodes, with the other half of its adder, by the operands."""
        parity, last = PARITY[len(operands)], nodes[-1]
        self._circuit.spend(len(nodes))
        for other in nodes[:-1]:
            for total, carry in ((last, other), (other, last)):
                weight = form.weights.get(total, 0)
                found = _identity(len(operands), self._shape(total)[1], self._shape(carry)[1])
                if found is None or not weight or (form.weights.get(carry, 0) - 2 * found[0] * weight) % form.modulus:
                    continue
                form.weights[total] = form.weights[carry] = 0
                form.constant += weight * found[2]
                for node, sign in zip(operands, found[1], strict=True):
                    form.add(2 * node, sign * weight)
                return
        truth, weight = self._shape(last)[1], form.weights[last]
        if truth in (parity, parity ^ ((1 << (1 << len(operands))) - 1)) and 2 * weight % form.modulus == 0:
            form.weights[last] = 0  # the highest column: its carry is dropped
            form.constant += weight * (truth & 1)
            for node in operands:
                form.add(2 * node, weight)

    def _shape(self, node: int) -> Shape:
        if node not in self._shapes:
            if node not in self._circuit.tables:
                raise Unproved(f"node {node} is none of the heap's bits")
            operands, truth = self._circuit.tables[node]
            self._shapes[node] = folded([2 * x for x in operands], truth)
        return self._shapes[node]


class _Form:
    """sum(weights of nodes) + constant modulo `modulus`; nodes are taken from the last one down."""

    def __init__(self, modulus: int) -> None:
        self.modulus = modulus
        self.weights: dict[int, int] = {}
        self.constant = 0
        self._queue: list[int] = []
        self._waiting: set[int] = set()

    def add(self, lit: int, weight: int) -> None:
        """Adds a literal times a weight: an inverted one is 1 less its node."""
        if lit & 1:
            self.constant += weight
            weight = -weight
        if lit > 1:
            if lit >> 1 not in self._waiting:
                self._waiting.add(lit >> 1)
                heapq.heappush(self._queue, -(lit >> 1))
            self.weights[lit >> 1] = (self.weights.get(lit >> 1, 0) + weight) % self.modulus

    def last(self) -> int | None:
        """The highest node that waits; what reads it was taken before."""
        if not self._queue:
            return None
        node = -heapq.heappop(self._queue)
        self._waiting.discard(node)
        return node


@lru_cache(4096)
def _identity(inputs: int, total: int, carry: int) -> tuple[int, tuple[int, ...], int] | None:
    """(e, signs, c) with total + 2 * e * carry = sum(sign * input) + c for all values of the inputs; None for none."""
    if inputs > 3:
        return None
    rows = list(product((0, 1), repeat=inputs))
    for e, *signs in product((1, -1), repeat=inputs + 1):
        found = set()
        for bits in rows:
            at = sum(b << j for j, b in enumerate(bits))
            linear = sum(s * b for s, b in zip(signs, bits, strict=True))
            found.add((total >> at & 1) + 2 * e * (carry >> at & 1) - linear)
        if len(found) == 1:
            return e, tuple(signs), found.pop()
    return None
