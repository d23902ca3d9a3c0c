"""Charts of a page as SVG, by matplotlib, in colours that the page's style sheet sets for light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT = "#010203", "#040506"
"""These stand for the style sheet's colours of text and of lines, which the templates put in their place."""
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
"""Told apart by colour-blind people too, on white and black (Paul Tol, SRON/EPS/TN/09-002, the bright scheme)."""
_WIDTH = 7.2
_NAME = 24
_BINS = 60
"""Whole numbers, of which each has a bar of its own."""


def bars(title: str, unit: str, rows: Mapping[str, Sequence[float]], series: Sequence[str]) -> str:
    """Returns horizontal bars: for every name one value for each of the series; NaN where there is none."""
    figure = _figure(1.0 + (0.22 + 0.2 * len(series)) * len(rows))
    axes = figure.subplots()
    each = 0.8 / len(series)
    for k, name in enumerate(series):
        places = [i + each * (k - (len(series) - 1) / 2) for i in range(len(rows))]
        values = [row[k] for row in rows.values()]
        drawn = axes.barh(places, np.nan_to_num(values), height=each * 0.92, label=name, color=COLOURS[k])
        texts = ["" if np.isnan(v) else f"{v:,.0f}" if v >= 100 or v == int(v) else f"{v:.3g}" for v in values]
        axes.bar_label(drawn, texts, padding=3, fontsize=10, color=INK)
    axes.set_yticks(range(len(rows)), [_short(name) for name in rows])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel(unit)
    if len(series) > 1:
        axes.legend(fontsize=10, frameon=False, labelcolor=INK)
    return _svg(figure, title)


def histograms(title: str, unit: str, rows: Mapping[str, NDArray[Any]], limits: tuple[float, float] | None) -> str:
    """Returns one small histogram for every name, side by side."""
    across = min(3, len(rows))
    down = -(-len(rows) // across)
    figure = _figure(2.0 * down + 0.4)
    all_axes = figure.subplots(down, across, squeeze=False).ravel()
    for axes, (name, values) in zip(all_axes, rows.items(), strict=False):
        low, high = limits or (float(values.min()), float(values.max()))
        whole = limits is None and high - low <= _BINS
        edges = np.arange(low - 0.5, high + 1) if whole else np.linspace(low, max(high, low + 1), 25)
        axes.hist(values, bins=edges.tolist(), color=COLOURS[0])
        axes.set_title(_short(name), fontsize=11, color=INK)
        axes.set_xlabel(unit, fontsize=10)
        axes.set_ylabel("neurons", fontsize=10)
    for axes in all_axes[len(rows) :]:
        axes.set_visible(False)
    return _svg(figure, title)


def floor_plan(title: str, places: Mapping[str, Sequence[Sequence[int]]]) -> str:
    """Returns a map of the chip with a dot for every placed cell, a colour for each name."""
    figure = _figure(6.0)
    axes = figure.subplots()
    held: dict[tuple[int, int], int] = {}
    for k, (name, cells) in enumerate(places.items()):
        x, y = _apart(np.array(cells, np.int64).reshape(-1, 2), held).T
        colour = COLOURS[k % len(COLOURS)]
        axes.scatter(x, y, s=4, label=f"{_short(name)} ({len(cells):,})", color=colour, linewidths=0)
    axes.set_aspect("equal")
    axes.set_xlabel("column")
    axes.set_ylabel("row")
    axes.legend(fontsize=10, frameon=False, labelcolor=INK, loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2)
    return _svg(figure, title)


def _apart(cells: NDArray[np.int64], held: dict[tuple[int, int], int]) -> NDArray[np.float64]:
    """Places of cells, those of one tile beside each other: three columns of them. held: cells of each tile so far."""
    found = cells.astype(np.float64)
    for k, (x, y) in enumerate(cells.tolist()):
        nth = held[x, y] = held.get((x, y), -1) + 1
        found[k] += (nth % 3 * 0.28 - 0.28, nth // 3 * 0.28 - 0.28)
    return found


def _figure(height: float) -> Figure:
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise fail("pictures need matplotlib", hint='pip install "threshc[report]"') from None
    style: Any = {"font.size": 11, "svg.fonttype": "none", "svg.hashsalt": "threshc", "axes.edgecolor": FAINT}
    style |= {f"{what}.color": INK for what in ("text", "xtick", "ytick")} | {"axes.labelcolor": INK}
    with rc_context(style):
        return Figure(figsize=(_WIDTH, height), layout="constrained")


def _svg(figure: Figure, title: str) -> str:
    from matplotlib import rc_context

    for axes in figure.axes:
        _quiet(axes)
    file = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Title": title})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 role="img"', text, count=1)
    # Names within one picture are told from those of the others on the page.
    mark = re.sub(r"\W", "", title)
    return re.sub(r'(id="|url\(#|xlink:href="#)', rf"\g<1>{mark}_", text)


def _quiet(axes: Axes) -> None:
    axes.set_facecolor("none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=10)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def _short(name: str) -> str:
    """A name as it fits beside a bar, without a meaning of its own in matplotlib."""
    text = visible(name).replace("$", r"\$")
    return text if len(text) <= _NAME else text[: _NAME - 3] + "..."
