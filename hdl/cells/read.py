"""Yosys' `write_json` to gates: cells expanded by their models, constants and other names folded, sorted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from threshc.compiler.diagnostics import fail
from threshc.hdl.cells.gates import Block, Flop, Gate, Gates, Source
from threshc.hdl.cells.made import read_made
from threshc.hdl.families.models import Cell, Model, Reading, Unmodelled, Writing
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.logic.tables import folded

_CONSTANTS = {"0": 0, "1": 1, "x": 0, "z": 0}


def read_netlist(path: Path, family: str, module: str | None = None) -> Gates:
    """Returns the gates of a module (the top one if none is named) of a JSON netlist of a family's cells.

    Raises CompileError where the file is not such a netlist, has cells without a model, several clocks or a loop.
    """
    models = find_family(family).models
    try:
        modules: dict[str, Any] = read_made(path, "netlist")["modules"]
        name = module if module is not None else _top(modules)
        return _gates(name, modules[name], models)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as problem:
        why = f"{type(problem).__name__}: {problem}"
        raise fail("this is not a netlist that Yosys wrote", where=str(path), why=why) from None
    except Unmodelled as problem:
        raise fail(
            "the netlist cannot be read",
            where=str(path),
            why=str(problem),
            hint=f"cells of {family} with a model: {', '.join(models)}",
        ) from None


def _top(modules: dict[str, Any]) -> str:
    tops = [n for n, m in modules.items() if int(m.get("attributes", {}).get("top", "0"), 2)]
    if len(tops) == 1:
        return tops[0]
    raise KeyError(f"{len(tops)} modules are marked as top")


def _gates(name: str, module: dict[str, Any], models: Mapping[str, Model]) -> Gates:
    reader = _Reader(max((b for n in module["netnames"].values() for b in n["bits"] if isinstance(b, int)), default=1))
    for where, cell in sorted(module["cells"].items(), key=_reads):  # cells that make constants come first
        reader.cell(where, cell, models)
    reader.resolve()
    ports = {p: ([_net(b) for b in v["bits"]], v["direction"]) for p, v in module["ports"].items()}
    inputs = {p: bits for p, (bits, way) in ports.items() if way == "input"}
    outputs = {p: [reader.root(b) for b in bits] for p, (bits, way) in ports.items() if way != "input"}
    for p, bits in list(outputs.items()):  # pads that Amaranth leaves without a direction
        if ports[p] == (bits, "inout") and not reader.drives(bits[0]):
            inputs[p] = outputs.pop(p)
    given = {bit for bits in inputs.values() for bit in bits}
    gates = list(reader.sorted(given))
    names: dict[str, list[int]] = {n: [reader.root(_net(b)) for b in v["bits"]] for n, v in module["netnames"].items()}
    flops = [Flop(q, reader.root(d), init, cell) for q, d, init, cell in reader.flops]
    return Gates(name, inputs, outputs, gates, flops, reader.cells, reader.clock(), names, reader.blocks())


def _reads(named: tuple[str, dict[str, Any]]) -> bool:
    """Whether a cell has inputs, by its directions where Yosys wrote them."""
    return "input" in named[1].get("port_directions", {"": "input"}).values()


def _net(bit: int | str) -> int:
    return bit if isinstance(bit, int) else _CONSTANTS[bit]


class _Reader:
    """The `Sink` of the models: collects tables first, since cells stand in any order."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._tables: dict[int, tuple[tuple[int, ...], int, int]] = {}
        self._alias: dict[int, int] = {}
        self._clocks: set[int] = set()
        self._blocks: list[Block] = []
        self._read: dict[int, tuple[int, Reading]] = {}
        self.flops: list[Flop] = []
        self.cells: list[Source] = []

    def cell(self, name: str, cell: dict[str, Any], models: Mapping[str, Model]) -> None:
        """Expands one cell."""
        kind = cell["type"]
        if kind.startswith("$scopeinfo"):
            return
        model = models.get(kind)
        if model is None:
            raise Unmodelled(f"cell {name} is a {kind}")
        self.cells.append(Source(name, kind))
        pins = {pin: [self._known(_net(b)) for b in bits] for pin, bits in cell["connections"].items()}
        model(Cell(cell["parameters"], pins), self)

    def fresh(self) -> int:
        self._last += 1
        return self._last

    def table(self, out: int, operands: list[int], table: int) -> None:
        if out > 1:  # a pin that is not connected
            self._drive(out)
            self._tables[out] = tuple(operands), table, len(self.cells) - 1

    def same(self, out: int, source: int) -> None:
        if out > 1:
            self._drive(out)
            self._alias[out] = source

    def clocked(self, clock: int) -> None:
        self._clocks.add(clock)

    def flop(self, q: int, following: int, init: int) -> None:
        if q > 1:
            self._drive(q)
            self.flops.append(Flop(q, following, init, len(self.cells) - 1))

    def memory(self, bits: Sequence[int], reads: Sequence[Reading], writes: Sequence[Writing]) -> None:
        block = len(self._blocks)
        self._blocks.append(Block(bytes(bits), tuple(reads), tuple(writes), len(self.cells) - 1))
        for port in reads:
            for net, _ in port.data:
                self._drive(net)
                self._read[net] = block, port

    def blocks(self) -> list[Block]:
        """The memories, by the nets that are left."""
        return [
            block._replace(
                reads=tuple(Reading(self._rooted(r.address), r.data) for r in block.reads),
                writes=tuple(
                    Writing(self._rooted(w.address), tuple((self.root(n), at, self.root(e)) for n, at, e in w.data))
                    for w in block.writes
                ),
            )
            for block in self._blocks
        ]

    def _rooted(self, address: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
        return tuple((self.root(net), weight) for net, weight in address)

    def drives(self, net: int) -> bool:
        """Whether a table, flip-flop or memory drives the net."""
        return net in self._tables or net in self._read or any(flop[0] == net for flop in self.flops)

    def _drive(self, net: int) -> None:
        if net in self._tables or net in self._alias or net in self._read:
            raise Unmodelled(f"net {net} has two drivers")

    def _known(self, net: int) -> int:
        """The constant that a net was found to be, else the net itself."""
        found = self.root(net)
        return found if found < 2 else net

    def root(self, net: int) -> int:
        """The net itself, looking through other names of it."""
        found = net
        for _ in range(len(self._alias) + 1):
            if found not in self._alias:
                break
            found = self._alias[found]
        else:
            raise Unmodelled(f"net {net} is part of a loop of wires")
        while net != found:  # the next time it is one step
            self._alias[net], net = found, self._alias[net]
        return found

    def clock(self) -> int | None:
        """The one clock, None where there are no flip-flops."""
        clocks = {self.root(c) for c in self._clocks}
        if len(clocks) > 1:
            raise Unmodelled(f"it has {len(clocks)} clocks")
        return next(iter(clocks), None)

    def resolve(self) -> None:
        """Takes other names and constants out of all operands; tables that are wires become other names."""
        changed = True
        while changed:
            changed = False
            for out, (operands, truth, cell) in list(self._tables.items()):
                roots = [self.root(x) for x in operands]
                nets, truth = folded([x if x < 2 else 2 * x for x in roots], truth)
                if not nets or (len(nets) == 1 and truth == 0b10):
                    self._alias[out] = nets[0] if nets else truth
                    del self._tables[out]
                    changed = True
                    continue
                self._tables[out] = nets, truth, cell

    def sorted(self, given: set[int]) -> Iterator[Gate]:
        """The tables in topological order."""
        done = {0, 1, *given, *(f.q for f in self.flops)}
        for start in (*self._tables, *self._read):
            stack, open_ = [start], set[int]()
            while stack:
                net = stack[-1]
                if net in done:
                    stack.pop()
                    continue
                if net in self._read:
                    operands, truth, cell = tuple(self.root(x) for x, _ in self._read[net][1].address), 0, -1
                elif net in self._tables:
                    operands, truth, cell = self._tables[net]
                else:
                    raise Unmodelled(f"net {net} has no driver")
                waiting = [x for x in operands if x not in done]
                if not waiting:
                    done.add(net)
                    stack.pop()
                    if cell >= 0:
                        yield Gate(net, operands, truth, cell)
                    continue
                if net in open_:
                    raise Unmodelled(f"net {net} is part of a combinational loop")
                open_.add(net)
                stack += waiting
