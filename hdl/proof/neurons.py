"""Threshold functions and words of sums, each proved by the first method that reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from threshc.hdl.proof.bdd import Diagrams
from threshc.hdl.proof.bits import Unproved, variables
from threshc.hdl.proof.certificate import Claim
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.rewrite import Rewriter
from threshc.hdl.proof.steps import HeapSum, linear, prove_claim

EXHAUSTIVE = 12
"""Most inputs of a neuron that is compared on all of them straight away (up to 20 where nothing else reaches)."""
_LAST_RESORT = 20
Terms = list[tuple[int, int]]


class Neurons:
    """Proves neurons of one circuit; what it proves, and how, is counted in `methods`."""

    def __init__(self, circuit: Circuit, claims: Sequence[Claim], methods: Counter[str]) -> None:
        self._circuit, self._methods = circuit, methods
        self._sums: dict[tuple[tuple[int, int], ...], list[HeapSum]] = {}
        self._done: set[tuple[object, ...]] = set()
        rewriter = Rewriter(circuit)
        for k, claim in enumerate(claims):
            try:
                found = prove_claim(circuit, claim, rewriter)
            except Unproved as problem:
                if not claim.steps:
                    continue  # said without steps: there are other ways
                raise Unproved(f"heap {k}: {problem}", problem.hint) from None
            self._sums.setdefault(found.weights, []).append(found)
            if found.exact and not claim.steps:
                rewriter.learn(found.word, found.weights, found.constant)

    def fires(self, terms: Terms, bias: int, need: int, y: int) -> None:
        """Proves that literal y is `bias + sum of literal * weight >= need`."""
        weights, constant = linear([(lit, w) for lit, w in terms if w])
        need -= bias + constant
        key = (weights, need, y)
        if key not in self._done:
            self._methods[self._prove(weights, need, y, _cancelled(terms, weights))] += 1
            self._done.add(key)

    def word(self, terms: Terms, bias: int, word: tuple[int, ...], bounds: tuple[int, int]) -> None:
        """Proves that a word is the sum in two's complement (unsigned where it cannot be negative)."""
        weights, constant = linear([(lit, w) for lit, w in terms if w])
        constant += bias
        low, high = constant + sum(min(w, 0) for _, w in weights), constant + sum(max(w, 0) for _, w in weights)
        digits = len(word)
        fits = (0, (1 << digits) - 1) if bounds[0] >= 0 else (-(1 << (digits - 1)), (1 << (digits - 1)) - 1)
        if low < fits[0] or high > fits[1]:
            raise Unproved("the word has too few digits")
        self._circuit.spend(len(self._sums.get(weights, [])))
        for found in self._sums.get(weights, []):
            if found.word == word and (found.constant - constant) % (1 << digits) == 0:
                self._methods["word: heap added up"] += 1
                return
        if len(weights) > _LAST_RESORT:
            raise Unproved(f"no heap of the certificate adds up a sum of {len(weights)} inputs")
        weights += tuple((n, 0) for n in _cancelled(terms, weights))
        self._word_exhaustively(weights, constant, word)

    def _word_exhaustively(self, weights: tuple[tuple[int, int], ...], constant: int, word: tuple[int, ...]) -> None:
        leaves = [n for n, _ in weights]
        if len(leaves) > _LAST_RESORT:
            raise Unproved(f"no heap of the certificate adds up a sum of {len(leaves)} inputs")
        got = self._circuit.evaluate(word, leaves)
        _, patterns = variables(len(leaves))
        total = [0] * len(word)
        every = (1 << (1 << len(leaves))) - 1
        for weight, function in [(constant, every), *((w, p) for (_, w), p in zip(weights, patterns, strict=True))]:
            carry = 0
            for p in range(len(word)):
                digit = function if weight >> p & 1 else 0
                total[p], carry = total[p] ^ digit ^ carry, (total[p] & digit) | (carry & (total[p] | digit))
        if got != total:
            raise Unproved("the word is not the sum")
        self._methods["word: all inputs"] += 1

    def _prove(self, weights: tuple[tuple[int, int], ...], need: int, y: int, cancelled: list[int]) -> str:
        low, high = sum(min(w, 0) for _, w in weights), sum(max(w, 0) for _, w in weights)
        if (low >= need or high < need) and y == (low >= need):
            return "constant"
        spread = weights + tuple((n, 0) for n in cancelled)
        if len(spread) <= EXHAUSTIVE:
            self._exhaustively(spread, need, y)
            return "all inputs"
        for found in self._sums.get(weights, []):
            if not found.exact:
                continue
            missing = need + found.constant
            if missing == 1 << (len(found.word) - 1):
                if y != found.word[-1]:
                    continue
                return "heap added up, last carry"
            if self._compares(found.word, missing, y):
                return "heap added up, comparison on all words"
        return self._by_diagram(spread, need, y)

    def _exhaustively(self, weights: tuple[tuple[int, int], ...], need: int, y: int) -> None:
        leaves = [n for n, _ in weights]
        got = self._circuit.evaluate((y,), leaves)[0]
        self._circuit.spend(1 << len(leaves) >> 3)
        if got != _threshold(tuple(w for _, w in weights), need):
            raise Unproved(f"node {y >> 1} is not its threshold function")

    def _compares(self, word: tuple[int, ...], need: int, y: int) -> bool:
        leaves = sorted({lit >> 1 for lit in word if lit > 1})
        weights, constant = linear([(lit, 1 << p) for p, lit in enumerate(word)])
        if len(leaves) > _LAST_RESORT:
            return False
        try:
            got = self._circuit.evaluate((y,), leaves)[0]
        except Unproved:
            return False
        places = dict(weights)
        self._circuit.spend(1 << len(leaves) >> 3)
        return got == _threshold(tuple(places.get(n, 0) for n in leaves), need - constant)

    def _by_diagram(self, weights: tuple[tuple[int, int], ...], need: int, y: int) -> str:
        spread = sorted(weights, key=lambda term: -abs(term[1]))  # digits of a number: the highest first, or 2**n sums
        order = [n for n, _ in spread]
        diagrams = Diagrams(len(order))
        if diagrams.literal(self._circuit, y, order, {}) != diagrams.at_least(spread, need):
            raise Unproved(f"node {y >> 1} is not its threshold function")
        return "decision diagram"


def _cancelled(terms: Terms, weights: tuple[tuple[int, int], ...]) -> list[int]:
    """Nodes whose weights add up to 0: the circuit may depend on them in form."""
    left = {n for n, _ in weights}
    return sorted({lit >> 1 for lit, w in terms if w and lit > 1} - left)


def _threshold(weights: tuple[int, ...], need: int) -> int:
    """`sum of weights of ones >= need` over all values of the variables, built by doubling a table of sums."""
    sums = [0]
    for w in weights:
        sums += [s + w for s in sums]
    bits = bytes(s >= need for s in sums)
    return int(bits.translate(_DIGITS)[::-1], 2)


_DIGITS = bytes([48, 49, *range(2, 256)])
