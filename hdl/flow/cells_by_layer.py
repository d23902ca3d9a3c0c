"""Cells of Yosys' netlist by layer of the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from threshc.hdl.chain import Circuit
from threshc.hdl.families.base import Count, Family
from threshc.hdl.flow.attribution import order, owners


@dataclass(frozen=True, slots=True)
class LayerCells:
    """Yosys' cells of one layer. luts: as in `threshc.hdl.flow.synthesis.Cells`."""

    name: str
    luts: int
    ffs: int
    carries: int
    brams: int = 0
    sprams: int = 0


def cells_by_layer(chain: Circuit, module: dict[str, Any], family: Family) -> tuple[LayerCells, ...]:
    """Returns the cells of the network alone by layer (`threshc.hdl.flow.attribution`), each counted once; module: by
    Yosys."""
    whose = owners(chain, module)
    counts = {name: [0] * len(Count()) for name in order(chain)}
    for name, layer in whose.items():
        one = family.counting.of(module["cells"][name]["type"])
        counts[layer] = [a + b for a, b in zip(counts[layer], one, strict=True)]
    return tuple(LayerCells(name, *count) for name, count in counts.items() if any(count))
