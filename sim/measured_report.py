"""What `sim.measured` found, as a table, as JSON and as a picture."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

from threshc.compiler.diagnostics import fail
from threshc.sim.measured import LayerMeasured, Measured

_HEAD = (
    "layer", "synapses", "xnor", "and", "adders", "compares", "weight B", "packed B", "tables B", "float32 B",
    "B moved", "intensity", "ns", "Gsyn/s", "add pJ", "read pJ", "f32 pJ", "ones", "toggles", "dead", "constant",
)  # fmt: skip


def text(measured: Measured) -> str:
    """A table, one line per layer, and the machine's peaks below it."""
    rows = [_HEAD, *(_row(layer) for layer in measured.layers)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    size = sum(layer.word_bytes or 0 for layer in measured.layers)
    if size and all(layer.word_bytes is not None for layer in measured.layers):
        ratio = measured.counts.totals.float32_bytes / size
        lines.append(f"weights and thresholds: {size:,} bytes packed, float32 takes {ratio:.1f} times as much")
    lines.append(
        f"this machine: {measured.peak_gigasynapses:,.0f} Gsyn/s on a cached layer, "
        f"{measured.peak_bandwidth / 1e9:.1f} GB/s from memory, one thread"
    )
    lines.append(f"energy: counted operations at the figures of {measured.energy_source}")
    return "\n".join(lines) + "\n"


def _row(layer: LayerMeasured) -> tuple[str, ...]:
    c = layer.counts

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    def whole(value: int | None) -> str:
        return "" if value is None else f"{value:,}"

    return (
        c.name, f"{c.synapses:,}", f"{c.xnor_ops:,}", f"{c.and_ops:,}", f"{c.full_adders + c.half_adders:,}",
        f"{c.compares:,}", f"{-(-(c.weight_bits + c.threshold_bits) // 8):,}", whole(layer.word_bytes),
        f"{layer.table_bytes:,}", f"{c.float32_bytes:,}", f"{layer.bytes_moved:,.1f}", f"{layer.intensity:,.1f}",
        f"{layer.nanoseconds:,.1f}", f"{layer.gigasynapses:,.0f}", f"{layer.adder_pj:,.1f}", f"{layer.memory_pj:,.1f}",
        f"{layer.float32_pj:,.0f}", share(layer.ones), share(layer.toggles), whole(layer.dead), whole(layer.constant),
    )  # fmt: skip


def write(measured: Measured, path: str | Path) -> None:
    """To a file, whole or not at all: .json, .png, .svg or .pdf (these need matplotlib), else the table."""
    goal = Path(path)
    draft = goal.with_name(f".{goal.name}.partial{goal.suffix}")
    try:
        if goal.suffix == ".json":
            draft.write_text(json.dumps(dataclasses.asdict(measured), indent=1) + "\n", encoding="utf-8")
        elif goal.suffix in (".png", ".svg", ".pdf"):
            _picture(measured, draft)
        else:
            draft.write_text(text(measured), encoding="utf-8")
        os.replace(draft, goal)
    except OSError as error:
        raise fail("the file cannot be written", where=str(path), why=error.strerror or str(error)) from None
    finally:
        draft.unlink(missing_ok=True)


def _picture(measured: Measured, path: Path) -> None:
    """Left: every layer under the roof that this machine has. Right: where the time goes."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise fail(
            "pictures need matplotlib", where=str(path), hint="pip install 'threshc[report]', or a .json file"
        ) from None
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    roof, bars = figure.subplots(1, 2)
    timed = [layer for layer in measured.layers if layer.gigasynapses]
    xs = [layer.intensity for layer in timed] or [1.0]
    low, high = min(xs) / 4, max(xs) * 4
    slope = measured.peak_bandwidth / 2e9  # two operations per synapse
    corner = measured.peak_gigasynapses / slope
    roof.plot([low, max(corner, low), max(high, corner)], [min(low * slope, measured.peak_gigasynapses)] +
              [measured.peak_gigasynapses] * 2, color="black")  # fmt: skip
    for layer in timed:
        roof.plot(layer.intensity, layer.gigasynapses, "o")
        roof.annotate(layer.counts.name, (layer.intensity, layer.gigasynapses), fontsize=7)
    roof.set(xscale="log", yscale="log", xlabel="operations per byte moved", ylabel="Gsynapses/s, one thread")
    roof.set_title(
        f"{measured.network}: {measured.peak_gigasynapses:,.0f} Gsyn/s, {measured.peak_bandwidth / 1e9:.0f} GB/s"
    )
    names = [layer.counts.name for layer in measured.layers]
    bars.barh(names, [layer.nanoseconds for layer in measured.layers])
    bars.invert_yaxis()
    bars.set(xlabel="nanoseconds per sample", title="time per layer, bit planes")
    figure.savefig(path, dpi=120)
