"""The parts between folded layers: comparisons of the input, and converters between streams of other widths."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.folded import schedule
from threshc.hdl.folded.entry import BeatThresholds, Thresholds
from threshc.hdl.folded.entry_schedule import CompareStage
from threshc.hdl.folded.layout import JUNK, Layout
from threshc.hdl.folded.links import Fill, Gather, Split
from threshc.hdl.folded.network import FoldedNetwork


class Link(NamedTuple):
    """A part of the chain between units: its circuit, made anew for each emission, and its stage of the cycle model."""

    circuit: Callable[[], Any]
    stage: Callable[[], schedule.Stage] | None
    """None for what takes no cycle."""
    keeps: bool = True
    """It has registers."""


def entry_links(read: FoldedNetwork, features: int) -> tuple[list[Link], Layout]:
    """Returns the comparisons of the input's numbers, `features` of them in a beat, none where it is bits; and what
    beats carry behind them."""
    entry = read.entry
    if not 0 < features <= entry.features:
        raise fail(
            f"a beat of {features} features: the network has {entry.features}",
            where=option("fold"),
            hint=f"@ a number from 1 to {entry.features}",
        )
    beats, found = entry.beats(features)
    if not beats:
        return [], found
    if len(beats) == 1:
        return [Link(partial(Thresholds, beats[0], entry.bits, entry.is_signed), None, keeps=False)], found
    return [Link(partial(BeatThresholds, beats, entry.bits, entry.is_signed), CompareStage)], found


def converters(given: Layout, wanted: int) -> tuple[list[Link], Layout]:
    """Returns the parts from beats of one width to beats of `wanted` bits, none where they are equal, and what these
    carry. What is anything becomes 0; where no width divides the other, bits are left 0."""
    width, found, made = given.width, given, list[Link]()
    if wanted // width > 1:
        count = wanted // width
        found = given.joined(count, wanted)
        words, short = divmod(given.beats, count)
        gather = partial(Gather, width, count, wanted, words + bool(short), short)
        made.append(Link(gather, partial(schedule.GatherStage, count=count, beats=given.beats if short else 0)))
    elif wanted < width:
        count, last = -(-width // wanted), -(-given.last // wanted)
        found = given.parted(wanted)
        split = partial(Split, wanted, count, width, given.beats, last)
        some = last if last < count else 0
        made.append(Link(split, partial(schedule.SplitStage, count=count, beats=given.beats, last=some)))
    junk = found.elements == JUNK
    if junk.any() or (wanted > width and not made):
        now, found = found.width, found.joined(1, wanted).cleared()
        kept = sum(1 << k for k in range(now) if not junk[-1, k])
        assert not junk[:-1].any()
        made.append(Link(partial(Fill, now, wanted, found.beats, kept), None))
    return made, found


def gathered(given: Layout, bits: int) -> list[Link]:
    """Returns the parts from beats of any width to one beat that is a whole sample, its `bits` bits in order, which
    layers that stay unrolled take. Raises CompileError where zeros stand between them."""
    made, found = converters(given, given.beats * given.width)
    if not np.array_equal(found.elements.ravel()[:bits], np.arange(bits)):
        raise fail(
            "a layer that stays unrolled would get zeros between its inputs",
            where=option("fold"),
            why="PE of the layer before it does not divide the channels, so a pixel ends with a beat that is not full",
            hint="a PE that divides the channels, or fold the layer behind it",
        )
    return [*made, *converters(found, bits)[0]]
