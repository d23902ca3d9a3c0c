"""How many features a plan takes in a beat, and the size of their comparisons."""

from __future__ import annotations

import numpy as np

from threshc.hdl.folded.area import beat_luts, entry_luts, link_luts
from threshc.hdl.folded.build import first_width
from threshc.hdl.folded.convolution import Conv
from threshc.hdl.folded.fold import Choice, Fold
from threshc.hdl.folded.joints import converters
from threshc.hdl.folded.network import FoldedNetwork
from threshc.hdl.folded.pooling import Pooling
from threshc.hdl.folded.position import Positioned


def entry_of_plan(read: FoldedNetwork, first: Choice, interval: int) -> int:
    """Returns the fewest features in a beat that keep up with the interval and whose beats are all compared with the
    same numbers, if possible so that they become whole chunks.

    Where there are none but all features in one beat, those that keep up best and take fewest tables.
    """
    features, width = read.entry.features, first_width(read, first)
    each, piece = read.entry.each, read.pieces[0]
    pixel = 0  # its features; beats are whole ones, or parts of one
    if isinstance(piece, Conv | Positioned | Pooling):
        bits = piece.numbers.bits if isinstance(piece, Conv) else 1
        pixel = (piece.width if isinstance(piece, Positioned) else piece.shape[2] * bits) // each
    tried = [e for e in divisors(features) if features // e <= interval and not (pixel and pixel % e and e % pixel)]
    keep_up = {e: read.entry.beats(e) for e in tried}
    possible = {
        e: carried.width
        for e, (beats, carried) in keep_up.items()
        if len(beats) < 2 and (width % carried.width == 0 or carried.width % width == 0)
    }
    found = min([e for e, lanes in possible.items() if width % lanes == 0] or possible or [features])
    if found < features or len(keep_up) < 2 or pixel:
        return found

    def cost(e: int) -> tuple[int, int]:
        carried = keep_up[e][1]
        groups = -(-len(read.dense[0].start) // first.pe) if isinstance(first, Fold) else 1
        cycles = max(interval, groups * converters(carried, width)[1].beats)
        return cycles, compared(read, e)[0] + link_luts(carried.width, width)

    return min(keep_up, key=cost)


def compared(read: FoldedNetwork, entry: int) -> tuple[int, int]:
    """Returns the tables and flip-flops of the input's comparisons."""
    (beats, carried), bits = read.entry.beats(entry), read.entry.bits
    if len(beats) > 1:
        return beat_luts(beats, bits), carried.width * (bits + 1)
    return entry_luts(np.array([t for beat in beats for feature in beat for t in feature]), bits), 0


def divisors(n: int) -> list[int]:
    """Returns the divisors of a number, the smallest first."""
    return [d for d in range(1, n + 1) if n % d == 0]
