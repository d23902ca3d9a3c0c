"""How many look-up tables a folded layer takes, fitted to synthesis (docs/research/folded.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.folded.layer import Numbers
from threshc.hdl.folded.weights import WeightCode

_SHARED = {4: 1.35, 6: 1.1}
"""Tables of a bit of an input for what all neurons share of it, where weights have signs."""
_CONTROL = 80
_SYNAPSE = {4: 0.44, 6: 0.35}
"""Tables of a weight of +-1 of an unrolled layer, what neurons share taken off."""


def luts(
    *,
    pe: int,
    simd: int,
    code: WeightCode,
    numbers: Numbers,
    thresholds: int,
    bits: int,
    queue: int,
    out: int,
    rom: bool,
    inputs: int,
) -> int:
    """Returns the tables of a layer without its buffer and links.

    thresholds: bits of a word beside the weights; bits: of an accumulator; queue: places for answers of `out` bits a
    neuron; rom: the weights stand in tables, a table a bit; inputs: of the family's tables.
    """
    lanes = simd * numbers.bits
    each = code.luts(inputs) * lanes + 1.5 * thresholds + bits + 1 + 1.3 * queue * out
    each += simd * code.bits + thresholds if rom else 0
    return round(pe * each + (_SHARED[6 if inputs >= 6 else 4] * lanes if code.signs else 0) + _CONTROL)


def unrolled_luts(weights: NDArray[np.generic], positions: int, *, inputs: int) -> int:
    """Returns the tables of a layer that stays unrolled, (rows, columns) weights at so many positions: a part of one
    for every synapse, and what compares each sum."""
    synapses = int(np.count_nonzero(weights))
    each = _SYNAPSE[6 if inputs >= 6 else 4]
    return round(positions * (each * synapses + 5 * len(weights)))
