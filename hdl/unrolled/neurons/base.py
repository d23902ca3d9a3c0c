"""What every neuron architecture has: a check of weights, hardware and an estimate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.heap import Heap
from threshc.hdl.unrolled.netlist import ONE, ZERO, Netlist


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimated cost of a layer: look-up tables and levels of logic, of 4-input and of 6-input LUTs."""

    lut4: int
    lut6: int
    depth4: int
    depth6: int

    def luts(self, inputs: int) -> int:
        """Returns the look-up tables on a family whose tables have `inputs` inputs: six or more, else four."""
        return self.lut6 if inputs >= 6 else self.lut4


class Architecture(ABC):
    """A way to make threshold neurons: bit r is 1 iff row r of weights times the bits is at least its threshold.

    An instance holds parameters of the way, not of a layer, and makes the neurons of any layer. They are combinational,
    one sample per cycle; registers come from the pipeline around or, with `Netlist.limit`, between their levels.
    """

    name: ClassVar[str]

    def check(self, weights: NDArray[np.signedinteger]) -> None:
        """Raises CompileError where the architecture cannot build weights (R, C); any are fine unless it says so."""
        return

    @abstractmethod
    def predict(self, weights: NDArray[np.signedinteger]) -> Estimate:
        """Returns the estimated cost of one threshold per row of weights (R, C), without building anything that is
        kept."""

    @abstractmethod
    def sum_words(self, net: Netlist, heap: Heap, widths: NDArray[np.int64], addend: Sequence[int]) -> Lits:
        """Returns words (R, max width): the sum of row r's entries and addend[r] >= 0, modulo 2**widths[r].

        Bits beyond widths[r] are 0. The heap's `constant` is not added.
        """

    def threshold_bits(self, net: Netlist, heap: Heap, thresholds: Sequence[int]) -> Lits:
        """Returns bits (R,): bit r is 1 iff the sum of row r is at least thresholds[r]. Only the carry out is made.

        With t the threshold less the row's constant, and `most` the largest sum of entries, sum >= t is bit k of
        sum + (2**k - t) for the smallest k with 2**k >= t and 2**k > most - t.
        """
        need = [t - c for t, c in zip(thresholds, heap.constant, strict=True)]
        out = np.array([ONE if t <= 0 else ZERO for t in need], np.int64)
        open_rows = np.array([r for r, t in enumerate(need) if 0 < t <= heap.most[r]], np.int64)
        if not len(open_rows):
            return out
        left = heap.rows(open_rows)
        wanted = [need[r] for r in open_rows.tolist()]
        tops = [max((m - t).bit_length(), (t - 1).bit_length()) for t, m in zip(wanted, left.most, strict=True)]
        out[open_rows] = self.carry_bits(net, left, wanted, np.array(tops, np.int64))
        return out

    def carry_bits(self, net: Netlist, heap: Heap, need: Sequence[int], tops: NDArray[np.int64]) -> Lits:
        """Returns bits (R,): bit tops[r] of (the entries of row r) + 2**tops[r] - need[r] < 2**(tops[r] + 1)."""
        addend = [(1 << k) - t for t, k in zip(need, tops.tolist(), strict=True)]
        bits = self.sum_words(net, heap, tops + 1, addend)
        return bits[np.arange(len(tops)), tops]


def too_wide(name: str, inputs: int, most: int) -> Exception:
    """Returns the error for a neuron with more inputs than an architecture takes."""
    return fail(
        f"neuron architecture {name!r} takes up to {most} inputs, a neuron here has {inputs}",
        where=option("neuron"),
        hint=f"{option('neuron', 'auto')} or {option('neuron', 'compressor')}",
    )
