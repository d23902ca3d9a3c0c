"""Yosys' netlist of cells against a certificate: equal on all inputs, cell by cell where cells correspond.

Random patterns say which node of the certificate a net of the netlist could be; that is then proved, by comparing both
functions on all values of a few nodes below them that already correspond. Nets without a counterpart are looked
through. Registers are compared by decision diagrams over the registers before them where nothing smaller reaches.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from threshc.compiler.progress import Progress, silent
from threshc.hdl.cells.gates import Gates
from threshc.hdl.proof.bdd import Diagrams
from threshc.hdl.proof.bits import Unproved, variables
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.dontcare import implemented
from threshc.hdl.proof.folding import normal
from threshc.hdl.proof.handshake import data_of
from threshc.hdl.proof.patterns import Words

_CUT = 14
"""Most nodes whose values are all tried; 20 would do, but cuts beyond this rarely prove what smaller ones did not."""
_PATIENCE = 16
"""Diagrams that may fail before no more are tried: a netlist of another circuit is refused within seconds."""
_WIDE = 64
"""Most variables of a decision diagram."""
_NODES = 20_000


@dataclass(frozen=True, slots=True)
class NetlistProof:
    """methods: nets proved, by how; cells: of the netlist; registers: data registers."""

    methods: dict[str, int]
    cells: int
    registers: int


def prove_netlist(certificate: Certificate, gates: Gates, progress: Progress = silent) -> NetlistProof:
    """Raises Unproved unless the netlist's outputs are the certificate's on all inputs, as many cycles later, behind
    the handshake that `Design` states."""
    progress("handshake of the netlist")
    data = data_of(gates, certificate.latency)
    if data.circuit.inputs != certificate.inputs or len(data.outputs) != len(certificate.outputs):
        raise Unproved("the netlist has other ports than the certificate")
    want = implemented(certificate)
    progress(f"{len(data.circuit.tables):,} tables of the netlist against {len(want.tables):,} of the certificate")
    want, literal = normal(want)
    values = {literal[lit >> 1] >> 1 for bits in certificate.values.values() for lit in bits}
    hints = {n: literal[hint] >> 1 for n, hint in data.hints.items() if hint in literal}
    matcher = _Matcher(want, data.circuit, data.sampled, hints, values)
    for k, (ours, theirs) in enumerate(zip(certificate.outputs, data.outputs, strict=True)):
        if theirs > 1 and data.circuit.stage[theirs >> 1] != certificate.latency:
            raise Unproved(f"output bit {k} of the netlist leaves at another time")
        matcher.same(literal[ours >> 1] ^ (ours & 1), data.circuit.lit(theirs), f"output bit {k}")
    return NetlistProof(dict(matcher.methods), len(gates.cells), data.flops)


class _Matcher:
    """`found`: node of the netlist's circuit to the literal of the certificate's that it is proved to equal."""

    def __init__(self, want: Circuit, got: Circuit, ends: set[int], hints: dict[int, int], values: set[int]) -> None:
        """ends: nodes of the netlist that registers sample; hints: nodes of the certificate that they may equal;
        values: nodes of the certificate that are bits of the network's values."""
        self._want, self._got, self._hints, self._values = want, got, hints, values
        self._failed = 0
        self.methods: Counter[str] = Counter()
        self.found = {k: 2 * k for k in range(want.inputs + 1)}
        plain, fresh = Words(want.inputs), Words(want.inputs)
        ours, theirs = _by_stage(want), _by_stage(got)
        for stage in sorted({*ours, *theirs}):
            mine, yours = ours.get(stage, []), theirs.get(stage, [])
            for words in (plain, fresh):
                words.simulate(want, mine, got, yours)
            for node in yours:
                candidates = list(dict.fromkeys([*fresh.candidates(node), *plain.candidates(node)]))
                self._match(node, candidates)
                if node in ends and node not in self.found:
                    self._at_register(node, candidates)
            done = {node: self.found[node] for node in yours if node in self.found}
            fresh.refresh({done[node] >> 1 for node in ends if node in done}, done)

    def same(self, ours: int, theirs: int, what: str) -> None:
        """Proves that two literals are equal."""
        lit = self.found.get(theirs >> 1)
        if lit is not None and lit ^ (theirs & 1) == ours:
            return
        node = theirs >> 1
        if node in self._got.tables and (
            self._equal(ours ^ (theirs & 1), node) or self._by_diagram(ours ^ (theirs & 1), node)
        ):
            return
        raise Unproved(f"{what} of the netlist is not proved equal to node {ours >> 1} of the certificate")

    def _match(self, node: int, candidates: list[int]) -> None:
        hint = self._hints.get(node)
        ahead = [] if hint is None else [2 * hint, 2 * hint + 1]
        for lit in [*ahead, *candidates]:
            if self._equal(lit, node):
                self.found[node] = lit
                self.methods["net equal to a node of the certificate"] += 1
                return
        self.methods["net looked through"] += 1

    def _at_register(self, node: int, candidates: list[int]) -> None:
        for lit in candidates[:2]:
            if self._by_diagram(lit, node):
                self.found[node] = lit
                self.methods["register: decision diagram"] += 1
                return

    def _equal(self, lit: int, node: int) -> bool:
        """Whether a node of the netlist is a literal of the certificate, for all values of some cut below both."""
        leaves = self._cone(node, _CUT)
        if leaves is None:
            return False
        cut = sorted({self.found[x] >> 1 for x in leaves} - {0})
        for _ in range(_CUT):
            if len(cut) > _CUT:
                return False
            verdict = self._compare(lit, node, leaves, cut)
            if verdict:
                return True
            larger = self._deeper(lit, cut)
            if larger is None:
                return False
            cut = larger
        return False

    def _cone(self, node: int, most: int) -> list[int] | None:
        """The proved nodes that a node of the netlist depends on, through unproved ones; None for more than `most`."""
        leaves: set[int] = set()
        seen: set[int] = set()
        stack = list(self._got.tables[node][0])
        while stack:
            x = stack.pop()
            if x in seen:
                continue
            seen.add(x)
            if x in self.found:
                leaves.add(x)
            else:
                stack += self._got.tables[x][0]
            if len(leaves) > most:
                return None
        return sorted(leaves)

    def _compare(self, lit: int, node: int, leaves: list[int], cut: list[int]) -> bool:
        every, patterns = variables(len(cut))
        ours = {0: 0, **dict(zip(cut, patterns, strict=True))}
        try:
            for target in (lit >> 1, *(self.found[x] >> 1 for x in leaves)):
                self._want.settle(target, ours, every)
        except Unproved:
            return False
        theirs = {x: ours[self.found[x] >> 1] ^ (every if self.found[x] & 1 else 0) for x in leaves} | {0: 0}
        self._got.settle(node, theirs, every)
        return theirs[node] == ours[lit >> 1] ^ (every if lit & 1 else 0)

    def _deeper(self, lit: int, cut: list[int]) -> list[int] | None:
        """The cut with what the literal depends on beside it, or with its last node replaced by what that reads."""
        missing = self._beside(lit >> 1, set(cut))
        if missing:
            return sorted({*cut, *missing})
        inner = [x for x in cut if x in self._want.tables]
        if not inner:
            return None
        return sorted({*cut} - {inner[-1]} | {x for x in self._want.tables[inner[-1]][0] if x})

    def _beside(self, node: int, cut: set[int]) -> set[int]:
        """Nodes that the cut lacks: of the lowest that are not above it, so that it grows slowly."""
        lowest = min(cut, default=0)
        found: set[int] = set()
        seen: set[int] = set()
        stack = [node]
        while stack:
            x = stack.pop()
            if x in seen or x in cut or x == 0:
                continue
            seen.add(x)
            if x not in self._want.tables or (x < lowest and x != node):
                found.add(x)
            else:
                stack += self._want.tables[x][0]
            if len(found) > _CUT:
                break
        return found

    def _by_diagram(self, lit: int, node: int) -> bool:
        """Whether they are equal for all values of what the netlist's node depends on, or of the registers before."""
        leaves = self._cone(node, _WIDE)
        if lit < 2 or leaves is None or self._failed > _PATIENCE:
            return False
        near = {self.found[x] >> 1 for x in leaves} - {0}
        near |= self._below(lit >> 1, near)
        far = self._below(lit >> 1, set())
        deep = self._values_below([lit >> 1, *(self.found[x] >> 1 for x in leaves)])
        cuts = [sorted(cut) for cut in (near, far, deep) if len(cut) <= _WIDE]
        agree = any(self._diagrams_agree(lit, node, leaves, cut) for cut in cuts)
        self._failed += not agree
        return agree

    def _values_below(self, nodes: list[int]) -> set[int]:
        """The values of the network, or inputs, that nodes of the certificate depend on; the first is looked into."""
        found, seen, stack = set[int](), set[int](), list(nodes)
        while stack and len(found) <= _WIDE:
            x = stack.pop()
            if x in seen or x == 0:
                continue
            seen.add(x)
            if x not in self._want.tables or (x in self._values and x != nodes[0]):
                found.add(x)
            else:
                stack += self._want.tables[x][0]
        return found

    def _below(self, node: int, cut: set[int]) -> set[int]:
        """Registers and inputs that a node of the certificate depends on without the nodes of the cut."""
        stage, found = self._want.stage[node], set[int]()
        seen, stack = set[int](), [node]
        while stack:
            x = stack.pop()
            if x in seen or x in cut or x == 0:
                continue
            seen.add(x)
            if x not in self._want.tables or self._want.stage[x] != stage:
                found.add(x)
            else:
                stack += self._want.tables[x][0]
        return found

    def _diagrams_agree(self, lit: int, node: int, leaves: list[int], order: list[int]) -> bool:
        diagrams, ours = Diagrams(len(order), _NODES), dict[int, int]()
        try:
            want = diagrams.literal(self._want, lit, order, ours)
            theirs = {x: diagrams.literal(self._want, self.found[x], order, ours) for x in leaves} | {0: 0}
            return diagrams.literal(self._got, 2 * node, order, theirs) == want
        except Unproved:
            return False


def _by_stage(circuit: Circuit) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for node in circuit.tables:
        found.setdefault(circuit.stage[node], []).append(node)
    return found
