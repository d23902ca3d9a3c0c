"""Binary decision diagrams in a few lines, after Bryant (1986): equal functions are equal numbers."""

from __future__ import annotations

from threshc.compiler.diagnostics import option
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.circuit import Circuit

MOST_VARIABLES = 400


class Diagrams:
    """Functions of ordered variables; 0 and 1 are the constants. Raises Unproved beyond `most` nodes, or results that
    are kept, and beyond 400 variables, which are levels of recursion."""

    def __init__(self, count: int, most: int = 1_000_000) -> None:
        if count > MOST_VARIABLES:
            raise Unproved(f"it would take a decision diagram of {count:,} variables", _other_neuron())
        self._nodes = [(count, 0, 0), (count, 1, 1)]
        self._unique: dict[tuple[int, int, int], int] = {}
        self._made: dict[tuple[int, int, int], int] = {}
        self._most = most

    def node(self, variable: int, low: int, high: int) -> int:
        """Returns the function that is `low` where the variable is 0 and `high` where it is 1."""
        if low == high:
            return low
        key = (variable, low, high)
        if key not in self._unique:
            if len(self._nodes) >= self._most:
                raise Unproved(f"its decision diagram has more than {self._most:,} nodes", _other_neuron())
            self._unique[key] = len(self._nodes)
            self._nodes.append(key)
        return self._unique[key]

    def choose(self, f: int, g: int, h: int) -> int:
        """Returns `f ? g : h`; the depth of the recursion is the number of variables."""
        if f < 2:
            return g if f else h
        if g == h:
            return g
        if g == 1 and h == 0:
            return f
        key = (f, g, h)
        if key not in self._made:
            if len(self._made) > 4 * self._most:
                raise Unproved(f"its decision diagram has more than {self._most:,} nodes", _other_neuron())
            top = min(self._nodes[x][0] for x in key)
            low, high = ([(self._nodes[x][b] if self._nodes[x][0] == top else x) for x in key] for b in (1, 2))
            self._made[key] = self.node(top, self.choose(*low), self.choose(*high))
        return self._made[key]

    def table(self, truth: int, operands: list[int]) -> int:
        """Returns a truth table over functions."""
        if not operands:
            return truth & 1
        half = 1 << (len(operands) - 1)
        low, high = truth & ((1 << half) - 1), truth >> half
        zero = self.table(low, operands[:-1])
        return zero if low == high else self.choose(operands[-1], self.table(high, operands[:-1]), zero)

    def literal(self, circuit: Circuit, lit: int, order: list[int], known: dict[int, int]) -> int:
        """Returns the function of a circuit's literal over the nodes of `order`; `known` is kept between calls."""
        if not known:
            known |= {0: 0, **{n: self.node(k, 0, 1) for k, n in enumerate(order)}}
        stack, before = [lit >> 1], len(self._made)
        while stack:
            node = stack[-1]
            if node in known:
                stack.pop()
                continue
            if node not in circuit.tables:
                raise Unproved(f"node {lit >> 1} depends on node {node}, which is not one of its inputs")
            operands, truth = circuit.tables[node]
            waiting = [x for x in operands if x not in known]
            stack += waiting
            if not waiting:
                known[node] = self.table(truth, [known[x] for x in operands])
        circuit.spend(len(self._made) - before)
        found = known[lit >> 1]
        return self.choose(found, 0, 1) if lit & 1 else found

    def at_least(self, weights: list[tuple[int, int]], need: int) -> int:
        """Returns `sum(weight of variable k) >= need`, the weights in the order of the variables, made without any
        circuit.

        Raises Unproved where the sums that may be left after some variables are too many."""
        most = [sum(max(w, 0) for _, w in weights[k:]) for k in range(len(weights) + 1)]
        least = [sum(min(w, 0) for _, w in weights[k:]) for k in range(len(weights) + 1)]
        made: dict[tuple[int, int], int] = {}

        def build(k: int, need: int) -> int:
            if least[k] >= need:
                return 1
            if most[k] < need:
                return 0
            if (k, need) not in made:
                if len(made) > self._most:
                    raise Unproved(f"its decision diagram takes more than {self._most:,} sums", _other_neuron())
                w = weights[k][1]
                made[k, need] = self.node(k, build(k + 1, need), build(k + 1, need - w))
            return made[k, need]

        return build(0, need)


def _other_neuron() -> str:
    """What to try where a decision diagram is too large."""
    stepwise = f"{option('neuron', 'auto')}, pairs or counters"
    return f"{stepwise}: their sums are proved step by step, others by decision diagrams"
