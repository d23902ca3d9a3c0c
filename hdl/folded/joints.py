"""The parts between folded layers: comparisons of the input, and converters between streams of other widths."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.folded import schedule
from threshc.hdl.folded.entry import Thresholds
from threshc.hdl.folded.links import Gather, Split
from threshc.hdl.folded.network import FoldedNetwork


class Link(NamedTuple):
    """A part of the chain between units: its circuit, made anew for each emission, and its stage of the cycle model."""

    circuit: Callable[[], Any]
    stage: Callable[[], schedule.Stage] | None
    """None for what takes no cycle."""


def entry_links(read: FoldedNetwork, features: int) -> list[Link]:
    """Returns the comparisons of the input's numbers; none where it is bits."""
    entry = read.entry
    if entry.features % features:
        raise fail(
            f"{features} features in a beat do not divide {entry.features}",
            where=option("fold"),
            hint=f"@ one of {', '.join(str(d) for d in range(1, entry.features + 1) if entry.features % d == 0)}",
        )
    if not entry.thresholds.shape[1]:
        return []
    rows = entry.thresholds.reshape(-1, features, entry.thresholds.shape[1])
    if (rows != rows[0]).any():
        raise fail(
            "the input's features are compared with different numbers",
            where=option("fold"),
            why=f"{features} of them come in a beat, and every beat is compared with the same numbers",
            hint=f"@{entry.features} at the end of {option('fold')}: all features in a beat",
        )
    return [Link(partial(Thresholds, rows[0].tolist(), entry.bits, entry.is_signed), None)]


def converters(width: int, wanted: int, where: str) -> list[Link]:
    """Returns the converter from beats of one width to another, none where they are equal."""
    if width == wanted:
        return []
    small, large = sorted((width, wanted))
    if large % small:
        raise fail(
            f"beats of {width} bits do not become beats of {wanted}",
            where=f"layer {where}",
            why="of the widths of neighbours one must divide the other",
            hint="choose PE of the layer before and SIMD of this one accordingly",
        )
    count = large // small
    if wanted > width:
        return [Link(partial(Gather, small, count), partial(schedule.GatherStage, count=count))]
    return [Link(partial(Split, small, count), partial(schedule.SplitStage, count=count))]
