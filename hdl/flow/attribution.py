"""Which layer of the network (`threshc.compiler.ir.layers`) a cell of Yosys' netlist belongs to."""

from __future__ import annotations

import re
from collections import deque
from functools import cache
from typing import Any

import numpy as np

from threshc.compiler.ir.layers import layer_of
from threshc.hdl.chain import Chain, Circuit
from threshc.hdl.families.registry import families
from threshc.hdl.naming import scopes
from threshc.hdl.unrolled.cell import Kind
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.lower import lowered

REST = "handshake and the rest"
_UNIT = re.compile(r"u(\d+)\.(.*)")  # of the instances that `Chain` makes of several units
_NODE = re.compile(r"n(\d+)")
_PORTS = re.compile(r"(clk|rst|i_payload|i_valid|o_ready)(\[\d+\])?")  # nets that come from elsewhere
_INSIDE = re.compile(r"(?:\w+\.)*?network\.(.*)")  # of the instance that `VerilogCore` makes


def owners(chain: Circuit, module: dict[str, Any], around: str | None = None) -> dict[str, str]:
    """Returns the layer of every cell of a module that Yosys wrote, in its order of cells.

    Nets of pre-mapped text are named after nodes, which belong to the layer that they were made for, the first of
    several. Cells behind nets that Yosys named itself belong to the nearest cell that reads them. around: the name of
    what is around the network, None for the network alone. {} for portable text, whose nets lose their names.
    """
    cells: dict[str, Any] = {n: c for n, c in module["cells"].items() if c["type"] != "$scopeinfo"}
    if not isinstance(chain, Chain):
        return _by_instance(chain.instances(), cells, module, REST if around is None else around)
    owner = _named(chain, module, around)
    if not set(order(chain)[:-1]) & set(owner.values()):
        return {}
    drivers: dict[int, str] = {}
    for name, cell in cells.items():
        drivers.update((bit, name) for bit in pins(cell, "output"))
    found: dict[str, str] = {}
    waiting: deque[str] = deque()
    for name, cell in cells.items():
        mine = next((owner[bit] for bit in pins(cell, "output") if bit in owner), None)
        if mine is not None:
            found[name] = mine
            waiting.append(name)
    while waiting:
        name = waiting.popleft()
        for bit in pins(cells[name], "input"):
            behind = drivers.get(bit)
            if behind is not None and behind not in found:
                found[behind] = found[name]
                waiting.append(behind)
    rest = REST if around is None else around
    return {name: found.get(name, rest) for name in cells}


def _by_instance(layers: dict[str, str], cells: dict[str, Any], module: dict[str, Any], rest: str) -> dict[str, str]:
    """The owners of cells of folded layers, which are instances: by the paths of cells, else of the nets they drive."""

    def whose(path: str) -> str | None:
        return next((layers[part] for part in re.split(r"[.\s]", path) if part in layers), None)

    nets = {bit: found for name, net in module["netnames"].items() if (found := whose(name)) for bit in net["bits"]}
    return {
        name: whose(name) or next((nets[bit] for bit in pins(cell, "output") if bit in nets), rest)
        for name, cell in cells.items()
    }


def pins(cell: dict[str, Any], way: str) -> list[int]:
    """Returns the nets at the pins of a direction."""
    ways = cell["port_directions"]
    return [
        bit for pin, bits in cell["connections"].items() if ways[pin] == way for bit in bits if isinstance(bit, int)
    ]


def order(chain: Circuit, around: str | None = None) -> list[str]:
    """Returns the names that `owners` gives, as tables have them."""
    if not isinstance(chain, Chain):
        return [*chain.instances().values(), REST, *([] if around is None else [around])]
    found = [
        layers[cell.scope]
        for unit, layers in zip(chain.units, _layers(chain), strict=True)
        for cell in unit.netlist.cells
        if cell.scope in layers
    ]
    return list(dict.fromkeys([*found, REST, *([] if around is None else [around])]))


def _layers(chain: Chain) -> list[dict[str, str]]:
    """Of every unit, the layer's name of every scope of cells that is of one."""
    names = {v: layer.name for v, layer in layer_of(chain.network).items()}
    found = []
    for unit, by in zip(chain.units, chain.offsets, strict=True):
        modules = scopes(unit.network)
        found.append({modules[v]: names[v + by] for v in layer_of(unit.network)})
    return found


def _named(chain: Chain, module: dict[str, Any], around: str | None) -> dict[int, str]:
    """The owner of every net that has a name of ours. A net may have several: the one that says most counts."""
    units = _nodes(chain)
    ranked: dict[int, tuple[int, str]] = {}
    for name, net in module["netnames"].items():
        rank, whose = _owner(name, units, around)
        for bit in net["bits"]:
            if isinstance(bit, int) and rank > ranked.get(bit, (0, ""))[0]:
                ranked[bit] = rank, whose
    return {bit: whose for bit, (_, whose) in ranked.items()}


@cache
def _made_up() -> re.Pattern[str]:
    """Yosys' names for nets without one, which end in a type of cell and its pin, and further names of nets that have
    one."""
    kinds = "|".join(prefix for family in families().values() for prefix in family.cells)
    return re.compile(rf"\$|_({kinds})|^n\d+_|^[lrs]\d+(_|$)")


def _owner(name: str, units: list[dict[int, str]], around: str | None) -> tuple[int, str]:
    """(how much the name says, 0 for nothing; the owner)."""
    inside = None if around is None else _INSIDE.fullmatch(name)
    inner, layers = inside[1] if inside else name, units[0]
    if len(units) > 1 and (unit := _UNIT.fullmatch(inner)):
        layers, inner = units[int(unit[1])], unit[2]
        if _PORTS.fullmatch(inner):
            return 0, ""  # the unit before drives it
    if _made_up().search(inner):
        return 0, ""
    if (around is not None and not inside) or _PORTS.fullmatch(inner):
        return (0, "") if around is None else (1, around)
    if match := _NODE.fullmatch(inner):
        whose = layers.get(int(match[1]))
        return (3, whose) if whose else (0, "")
    return 2, REST


def _nodes(chain: Chain) -> list[dict[int, str]]:
    """Of every unit, the layer of every node of the pre-mapped text."""
    return [_unit_nodes(unit, layers) for unit, layers in zip(chain.units, _layers(chain), strict=True)]


def _unit_nodes(design: Design, layers: dict[str, str]) -> dict[int, str]:
    circuit = lowered(design)
    found: dict[int, str] = {}
    for cell in design.netlist.cells:
        if cell.kind is Kind.INPUT or cell.scope not in layers:
            continue
        for node in np.unique(circuit.bits[cell.first : cell.first + cell.width] >> 1).tolist():
            found.setdefault(node, layers[cell.scope])
    return {node: whose for node, whose in found.items() if node > design.interface.input.bits}
