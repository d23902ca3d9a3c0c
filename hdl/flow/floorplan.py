"""Where the weights of a large folded circuit stand on the chip: layer by layer, in the order of neurons.

nextpnr's placer draws large circuits together around the middle, where their wires do not find room: 784-1024-1024-
1024-10 on an ECP5-85F was not routed in an hour, and is in minutes with its block RAMs placed so.
"""

from __future__ import annotations

from collections.abc import Mapping

from threshc.hdl.chain import Circuit
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.joints import Link
from threshc.hdl.folded.unit import FoldedUnit
from threshc.hdl.targets.base import Device

CROWDED = 100
"""Block RAMs of weights from which on they are placed, and routed by nextpnr's second router: the first one, which
looks at timing more, does not come to an end. Smaller circuits are faster as nextpnr places them: 784-256-256-256-10
with 56 on an ECP5-25F reached 151 MHz, 137 with its block RAMs placed."""
_BESIDE = 4
"""Block RAMs from each column on, two columns apart."""


def placed_memories(chain: Circuit, text: str, device: Device) -> list[str]:
    """Returns Yosys' commands that say where each block RAM of weights stands, [] where nextpnr is to choose.

    text: the circuit's Verilog with the family's cells.
    """
    if not isinstance(chain, FoldedChain) or not device.ram_rows:
        return []
    counts = _counted(chain, text)
    if not CROWDED <= sum(counts.values()) <= _BESIDE * len(device.ram_columns) * len(device.ram_rows):
        return []
    return [
        f'setattr -set BEL "{place}" c:*.{instance}.weights.m{k}'
        for instance, places in spread(counts, device).items()
        for k, place in enumerate(places)
    ]


def _counted(chain: FoldedChain, text: str) -> dict[str, int]:
    """How many block RAMs in cells of ours the weights of each layer have, by the layer's instance."""
    parts = [part for part in chain.parts if not isinstance(part, Link)]
    modules = {part.split("(", 1)[0]: part.count("  DP16KD #(") for part in text.split("\nmodule ")}
    named = zip(chain.instances(), parts, strict=True)
    return {k: modules.get(f"{x.name}_weights", 0) for k, x in named if isinstance(x, FoldedUnit)}


def spread(counts: Mapping[str, int], device: Device) -> dict[str, list[str]]:
    """Returns the places of each layer's block RAMs, by layer: each has as large a part of all places, row by row, as
    of all block RAMs; within that they stand in the order of columns, which is the order of neurons."""
    sites = [(x + 2 * k, y, k) for y in device.ram_rows for x in device.ram_columns for k in range(_BESIDE)]
    total, first, found = sum(counts.values()), 0, dict[str, list[str]]()
    for name, count in counts.items():
        mine = [sites[at * len(sites) // total] for at in range(first, first + count)]
        found[name] = [f"X{x}/Y{y}/EBR{k}" for x, y, k in sorted(mine)]
        first += count
    return found
