"""Technology mapping, greedily: a table moves into those that read it, where it fits into all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.tables import cofactors, full, plain, remap, without_vacuous

MappedCells = dict[int, tuple[tuple[int, ...], int]]
"""Node to the nodes that its table reads, and the table; in topological order."""


def needed(circuit: Circuit) -> set[int]:
    """Returns the nodes that the outputs depend on."""
    makers = {bit: [lit >> 1 for lit in (*a.a, *a.b, a.carry)] for a in circuit.adders for bit in a.bits}
    found: set[int] = set()
    stack = [lit >> 1 for lit in circuit.outputs]
    while stack:
        node = stack.pop()
        if node in found:
            continue
        found.add(node)
        stack += circuit.luts.operands[node]
        stack += [circuit.registers[node]] if node in circuit.registers else makers.get(node, [])
    return found


def trimmed(circuit: Circuit) -> Circuit:
    """Returns the circuit without the registers and adders that no output depends on."""
    used = needed(circuit)
    registers = {q: d for q, d in circuit.registers.items() if q in used}
    adders = [a for a in circuit.adders if not used.isdisjoint(a.bits)]
    return replace(circuit, registers=registers, adders=adders)


def roots(circuit: Circuit) -> list[int]:
    """Returns the nodes that registers, adders and outputs read."""
    read = [lit >> 1 for lit in circuit.outputs] + list(circuit.registers.values())
    for adder in circuit.adders:
        read += [lit >> 1 for lit in (*adder.a, *adder.b, adder.carry)]
    return read


def flipped(circuit: Circuit, cells: MappedCells) -> tuple[MappedCells, set[int]]:
    """Returns the same cells with some nodes inverted, and which: those that outputs want so, with the registers before
    them.

    Tables take up inversions for nothing; an inverted output behind a register would be a cell of its own.
    """
    plain = {lit >> 1 for lit in circuit.outputs if not lit & 1}
    flips: set[int] = set()
    for lit in circuit.outputs:
        chain, node = [lit >> 1], lit >> 1
        while node in circuit.registers:
            node = circuit.registers[node]
            chain.append(node)
        if lit & 1 and node in cells and plain.isdisjoint(chain):
            flips.update(chain)
    for q, d in circuit.registers.items():  # a register and what it samples must agree
        if (q in flips) != (d in flips):
            return _agree(circuit, cells, flips)
    return {n: _flip(n, *cell, flips) for n, cell in cells.items()}, flips


def _agree(circuit: Circuit, cells: MappedCells, flips: set[int]) -> tuple[MappedCells, set[int]]:
    """Further registers of a flipped node are flipped too; an output that wants one plain gets an inverter."""
    changed = True
    while changed:
        more = {q for q, d in circuit.registers.items() if d in flips and q not in flips}
        flips |= more
        changed = bool(more)
    return {n: _flip(n, *cell, flips) for n, cell in cells.items()}, flips


def _flip(node: int, operands: tuple[int, ...], truth: int, flips: set[int]) -> tuple[tuple[int, ...], int]:
    truth = plain([2 * x + (x in flips) for x in operands], truth)
    return operands, truth ^ full(len(operands)) if node in flips else truth


def merged(circuit: Circuit, size: int) -> MappedCells:
    """Returns the live tables; those with a single reader absorbed while at most `size` inputs result, then those that
    fit into every reader."""
    luts = circuit.luts
    ends = roots(circuit)
    live = _live(luts, ends)
    readers = [0] * len(luts.operands)
    for node in ends:
        readers[node] += 1
    for node in live:
        for x in luts.operands[node]:
            readers[x] += 1
    cells: MappedCells = {}
    for node in live:
        operands, truth = luts.operands[node], luts.tables[node]
        for x in sorted(operands, key=lambda x: len(cells[x][0]) if x in cells else 0):
            if x not in cells or readers[x] != 1:
                continue
            if x not in operands:  # it dropped out with another one
                del cells[x]
                continue
            union = tuple(sorted((set(operands) - {x}) | set(cells[x][0])))
            if len(union) > size:
                continue
            operands, truth = _absorb(operands, truth, x, cells[x], union)
            del cells[x]
        cells[node] = (operands, truth)
    _spread(cells, set(ends), size)
    return cells


def _spread(cells: MappedCells, ends: set[int], size: int) -> None:
    """Moves tables into all of their readers: a table less, and no reader more than `size` inputs."""
    readers: dict[int, set[int]] = {}
    for node, (operands, _) in cells.items():
        for x in operands:
            readers.setdefault(x, set()).add(node)
    waiting = deque(cells)
    while waiting:
        node = waiting.popleft()
        reading = sorted(readers.get(node, ()))
        if node not in cells or node in ends or not reading:
            continue
        inner = cells[node]
        unions = [tuple(sorted({*cells[r][0], *inner[0]} - {node})) for r in reading]
        if max(map(len, unions)) > size:
            continue
        for reader, union in zip(reading, unions, strict=True):
            before = cells[reader][0]
            cells[reader] = _absorb(*cells[reader], node, inner, union)
            for x in before:
                readers[x].discard(reader)
            for x in cells[reader][0]:
                readers[x].add(reader)
            waiting.append(reader)
        for x in inner[0]:
            readers[x].discard(node)
            waiting.append(x)
        del cells[node]


def mapped_size(luts: LutNet, wanted: Iterable[int], size: int) -> int:
    """Returns the tables of up to `size` inputs that literals need."""
    return len(merged(Circuit(luts, outputs=list(wanted)), size))


def _live(luts: LutNet, ends: Iterable[int]) -> list[int]:
    return luts.live([2 * node for node in ends])


def _absorb(
    operands: tuple[int, ...], truth: int, x: int, inner: tuple[tuple[int, ...], int], union: tuple[int, ...]
) -> tuple[tuple[int, ...], int]:
    at = operands.index(x)
    low, high = cofactors(truth, at, len(operands))
    rest = tuple(o for o in operands if o != x)
    places = {node: k for k, node in enumerate(union)}
    zero, one = (remap(tuple(2 + 2 * places[o] for o in rest), t, len(union)) for t in (low, high))
    select = remap(tuple(2 + 2 * places[o] for o in inner[0]), inner[1], len(union))
    return without_vacuous(union, (one & select) | (zero & ~select))
