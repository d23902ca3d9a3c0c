"""The cells of a netlist: vectors of one kind over vectors of literals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Lits = NDArray[np.int64]
"""A literal is 2 * bit + inverted; bit 0 is the constant 0, so literals 0 and 1 are the constants."""


class Kind(Enum):
    """The function of a cell. Each kind is found by a `match` wherever cells are read, so that mypy lists them all.

    INPUT has no operands. XOR and MAJ (the majority) take three, MUX takes select, one and zero, REG takes the operand
    that it samples. LUT takes up to six: its bit is bit sum(operand j << j) of the cell's table. ADD is not a vector of
    equal functions but one word, operands[0] + operands[1] + operands[2][0], lowest bit first.
    """

    INPUT = "input"
    XOR = "xor"
    MAJ = "maj"
    MUX = "mux"
    LUT = "lut"
    ADD = "add"
    REG = "reg"


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A vector of equal cells: bit first + i is the function of element i of each operand (see `Kind` for ADD).

    scope: the layer or operation that it was made for; table: of a LUT, else 0.
    """

    kind: Kind
    operands: tuple[Lits, ...]
    first: int
    width: int
    scope: str
    table: int = 0
