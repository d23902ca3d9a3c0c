"""How many flip-flops a folded layer takes, fitted to synthesis (docs/research/folded.md). Tables stand in `area`."""

from __future__ import annotations

from threshc.hdl.folded.area import REGISTERED
from threshc.hdl.folded.fold import Fold
from threshc.hdl.folded.layer import Numbers
from threshc.hdl.folded.weights import WeightCode

_PER_TABLE = {(4, True): 1.6, (4, False): 2.2, (6, True): 0.7, (6, False): 0.6}
"""Registers of a neuron for each of its tables, by inputs of a table and whether weights have signs alone, at two
tables between registers: most of them are bits that wait for others."""
_SHARED = {4: 1.3, 6: 1.1}
"""Registers of a bit of an input for what all neurons share of it, where weights have signs."""
_CONTROL = 60
"""Registers of a layer's control and of its answers on their way."""
UNROLLED = 1.7
"""Registers for each table of a layer that stays unrolled, at two tables between registers."""


def flip_flops(
    fold: Fold, *, code: WeightCode, numbers: Numbers, thresholds: int, bits: int, inputs: int, family: str
) -> int:
    """Returns the flip-flops of a layer without its buffer and links.

    thresholds: bits of a word beside the weights; bits: of an accumulator; inputs: of the family's tables. A word of
    weights has a register of its own behind a block RAM that has none, and two behind look-up tables; on ECP5 none and
    one.
    """
    lanes, kind = fold.simd * numbers.bits, 6 if inputs >= 6 else 4
    only_signs = code.signs > 0 and code.signs == code.bits
    neuron = _PER_TABLE[kind, only_signs] * code.luts(inputs) * lanes
    words = fold.simd * code.bits + thresholds
    waiting = (2 if fold.store == "lut" else 1) - (family == "ecp5")
    shared = _SHARED[kind] * lanes if code.signs else 0
    return round(fold.pe * (neuron + waiting * words + bits + 2) + shared + 2 * lanes + _CONTROL)


def level_flip_flops(levels: int, bits: int, chunks: int) -> int:
    """Returns those of one neuron's further thresholds: the sum, the numbers that it is compared with, the answer."""
    return bits + -(-(levels - 1) // chunks) * (bits + 1) + 2 * levels if levels > 1 else 0


def buffer_flip_flops(bits: int, blocks: int, family: str) -> int:
    """Returns the flip-flops of a buffer of so many bits that would take so many block RAMs: small ones are made of
    registers on some families."""
    return bits if bits <= REGISTERED.get(family, 0) * blocks else 0


def link_flip_flops(given: int, wanted: int) -> int:
    """Returns the flip-flops of the converter from beats of so many bits to others: the wider of the two beats."""
    return 0 if given == wanted else max(given, wanted) + 6


def window_flip_flops(places: int) -> int:
    """Returns the flip-flops of a convolution's control beyond that of a dense layer. places: of its buffer."""
    return 20 + 3 * places.bit_length()
