"""What a family's emitter has to offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """name: as in `Device.family`; inputs: of its look-up tables; cell(instance, table, operands, output): a line of
    Verilog that makes net `output` from nets `operands`, at most `inputs` of them."""

    name: str
    inputs: int
    cell: Callable[[str, int, tuple[str, ...], str], str]
