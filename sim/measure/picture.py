"""The measured report as a picture: the roofline of this machine, and bars per layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail, visible
from threshc.sim.measure.measured import LayerMeasured, Measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def picture(measured: Measured, path: Path) -> None:
    """Draws, left, every layer under the measured roof. Then per layer its time, its memory, and what its neurons
    did."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise fail(
            "pictures need matplotlib", where=str(path), hint="pip install 'threshc[report]', or a .json file"
        ) from None
    layers = measured.layers
    active = any(layer.ones is not None for layer in layers)
    height = max(4.5, 0.28 * len(layers) + 1.5)
    figure = Figure(figsize=(17 if active else 14, height), layout="constrained")
    widths = [1.6, 1, 1, *([1] if active else [])]
    roof, time, memory, *rest = figure.subplots(1, len(widths), width_ratios=widths)
    figure.suptitle(f"{measured.network}: {measured.nanoseconds:,.1f} ns per sample on bit planes, one thread")
    _roof(roof, measured)
    names = [f"{k + 1}  {visible(layer.counts.name)}" for k, layer in enumerate(layers)]
    time.barh(names, [layer.nanoseconds for layer in layers], color="tab:blue")
    time.set(xlabel="nanoseconds per sample", title="time")
    _bars(memory, layers, ("float32", [layer.counts.float32_bytes for layer in layers]),
          ("packed", [layer.word_bytes or 0 for layer in layers]))  # fmt: skip
    memory.set(xscale="log", xlabel="bytes of weights and thresholds", title="memory")
    for axes in rest:
        _bars(axes, layers, ("set", [layer.ones or 0 for layer in layers]),
              ("changing", [layer.toggles or 0 for layer in layers]))  # fmt: skip
        axes.set(xlim=(0, 1), xlabel="share of bits", title=f"activity, {measured.samples:,} samples")
    for axes in (time, memory, *rest):
        axes.invert_yaxis()
    figure.savefig(path, dpi=120)


def _bars(axes: Axes, layers: tuple[LayerMeasured, ...], *series: tuple[str, list[float]]) -> None:
    """Two bars per layer, numbered as in the roofline."""
    for k, (label, values) in enumerate(series):
        axes.barh([i + 0.4 * (k - 0.5) for i in range(len(layers))], values, height=0.4, label=label)
    axes.set_yticks(range(len(layers)), [str(k + 1) for k in range(len(layers))])
    axes.legend(fontsize=8)


def _roof(axes: Axes, measured: Measured) -> None:
    timed = [(k + 1, layer) for k, layer in enumerate(measured.layers) if layer.gigasynapses]
    peak, slope = measured.peak_gigasynapses, measured.peak_bandwidth / 2e9  # two operations per synapse
    corner = peak / slope
    xs = [layer.intensity for _, layer in timed] or [corner]
    low, high = min(*xs, corner) / 4, max(*xs, corner) * 4
    axes.plot([low, corner, high], [low * slope, peak, peak], color="black")
    axes.annotate(f"{peak:,.0f} Gsynapses/s", (high, peak), ha="right", va="bottom", fontsize=8)
    axes.annotate(f"{measured.peak_bandwidth / 1e9:,.0f} GB/s", (low * 1.3, low * 1.3 * slope), va="bottom", ha="right",
                  fontsize=8, rotation=45)  # fmt: skip
    labels: list[tuple[float, float, list[str]]] = []
    for number, layer in timed:
        x, y = layer.intensity, layer.gigasynapses
        axes.plot(x, y, "o", color="tab:blue")
        near = (numbers for a, b, numbers in labels if abs(x / a - 1) < 0.05 and abs(y / b - 1) < 0.1)
        numbers = next(near, None)
        if numbers is None:
            labels.append((x, y, [str(number)]))
        else:  # layers that lie on each other share a label
            numbers.append(str(number))
    for x, y, numbers in labels:
        axes.annotate(", ".join(numbers), (x, y), xytext=(5, -9), textcoords="offset points", fontsize=9)
    axes.set(xscale="log", yscale="log", xlabel="operations per byte moved", ylabel="Gsynapses/s, one thread")
    axes.set_title("measured layers under this machine's roof")
    axes.grid(True, which="major", alpha=0.3)
