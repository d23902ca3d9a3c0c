"""What `sim.measured` found, as tables, as JSON and as a picture."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

from threshc.compiler.diagnostics import visible
from threshc.compiler.files import draft, write_whole
from threshc.sim.measure.measured import LayerMeasured, Measured

_Cell = Callable[[LayerMeasured], str]


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


_OPERATIONS: dict[str, _Cell] = {
    "synapses": lambda m: _number(m.counts.synapses),
    "XNOR": lambda m: _number(m.counts.xnor_ops),
    "AND": lambda m: _number(m.counts.and_ops),
    "full adders": lambda m: _number(m.counts.full_adders),
    "half adders": lambda m: _number(m.counts.half_adders),
    "popcounts": lambda m: _number(m.counts.popcounts),
    "compares": lambda m: _number(m.counts.compares),
    "pool OR, AND": lambda m: _number(m.counts.pool_ops),
}
_MEMORY: dict[str, _Cell] = {
    "weight bits": lambda m: _number(m.counts.weight_bits),
    "threshold bits": lambda m: _number(m.counts.threshold_bits),
    "activation bits": lambda m: _number(m.counts.activation_bits),
    "packed B": lambda m: _number(m.word_bytes),
    "tables B": lambda m: _number(m.table_bytes),
    "float32 B": lambda m: _number(m.counts.float32_bytes),
}
_TIME: dict[str, _Cell] = {
    "ns": lambda m: _number(m.nanoseconds, 1),
    "Gsynapses/s": lambda m: _number(m.gigasynapses) if m.gigasynapses else "",
    "B moved": lambda m: _number(m.bytes_moved, 1),
    "operations/B": lambda m: _number(m.intensity, 1) if m.intensity else "",
}
_ENERGY: dict[str, _Cell] = {
    "adders pJ": lambda m: _number(m.adder_pj, 1),
    "active pJ": lambda m: _number(m.active_pj, 1),
    "reads pJ": lambda m: _number(m.memory_pj, 1),
    "float32 pJ": lambda m: _number(m.float32_pj, 0),
}
_ACTIVITY: dict[str, _Cell] = {
    "ones": lambda m: _number(m.ones, 3),
    "changes": lambda m: _number(m.toggles, 3),
    "never set": lambda m: _number(m.dead),
    "always set": lambda m: _number(m.constant),
}


def text(measured: Measured) -> str:
    """Returns one table per subject, one line per layer, and the machine's peaks."""
    totals = measured.counts.totals
    size = sum(layer.word_bytes or 0 for layer in measured.layers)
    packed = size and all(layer.word_bytes is not None for layer in measured.layers)
    parts = [
        "operations of one sample (counted)",
        _table(measured, _OPERATIONS),
        "memory (counted; packed: the word engine's weights and thresholds; tables: the bit planes')",
        _table(measured, _MEMORY),
        *([f"all: {size:,} bytes packed, {totals.float32_bytes / size:.1f} times less than float32"] if packed else []),
        "one sample on bit planes (measured, one thread)",
        _table(measured, _TIME | _ENERGY),
        f"all steps with packing: {measured.nanoseconds:,.1f} ns; "
        f"peaks of this machine: {measured.peak_gigasynapses:,.0f} Gsynapses/s on a cached layer, "
        f"{measured.peak_bandwidth / 1e9:.1f} GB/s from memory",
        f"energy: counted operations at the figures of {measured.energy_source}",
    ]
    if measured.samples:
        parts += [f"activity over {measured.samples:,} samples (shares of bits; neurons)", _table(measured, _ACTIVITY)]
    return "\n".join(parts) + "\n"


def _table(measured: Measured, columns: dict[str, _Cell]) -> str:
    rows = [("layer", *columns)]
    rows += [(visible(layer.counts.name), *(cell(layer) for cell in columns.values())) for layer in measured.layers]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *cells in rows:
        line = [name.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(cells, widths[1:], strict=True))]
        lines.append("  " + "  ".join(line).rstrip())
    return "\n".join(lines)


def write(measured: Measured, path: str | Path) -> None:
    """Writes to a file, whole or not at all: .json, .png, .svg or .pdf (these need matplotlib), else the tables."""
    goal = Path(path)
    if goal.suffix in (".png", ".svg", ".pdf"):
        from threshc.sim.measure.picture import picture

        with draft(goal, goal.suffix) as partial:
            picture(measured, partial)
    elif goal.suffix == ".json":
        write_whole(goal, json.dumps(dataclasses.asdict(measured), indent=1) + "\n")
    else:
        write_whole(goal, text(measured))
