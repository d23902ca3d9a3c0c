"""The ways to make a piece of a chain, as a plan weighs them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from threshc.hdl.families.base import Family
from threshc.hdl.folded.fold import Choice
from threshc.hdl.folded.planned import position_layer
from threshc.hdl.folded.position import Positioned


class Option(NamedTuple):
    """A way to make a piece of a chain. given, taken: bits of its beats, taken negative where it stays unrolled; pixel:
    of a pooling, which takes beats of a pixel at their own width."""

    folds: tuple[Choice, ...]
    given: int
    taken: int
    luts: int
    ffs: int
    brams: int = 0
    sprams: int = 0
    pixel: int = 0


def positions_option(pieces: Sequence[Positioned], made: Family) -> Option:
    """Returns layers of maps, one behind the other, as circuits of one position after the other."""
    layers, taken = [position_layer(piece, made) for piece in pieces], pieces[-1].part.network.types[-1].shape[0]
    luts, ffs, brams = (sum(map(attrgetter(name), layers)) for name in ("luts", "ffs", "brams"))
    return Option(tuple(layer.fold for layer in layers), pieces[0].width, taken, luts, ffs, brams)
