"""The routed design by layer of the network: logic cells, what is in them, and where the slowest path runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from threshc.hdl.chain import Circuit
from threshc.hdl.families.base import Placed
from threshc.hdl.flow.attribution import order, owners, pins

_BEL = re.compile(r"X(\d+)/?Y(\d+)")
"""The beginning of a place on the chip, as nextpnr writes it."""


@dataclass(frozen=True, slots=True)
class PlacedCells:
    """The placed cells of one layer, or of the surroundings of the network.

    cells: logic cells (iCE40: a LUT, a carry and a flip-flop at most; ECP5: a LUT or half a carry cell); luts: LUTs of
    Yosys' netlist in them, without cells that only pass a signal on; ffs: flip-flops (of a layer that may share its
    cells with another); carries: carry cells, with those that nextpnr adds at the ends of chains; path_ns: its
    part of the slowest path between registers, nanoseconds.
    """

    name: str
    cells: int
    luts: int
    ffs: int
    carries: int
    path_ns: float


Places = dict[str, list[tuple[int, int]]]
"""Column and row of placed cells, by layer."""


def placed_by_layer(
    chain: Circuit, top: dict[str, Any], routed: dict[str, Any], report: dict[str, Any], around: str, reading: Placed
) -> tuple[PlacedCells, ...]:
    """Returns the logic cells of a routed design by layer, each counted once.

    top: the module that Yosys wrote and nextpnr read; routed: the one that nextpnr wrote; report: its timing; around:
    the name of what is around the network; reading: the family's way to read placed cells. A logic cell belongs to the
    layer of its LUT, else of its carry or flip-flop; cells that nextpnr added belong to what reads them, else to what
    they read. () for portable text.
    """
    whose = owners(chain, top, around)
    if not whose:
        return ()
    kinds = {name: cell["type"] for name, cell in top["cells"].items()}
    origin = _origins(routed["cells"], reading)
    layer = _layers(routed["cells"], whose, origin, around)
    flops = _flops(top, whose)
    net = {bit: name for name, n in routed["netnames"].items() for bit in n["bits"]}
    counts = {name: [0, 0, 0, 0] for name in order(chain, around)}
    for name, cell in routed["cells"].items():
        one = reading.count(name, cell, kinds.get(origin[name], ""))
        mine, logic = counts[layer[name]], cell["type"].startswith(reading.types)
        mine[0], mine[3] = mine[0] + logic, mine[3] + one.carries
        if not logic:
            mine[2] += one.ffs  # a flip-flop in a place of its own
            continue
        mine[1] += one.luts
        if one.ffs:
            q = net[cell["connections"]["O"][0]] if cell["connections"]["O"] else ""
            counts[flops.get(q.partition("$SB_IO")[0], layer[name])][2] += 1
    slow = slowest_path(report, layer)
    return tuple(
        PlacedCells(name, count[0], count[1], count[2], count[3], round(slow.get(name, 0.0), 3))
        for name, count in counts.items()
        if any(count) or name in slow
    )


def places_by_layer(
    chain: Circuit, top: dict[str, Any], routed: dict[str, Any], around: str, reading: Placed
) -> Places:
    """Returns column and row of every placed logic cell by layer; arguments as for `placed_by_layer`."""
    whose = owners(chain, top, around)
    if not whose:
        return {}
    layer = _layers(routed["cells"], whose, _origins(routed["cells"], reading), around)
    found: Places = {name: [] for name in order(chain, around)}
    for name, cell in routed["cells"].items():
        place = _BEL.match(str(cell["attributes"].get("NEXTPNR_BEL", "")))
        if place is not None and cell["type"].startswith(reading.types):
            found[layer[name]].append((int(place[1]), int(place[2])))
    return {name: cells for name, cells in found.items() if cells}


def slowest_path(report: dict[str, Any], layer: dict[str, str]) -> dict[str, float]:
    """Nanoseconds of the slowest path between registers by layer: a wire counts for the cell that it leads to."""
    paths = [p["path"] for p in report.get("critical_paths", []) if p["from"] == p["to"] != "<async>"]
    found: dict[str, float] = {}
    for part in max(paths, key=lambda path: sum(p["delay"] for p in path), default=[]):
        name = layer.get(part["to"]["cell"])
        if name is not None:
            found[name] = found.get(name, 0.0) + float(part["delay"])
    return found


def _origins(cells: dict[str, Any], reading: Placed) -> dict[str, str]:
    """The name of the cell of Yosys' netlist that a routed cell was packed from."""
    packed = re.compile(rf"(.+?){reading.suffix}")
    return {name: match[1] for name in cells if (match := packed.fullmatch(name)) is not None}


def _layers(cells: dict[str, Any], whose: dict[str, str], origin: dict[str, str], around: str) -> dict[str, str]:
    """The layer of every routed cell."""
    found = {name: whose[origin[name]] for name in cells if origin[name] in whose}
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
