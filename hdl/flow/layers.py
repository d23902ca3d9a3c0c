"""Cells of Yosys' netlist by layer of the network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from threshc.hdl.design import Design
from threshc.hdl.flow.owners import order, owners

_LUTS = re.compile(r"SB_LUT4|LUT[1-6]")
_CARRIES = {"SB_CARRY": 0, "CCU2C": 2, "CARRY4": 0}  # LUTs inside of a carry cell
_FLOPS = re.compile(r"SB_DFF|TRELLIS_FF|FD[RSCP]E")


@dataclass(frozen=True, slots=True)
class LayerCells:
    """What Yosys made of one layer or operation. luts: as in `threshc.hdl.flow.synthesis.Cells`."""

    name: str
    luts: int
    ffs: int
    carries: int


def cells_by_layer(design: Design, module: dict[str, Any]) -> tuple[LayerCells, ...]:
    """The cells of the network alone by layer (`threshc.hdl.flow.owners`), each counted once; module: by Yosys."""
    whose = owners(design, module)
    counts = {name: [0, 0, 0] for name in order(design)}
    for name, layer in whose.items():
        kind, count = module["cells"][name]["type"], counts[layer]
        if _LUTS.fullmatch(kind):
            count[0] += 1
        elif kind in _CARRIES:
            count[0] += _CARRIES[kind]
            count[2] += 1
        elif _FLOPS.match(kind):
            count[1] += 1
    return tuple(LayerCells(name, *count) for name, count in counts.items() if any(count))
