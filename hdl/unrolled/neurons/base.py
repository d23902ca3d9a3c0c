"""What every neuron architecture has: a check of weights, hardware and an estimate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.hdl.unrolled.heap import Heap
from threshc.hdl.unrolled.netlist import ONE, ZERO, Lits, Netlist


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a layer may cost: look-up tables and levels of logic for 4-input and 6-input LUTs. Not a measurement."""

    lut4: int
    lut6: int
    depth4: int
    depth6: int

    def luts(self, inputs: int) -> int:
        """Look-up tables of a family whose tables have `inputs` inputs: those of six count from six on."""
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
        """The cost of one threshold per row of weights (R, C), without building anything that is kept."""

    @abstractmethod
    def total(self, net: Netlist, heap: Heap, widths: NDArray[np.int64], plus: Sequence[int]) -> Lits:
        """Entries of row r + plus[r] >= 0, modulo 2**widths[r]: (R, max width), 0 beyond; `constant` is left alone."""

    def fires(self, net: Netlist, heap: Heap, thresholds: Sequence[int]) -> Lits:
        """Bit r is `row r >= thresholds[r]`, (R,). Only the carry out of the sum is made.

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
        out[open_rows] = self.carries(net, left, wanted, np.array(tops, np.int64))
        return out

    def carries(self, net: Netlist, heap: Heap, need: Sequence[int], tops: NDArray[np.int64]) -> Lits:
        """Bit tops[r] of (entries of row r) + 2**tops[r] - need[r], which is below 2**(tops[r] + 1)."""
        plus = [(1 << k) - t for t, k in zip(need, tops.tolist(), strict=True)]
        bits = self.total(net, heap, tops + 1, plus)
        return bits[np.arange(len(tops)), tops]


def too_wide(name: str, inputs: int, most: int) -> Exception:
    """The error for a neuron with more inputs than an architecture takes."""
    return fail(
        f"neuron architecture {name!r} takes up to {most} inputs, a neuron here has {inputs}",
        where="--neuron",
        hint="use --neuron auto or compressor",
    )
