"""Pre-mapped Verilog against a certificate, cell by cell: the very text that synthesis reads."""

from __future__ import annotations

from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.proof.cuts import relation
from threshc.hdl.proof.dontcare import implemented
from threshc.hdl.proof.folding import normal
from threshc.hdl.proof.functions import MAJ, XOR3
from threshc.hdl.proof.text import Adder, read_text


def check_mapped(certificate: Certificate, text: str) -> int:
    """Returns the number of cells and adders of a mapped text, each of which computes its node of the certificate, or
    the node's inverse.

    Tables wider than the family's may stand as two halves and a selection. Raises Unproved for text of any other kind.
    """
    nodes = _Nodes(certificate)
    cells, sources, adders, outputs = read_text(text, certificate)
    if not {*cells, *sources, *(n for a in adders.values() for n in a.bits)} <= nodes.literal.keys():
        raise Unproved("the text has nets that are not nodes of the certificate")
    delays = dict(certificate.registers)
    inverse = dict.fromkeys(range(certificate.inputs + 1), 0)
    for node in sorted({*cells, *sources, *adders}):
        if node in adders:
            _add(nodes, adders[node], inverse)
            continue
        if node in sources:
            flip = nodes.flip(delays.get(node, -1), sources[node])
            if flip is None or sources[node] not in inverse:
                raise Unproved(f"register n{node} samples n{sources[node]}, the certificate says otherwise")
            inverse[node] = inverse[sources[node]] ^ flip
            continue
        inverse[node] = _cell(nodes, node, *cells[node], inverse)
    if any(lit >> 1 not in inverse for lit in outputs):
        raise Unproved("an output of the text has no driver")
    got = [lit if lit < 2 else lit ^ inverse[lit >> 1] for lit in outputs]
    if len(got) != len(certificate.outputs) or not all(map(nodes.same, got, certificate.outputs)):
        raise Unproved("the outputs of the text differ from the certificate's")
    return len(cells) + len(adders)


class _Nodes:
    """The nodes of a certificate as it is emitted. literal[n]: what node n is in `circuit`, behind its registers."""

    def __init__(self, certificate: Certificate) -> None:
        made = implemented(certificate)
        self.stage, self.latency = made.stage, certificate.latency
        self.circuit, self.literal = made, {n: 2 * alias for n, alias in made.alias.items()}
        self._plain = not certificate.replaced
        if certificate.replaced:  # nodes may be others now: constants folded, equal ones the same
            self.circuit, self.literal = normal(made)

    def flip(self, want: int, got: int) -> int | None:
        """1 where node `got` is the inverse of node `want`, 0 where they are equal, else None."""
        if want == got or self._plain or not {want, got} <= self.literal.keys():
            return 0 if want == got else None
        difference = self.literal[want] ^ self.literal[got]
        return difference if difference < 2 and self.stage[want] == self.stage[got] else None

    def same(self, got: int, want: int) -> bool:
        """Whether an output of the text is one of the certificate: literals of nodes."""
        if self._plain or got == want:
            return got == want
        values = [self.literal[lit >> 1] ^ (lit & 1) for lit in (got, want)]
        return values[0] == values[1] and (got < 2 or self.stage[got >> 1] == self.latency)


def _cell(nodes: _Nodes, node: int, operands: list[int], table: int, inverse: dict[int, int]) -> int:
    """1 where the cell's net carries the inverse of the node, else 0."""
    if any(x not in inverse for x in operands):
        raise Unproved(f"cell n{node} reads a net that has no driver before it")
    if len({nodes.stage[x] for x in (*operands, node) if x}) > 1:
        raise Unproved(f"cell n{node} mixes bits of different samples")
    lits = [nodes.literal[x] ^ inverse[x] for x in operands]
    found = relation(nodes.circuit, nodes.literal[node], lits, table)
    if found is None:
        raise Unproved(f"cell n{node} does not compute its node")
    return found


def _add(nodes: _Nodes, adder: Adder, inverse: dict[int, int]) -> None:
    """Bit by bit: each is the parity of two bits and the carry, and the next carry is a node that is their majority."""
    read = [lit >> 1 for lit in (*adder.a, *adder.b, adder.carry)]
    if any(x not in inverse for x in read):
        raise Unproved(f"the adder of n{adder.bits[0]} reads a net that has no driver before it")
    if len({nodes.stage[x] for x in (*read, *adder.bits) if x}) > 1:
        raise Unproved(f"the adder of n{adder.bits[0]} mixes bits of different samples")
    carry = _node(nodes, adder.carry, inverse)
    for p, bit in enumerate(adder.bits):
        terms = [_node(nodes, w[p], inverse) if p < len(w) else 0 for w in (adder.a, adder.b)] + [carry]
        if relation(nodes.circuit, nodes.literal[bit], terms, XOR3) != 0:
            raise Unproved(f"bit n{bit} of an adder is not the sum's")
        inverse[bit] = 0
        if p + 1 < len(adder.bits):
            carry = _majority(nodes, terms, adder.bits[p + 1])


def _node(nodes: _Nodes, lit: int, inverse: dict[int, int]) -> int:
    return nodes.literal[lit >> 1] ^ (lit & 1) ^ inverse[lit >> 1]


def _majority(nodes: _Nodes, terms: list[int], above: int) -> int:
    """The carry of three terms as a literal: among what the sum's next bit reads."""
    reads = nodes.circuit.tables.get(nodes.literal[above] >> 1, ((), 0))[0]
    near = [lit for lit in [nodes.literal.get(above - 1, 0)] if lit]  # where `certify` puts it
    for deep in (False, True):
        for lit in (*near, *(2 * x for x in reads), *terms, 0):
            if (flip := relation(nodes.circuit, lit, terms, MAJ, deep)) is not None:
                return lit ^ flip
    raise Unproved(f"the carry into n{above} is not a node of the certificate")
