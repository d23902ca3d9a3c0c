"""How large a layer of maps is of which one position is unrolled, fitted to synthesis (docs/research/folded.md)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from threshc.compiler.ir.ops import Sum
from threshc.compiler.ir.split import BEFORE
from threshc.hdl.folded.area import unrolled_luts
from threshc.hdl.folded.position import Positioned
from threshc.hdl.folded.registers import UNROLLED

_OF_NUMBERS, _HELD = 1.35, 2.2
"""Tables of a circuit that sums numbers of several bits, as parts of those of one of bits; registers for each."""
_CONTROL = 45
"""Tables, and registers, of a window's counters."""


class PositionSize(NamedTuple):
    """Tables and flip-flops; depth and width of the memory between the rows of a window, 0 without one."""

    luts: int
    ffs: int
    depth: int
    width: int


def position_size(piece: Positioned, inputs: int) -> PositionSize:
    """Returns the size of a layer with its window. inputs: of the family's tables."""
    op, scan, width = piece.part.network.ops[BEFORE], piece.scan, piece.width
    each = UNROLLED
    if not isinstance(op, Sum):
        circuit = -(-piece.layers[0].columns // 3) * width
    else:
        circuit = unrolled_luts(op.weights, 1, inputs=inputs)
        if np.abs(op.weights.astype(np.int64)).max(initial=0) > 1:
            circuit, each = round(_OF_NUMBERS * circuit), _HELD
    registers = round(each * circuit)
    if piece.window is None:
        return PositionSize(circuit, registers, 0, 0)
    masked = sum(
        scan.outside(0, i) != (0, scan.shape[0]) or scan.outside(1, j) != (0, scan.shape[1])
        for i in range(scan.kernel[0])
        for j in range(scan.kernel[1])
    )
    luts, gap, lines = circuit + _CONTROL + masked * width, scan.gap, scan.kernel[0] - 1
    if not lines or gap < 2:
        return PositionSize(luts, registers + _CONTROL + width * (scan.delay(0, 0) + 1), 0, 0)
    return PositionSize(luts, registers + _CONTROL + width * scan.across * (lines + 1), gap, lines * width)
