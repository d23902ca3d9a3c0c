"""How many look-up tables a folded layer takes, fitted to synthesis (docs/research/folded.md)."""

from __future__ import annotations

_LANE = {4: 1.75, 6: 1.1}
"""Tables of a lane with its part of the adder tree, by the inputs of a table."""
_SHARED = {4: 1.35, 6: 1.1}
"""Tables of an input for what all neurons share of it."""
_CONTROL = 80


def luts(*, pe: int, simd: int, thresholds: int, bits: int, queue: int, out: int, rom: bool, inputs: int) -> int:
    """Returns the tables of a layer without its buffer and links.

    thresholds: bits of a word beside the weights; bits: of an accumulator; queue: places for answers of `out` bits a
    neuron; rom: the weights stand in tables, a table a bit; inputs: of the family's tables.
    """
    size = 6 if inputs >= 6 else 4
    each = _LANE[size] * simd + 1.5 * thresholds + bits + 1 + 1.3 * queue * out + (simd + thresholds if rom else 0)
    return round(pe * each + _SHARED[size] * simd + _CONTROL)
