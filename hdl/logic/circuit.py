"""A circuit bit by bit: look-up tables, registers and adders."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.logic.lut_net import LutNet


@dataclass(frozen=True, slots=True)
class Adder:
    """bits = a + b + carry, lowest first, modulo 2**len(bits); operands are literals, bits are nodes."""

    bits: tuple[int, ...]
    a: tuple[int, ...]
    b: tuple[int, ...]
    carry: int


@dataclass(frozen=True, slots=True, eq=False)
class Circuit:
    """luts: the tables, nodes 1.. being the inputs; registers: node of the register to the node that it samples;
    adders; outputs: literals; bits: the literal of every bit of the design's netlist (0 for bits nobody needs);
    carries: a node for the carry into each bit of an adder but its lowest, for proofs."""

    luts: LutNet
    registers: dict[int, int] = field(default_factory=dict)
    adders: list[Adder] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    bits: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    carries: dict[int, int] = field(default_factory=dict)
