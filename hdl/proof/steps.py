"""One claim of a certificate: the columns of a heap are added up, step by step, to a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from threshc.hdl.proof.bits import Unproved, add_up
from threshc.hdl.proof.certificate import Claim, Term
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.rewrite import Rewriter


@dataclass(frozen=True, slots=True)
class HeapSum:
    """A proved claim: sum(weight * node) + constant = word modulo 2**len(word), for every input.

    low, high: the range of the sum where each node may be 0 or 1; exact: the sum is the word.
    """

    weights: tuple[tuple[int, int], ...]
    constant: int
    word: tuple[int, ...]
    exact: bool


def prove_claim(circuit: Circuit, claim: Claim, rewriter: Rewriter | None = None) -> HeapSum:
    """Raises Unproved unless every step is an identity; a word without steps is rewritten to the sum."""
    columns, steps, word = claim
    heap: Counter[tuple[int, Term]] = Counter()
    for c, column in enumerate(columns):
        heap.update((c, (circuit.lit(lit),)) for lit in column if lit)
    weights, constant = linear([(circuit.lit(lit), 1 << c) for c, column in enumerate(columns) for lit in column])
    for at, inputs, outputs in steps:
        take_step(
            circuit,
            heap,
            len(word),
            at,
            [circuit.lits(t) for t in inputs],
            [(c, circuit.lits(t)) for c, t in outputs],
        )
    final = circuit.lits(word)
    if not steps:
        _rewritten(rewriter or Rewriter(circuit), final, dict(weights), constant)
        heap = Counter((c, (lit,)) for c, lit in enumerate(final) if lit)
    left = {item: count for item, count in heap.items() if count and item[1] != (0,)}  # constants 0 weigh nothing
    if left != {(c, (lit,)): 1 for c, lit in enumerate(final) if lit}:
        raise Unproved("the steps do not end with one bit in every column")
    low = constant + sum(min(w, 0) for _, w in weights)
    high = constant + sum(max(w, 0) for _, w in weights)
    beyond = low >> len(word) << len(word)  # constants may be split so that they only add up modulo the word
    return HeapSum(weights, constant - beyond, final, high - beyond < 1 << len(word))


def _rewritten(rewriter: Rewriter, word: Term, weights: dict[int, int], constant: int) -> None:
    modulus = 1 << len(word)
    got, rest = rewriter.sum_of(word, set(weights))
    if got != {n: w % modulus for n, w in weights.items() if w % modulus} or (rest - constant) % modulus:
        raise Unproved("the word is not the heap's sum")


def linear(terms: list[tuple[int, int]]) -> tuple[tuple[tuple[int, int], ...], int]:
    """Returns (weights of nodes, constant) of a sum of literals times weights; an inverted literal is 1 - node."""
    weights: dict[int, int] = {}
    constant = 0
    for lit, weight in terms:
        if lit & 1:
            constant += weight
        if lit > 1:
            weights[lit >> 1] = weights.get(lit >> 1, 0) + (-weight if lit & 1 else weight)
    return tuple(sorted((n, w) for n, w in weights.items() if w)), constant


def take_step(
    circuit: Circuit,
    heap: Counter[tuple[int, Term]],
    width: int,
    column: int,
    inputs: Sequence[Term],
    outputs: Sequence[tuple[int, Term]],
) -> None:
    """Takes the inputs from the heap and puts the outputs there, having proved that the sum stays the same modulo
    2**width for all values of the inputs. A term of two literals is their parity."""
    for term in inputs:
        if term == (0,):  # a constant 0 weighs nothing: it is always there
            continue
        if heap[column, term] < 1:
            raise Unproved(f"a step in column {column} adds up what is not there")
        heap[column, term] -= 1
    if any(not column <= c < width for c, _ in outputs):
        raise Unproved(f"a step in column {column} has an output elsewhere")
    leaves = sorted({lit >> 1 for term in inputs for lit in term if lit > 1})
    # Equal tables are one node: an input may be what the step makes of the other inputs, and is not a variable then.
    if not _is_identity(circuit, width, column, inputs, outputs, leaves):
        fewer = _independent(circuit, leaves)
        if fewer == leaves or not _is_identity(circuit, width, column, inputs, outputs, fewer):
            raise Unproved(f"a step in column {column} changes the sum (nodes {leaves})")
    heap.update(outputs)


def _is_identity(
    circuit: Circuit,
    width: int,
    column: int,
    inputs: Sequence[Term],
    outputs: Sequence[tuple[int, Term]],
    leaves: list[int],
) -> bool:
    leaves = [*leaves, *_free(circuit, leaves, outputs)]
    if len(leaves) > 14:
        raise Unproved(f"a step in column {column} has {len(leaves)} inputs")
    digits = (len(inputs) + sum(1 << (c - column) for c, _ in outputs)).bit_length()
    before = add_up([(0, _value(circuit, term, leaves)) for term in inputs], digits)
    after = add_up([(c - column, _value(circuit, term, leaves)) for c, term in outputs], digits)
    kept = min(width - column, digits)
    return before[:kept] == after[:kept]  # modulo 2**width; the range of the whole sum makes the word exact


def _independent(circuit: Circuit, leaves: list[int]) -> list[int]:
    """The leaves without those that depend on the others alone."""
    for leaf in sorted(leaves, reverse=True):
        others = [x for x in leaves if x != leaf]
        if _depends_only(circuit, 2 * leaf, others):
            leaves = others
    return leaves


def _value(circuit: Circuit, term: Term, leaves: list[int]) -> int:
    out = 0
    for function in circuit.evaluate(term, leaves):
        out ^= function
    return out


def _free(circuit: Circuit, leaves: list[int], outputs: Sequence[tuple[int, Term]]) -> list[int]:
    """First halves of output pairs that come from elsewhere: they may take any value, their parity cancels."""
    found: list[int] = []
    for _, term in outputs:
        if len(term) == 2 and term[0] >> 1 not in (*leaves, *found) and not _depends_only(circuit, term[0], leaves):
            found.append(term[0] >> 1)
    return found


def _depends_only(circuit: Circuit, lit: int, leaves: list[int]) -> bool:
    try:
        circuit.evaluate((lit,), leaves)
    except Unproved:
        return False
    return True
