"""A design to its certificate. Nothing here is trusted: `threshc.hdl.proof.check` proves what this writes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from threshc.compiler.ir.ops import ArgMax, Compare, Reduce, Sum
from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.tables import MAJ, XOR, plain
from threshc.hdl.proof import certificate as proof
from threshc.hdl.proof.certificate import Certificate, Field, Group, Lut, Register, Replacement, Step, Word
from threshc.hdl.proof.fingerprint import fingerprint
from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.claims import Claim
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.lower import lowered
from threshc.hdl.unrolled.netlist import Netlist


def certify(design: Design) -> Certificate:
    """Returns the certificate of a design, with every value of its network that is made of cells."""
    interface = design.interface
    circuit = lowered(design)
    values: dict[int, Word] = {}
    for v, op in enumerate(interface.network.ops):
        if isinstance(op, Sum | Compare | Reduce | ArgMax):
            values[v] = _lits(circuit, design.values[v].ravel())
    return Certificate(
        network=fingerprint(interface.network),
        name=interface.name,
        inputs=interface.input.bits,
        latency=interface.timing.latency,
        fields=tuple(Field(f.name, f.value, f.width) for f in sorted(interface.fields, key=lambda f: f.offset)),
        luts=_luts(circuit),
        registers=tuple(Register(q, d) for q, d in circuit.registers.items()),
        values=values,
        outputs=tuple(circuit.outputs),
        claims=tuple(_claim(circuit, c) for c in (*design.netlist.claims, *_totals(design.netlist))),
        selections=tuple(
            proof.Selection(_lits(circuit, [s.larger])[0], *(_lits(circuit, w) for w in s.best))
            for s in design.netlist.selections
        ),
        replaced=tuple(
            Replacement(
                r.node, tuple(r.operands), r.table, tuple(Group(tuple(g.nodes), tuple(g.leaves)) for g in r.cut)
            )
            for r in design.replaced
        ),
    )


def _lits(circuit: Circuit, lits: Lits | list[int] | tuple[int, ...]) -> Word:
    array = np.asarray(lits, np.int64)
    return tuple((circuit.bits[array >> 1] ^ (array & 1)).tolist())


def _luts(circuit: Circuit) -> tuple[Lut, ...]:
    luts = circuit.luts
    found = [Lut(n, tuple(o), luts.tables[n]) for n, o in enumerate(luts.operands) if o]
    for adder in circuit.adders:
        found += _ripple(adder.bits, adder.a, adder.b, adder.carry, circuit.carries)
    return tuple(sorted(found))


def _ripple(
    bits: tuple[int, ...], a: tuple[int, ...], b: tuple[int, ...], carry: int, carries: dict[int, int]
) -> list[Lut]:
    """An adder as full adders; `carries` has the node of the carry into each of its bits but the lowest."""
    cells: list[Lut] = []
    for p, bit in enumerate(bits):
        one, other = (w[p] if p < len(w) else 0 for w in (a, b))
        into = 2 * carries[bit] if p else carry
        cells.append(Lut(bit, *_over_nodes((one, other, into), XOR[3])))
        if p + 1 < len(bits):
            cells.append(Lut(carries[bits[p + 1]], *_over_nodes((one, other, into), MAJ)))
    return cells


def _over_nodes(literals: tuple[int, ...], truth: int) -> tuple[tuple[int, ...], int]:
    """A table over literals as one over their nodes, node 0 for constants."""
    return tuple(lit >> 1 for lit in literals), plain(literals, truth)


def _totals(net: Netlist) -> Iterator[Claim]:
    """Sums made as vectors, row by row, without steps."""
    for total in net.totals:
        rows = zip(total.widths.tolist(), total.addend, total.words.tolist(), strict=True)
        for r, (width, addend, word) in enumerate(rows):
            columns = [c[r][c[r] > 0].tolist() for c in total.columns[:width]] + [[]] * (width - len(total.columns))
            ones = [(1,) if addend >> c & 1 else () for c in range(width)]
            yield Claim(tuple((*c, *one) for c, one in zip(columns, ones, strict=True)), (), tuple(word[:width]))


def _claim(circuit: Circuit, claim: Claim) -> proof.Claim:
    steps = tuple(
        Step(s.column, tuple(_lits(circuit, t) for t in s.inputs), tuple((c, _lits(circuit, t)) for c, t in s.outputs))
        for s in claim.steps
    )
    return proof.Claim(tuple(_lits(circuit, c) for c in claim.columns), steps, _lits(circuit, claim.word))
