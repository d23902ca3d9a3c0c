"""The routed design by layer of the network: logic cells, what is in them, and where the slowest path runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from threshc.hdl.design import Design
from threshc.hdl.flow.owners import order, owners, pins

_PACKED = re.compile(r"(.+?)(_LC|_DFFLC|\$CARRY|\$CCU2_COMB[01])?")  # what nextpnr appends to the names of cells
_LOGIC = ("ICESTORM_LC", "TRELLIS_COMB")
_LUTS = ("SB_LUT4", "LUT4", "CCU2C")  # a half of a CCU2C is a LUT too


@dataclass(frozen=True, slots=True)
class PlacedCells:
    """What nextpnr placed of one layer or operation, or of what stands around the network.

    cells: logic cells (iCE40: a LUT, a carry and a flip-flop at most; ECP5: a LUT or half a carry cell); luts: LUTs of
    Yosys' netlist in them, without cells that only pass a signal on; ffs: flip-flops (of a layer that may share its
    cells with another); carries: SB_CARRY or CCU2C, with those that nextpnr adds at the ends of chains; path_ns: its
    part of the slowest path between registers, nanoseconds.
    """

    name: str
    cells: int
    luts: int
    ffs: int
    carries: int
    path_ns: float


def placed_by_layer(
    design: Design, top: dict[str, Any], routed: dict[str, Any], report: dict[str, Any], around: str
) -> tuple[PlacedCells, ...]:
    """The logic cells of a routed design by layer, each counted once.

    top: the module that Yosys wrote and nextpnr read; routed: the one that nextpnr wrote; report: its timing; around:
    what stands around the network. A logic cell belongs to the layer of its LUT, else of its carry or flip-flop; cells
    that nextpnr added belong to what reads them, else to what they read. () for portable text.
    """
    whose = owners(design, top, around)
    if not whose:
        return ()
    kinds = {name: cell["type"] for name, cell in top["cells"].items()}
    layer = _layers(routed["cells"], whose, around)
    flops = _flops(top, whose)
    net = {bit: name for name, n in routed["netnames"].items() for bit in n["bits"]}
    counts = {name: [0, 0, 0, 0] for name in order(design, around)}
    for name, cell in routed["cells"].items():
        kind, mine, parameters = cell["type"], counts[layer[name]], cell["parameters"]
        if kind in _LOGIC:
            mine[0] += 1
            inside = name.endswith("$CARRY") and "1" in parameters["LUT_INIT"]  # "LUTs merged into carry LCs"
            mine[1] += inside or kinds.get(_origin(name)) in _LUTS
            mine[3] += parameters.get("CARRY_ENABLE") == "1" or name.endswith("$CCU2_COMB0")
        if kind == "TRELLIS_FF":
            mine[2] += 1
        elif parameters.get("DFF_ENABLE") == "1":
            q = net[cell["connections"]["O"][0]] if cell["connections"]["O"] else ""
            counts[flops.get(q.partition("$SB_IO")[0], layer[name])][2] += 1
    slow = slowest_path(report, layer)
    return tuple(
        PlacedCells(name, count[0], count[1], count[2], count[3], round(slow.get(name, 0.0), 3))
        for name, count in counts.items()
        if any(count) or name in slow
    )


def slowest_path(report: dict[str, Any], layer: dict[str, str]) -> dict[str, float]:
    """Nanoseconds of the slowest path between registers by layer: a wire counts for the cell that it leads to."""
    paths = [p["path"] for p in report.get("critical_paths", []) if p["from"] == p["to"] != "<async>"]
    found: dict[str, float] = {}
    for part in max(paths, key=lambda path: sum(p["delay"] for p in path), default=[]):
        name = layer.get(part["to"]["cell"])
        if name is not None:
            found[name] = found.get(name, 0.0) + float(part["delay"])
    return found


def _origin(name: str) -> str:
    match = _PACKED.fullmatch(name)
    assert match is not None
    return match[1]


def _layers(cells: dict[str, Any], whose: dict[str, str], around: str) -> dict[str, str]:
    """The layer of every routed cell."""
    found = {name: whose[_origin(name)] for name in cells if _origin(name) in whose}
    readers: dict[int, list[str]] = {}
    drivers: dict[int, str] = {}
    for name, cell in cells.items():
        for bit in pins(cell, "input"):
            readers.setdefault(bit, []).append(name)
        drivers.update((bit, name) for bit in pins(cell, "output"))
    left = [name for name in cells if name not in found]
    while left:
        for name in left:
            near = [n for bit in pins(cells[name], "output") for n in readers.get(bit, ())]
            near += [drivers[bit] for bit in pins(cells[name], "input") if bit in drivers]
            mine = next((found[n] for n in near if n in found), None)
            if mine is not None and not name.startswith("$PACKER"):
                found[name] = mine
        if len(left) == sum(name not in found for name in left):
            break
        left = [name for name in left if name not in found]
    return {name: found.get(name, around) for name in cells}


def _flops(top: dict[str, Any], whose: dict[str, str]) -> dict[str, str]:
    """The layer of the flip-flop behind every net name, for logic cells that hold a LUT of another layer."""
    at = {c["connections"]["Q"][0]: whose[n] for n, c in top["cells"].items() if c["type"].startswith("SB_DFF")}
    found: dict[str, str] = {}
    for name, net in top["netnames"].items():
        for k, bit in enumerate(net["bits"]):
            if bit in at:
                found[name if len(net["bits"]) == 1 else f"{name}[{k}]"] = at[bit]
    return found
