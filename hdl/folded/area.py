"""How many look-up tables a folded layer takes, fitted to synthesis (docs/research/folded.md)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.folded.layer import Numbers
from threshc.hdl.folded.weights import WeightCode

_SHARED = {4: 0.96, 6: 0.6}
"""Tables of a bit of an input for what all neurons share of it, where weights have signs."""
_CONTROL = {"ice40": 100, "ecp5": 76, "gowin": 78}
"""Tables of a layer's control, queue and counters, by family; carries are counted with tables on iCE40 and Gowin."""
_USUAL = 90
_COUNTERS = 13
"""Tables of what counts chunks and groups, and where a sample begins, in place of bits of the address."""
REGISTERED = {"ice40": 64, "gowin": 128}
"""Bits for each block RAM up to which Yosys makes a buffer of registers, by family; others have memories of look-up
tables for them (its cost of a block RAM in share/yosys/*/brams.txt)."""
_SYNAPSE = {4: 1.0, 6: 0.8}
"""Tables of an unrolled layer's weights, as parts of those of a family of four inputs."""


def luts(
    *,
    pe: int,
    simd: int,
    code: WeightCode,
    numbers: Numbers,
    thresholds: int,
    bits: int,
    rom: bool,
    inputs: int,
    family: str = "",
    levels: int = 1,
    chunks: int = 1,
    groups: int = 1,
) -> int:
    """Returns the tables of a layer without its buffer and links.

    thresholds: bits of a word beside the weights; bits: of an accumulator; rom: the weights stand in tables, a table a
    bit; inputs: of the family's tables; family: its name, "" for no one in particular; levels: thresholds of a neuron;
    chunks, groups: of a sample.
    """
    lanes = simd * numbers.bits
    each = 1.02 * code.luts(inputs) * lanes + 0.75 * thresholds + bits - 1
    each += simd * code.bits + thresholds if rom else 0
    each += level_luts(levels, bits, chunks, groups)
    shared = _SHARED[6 if inputs >= 6 else 4] * lanes if code.signs else 0
    return round(pe * each + shared + _CONTROL.get(family, _USUAL))


def serial_luts(pe: int, simd: int, planes: int, bits: int, thresholds: int) -> int:
    """Returns the tables that a layer takes more where its inputs' planes come one after the other: a multiplexer for
    every input, another bit for every one of an accumulator of so many, and for threshold bits."""
    return simd * (2 * (planes // 4) + (planes % 4 > 0) * (planes % 4) // 2 + (planes > 4)) + pe * (bits + thresholds)


def counters_luts(chunks: int) -> int:
    """Returns how many tables less a dense layer takes whose chunks are a power of two: the address counts them."""
    return _COUNTERS if chunks & (chunks - 1) == 0 else 0


def queue_luts(chunks: int, lanes: int, width: int, inputs: int, places: int = 0) -> int:
    """Returns the tables of a queue of answers of so many bits beyond its first two places, which layers of a few
    chunks need: it holds what the arithmetic of `lanes` answers while its neighbour waits. places: that are stated."""
    latency = (2 if inputs < 6 else 1) * (lanes - 1).bit_length()
    return max((places or -(-(latency + 2) // chunks)) - 2, 0) * (width + 6)


def level_luts(levels: int, bits: int, chunks: int, groups: int) -> float:
    """Returns the tables of one neuron's comparisons with its thresholds behind the first, and of their memory."""
    if levels < 2:
        return 0.0
    at_once = -(-(levels - 1) // chunks)
    words = groups * -(-(levels - 1) // at_once)
    return at_once * (bits + 1 + bits * max(words / 16, 0.5))


def buffer_luts(places: int, width: int) -> int:
    """Returns the tables that choose between memories of 16 words, made of look-up tables, that buffer chunks."""
    return width * (-(-places // 16) - 1)


def window_luts(places: int) -> int:
    """Returns the tables of a convolution's control beyond that of a dense layer. places: of its buffer."""
    return 40 + 8 * places.bit_length()


def register_luts(bits: int) -> int:
    """Returns the tables that choose between the registers of a buffer of so many bits."""
    return bits // 4


def link_luts(given: int, wanted: int) -> int:
    """Returns the tables of the converter from beats of so many bits to others: a gathered beat has no multiplexers."""
    return 0 if given == wanted else 8 if given < wanted else given - wanted + 6


def arg_max_luts(bits: int) -> int:
    """Returns the tables of the running arg-max of sums of so many bits."""
    return round(3.5 * bits + 5)


def entry_luts(thresholds: NDArray[np.int64], bits: int) -> int:
    """Returns the tables of comparing numbers of so many bits, (features, m) thresholds: one for every two bits above
    the lowest that counts, none where only the highest does."""
    lowest = [(int(t) & -int(t)).bit_length() - 1 if t else bits for t in thresholds.ravel()]
    return sum(max(bits - low, 0) // 2 for low in lowest)


def beat_luts(beats: Sequence[Sequence[Sequence[int]]], bits: int) -> int:
    """Returns the tables of comparing features of so many bits with the numbers of each beat: a bit of an adder for
    every bit, and what chooses the constant's bit, which up to four beats nearly make for nothing."""
    lanes = sum(map(len, beats[0]))
    return round(lanes * bits * (1 + (len(beats) / 8 if len(beats) > 4 else 0)))


def unrolled_luts(weights: NDArray[np.generic], positions: int, *, inputs: int, ends: bool = False) -> int:
    """Returns the tables of a layer that stays unrolled, (rows, columns) weights at so many positions: a part of one
    for every bit of a synapse, less in large layers, whose neurons share more. ends: an arg-max of all sums follows."""
    rows, columns = weights.shape
    size = np.abs(weights.astype(np.int64))
    synapses = int(sum((size >> bit & 1).sum() for bit in range(int(size.max(initial=0)).bit_length())))
    made = positions * synapses * (0.44 + 26 / (rows + columns + 20)) * _SYNAPSE[6 if inputs >= 6 else 4]
    return round(float(made) + (1.7 * rows * (columns.bit_length() + 1) if ends else 0))
