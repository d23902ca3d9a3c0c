"""An unrolled design as a unit between two streams: what simulators and chains take (`StreamUnit`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from threshc.hdl.interface import Interface
from threshc.hdl.unrolled.design import Design

if TYPE_CHECKING:
    from amaranth.lib.wiring import Component


@dataclass(frozen=True, slots=True)
class UnrolledUnit:
    """A design and those who write it. Units of one design are equal, and their text is written once."""

    design: Design

    @property
    def interface(self) -> Interface:
        """The facts about the unit that are known from outside."""
        return self.design.interface

    def component(self) -> Component:
        """Returns a fresh Amaranth component with streams `i` and `o` of the interface's widths."""
        from threshc.hdl.unrolled.emit import component  # loads Amaranth

        return component(self.design)

    def verilog(self) -> str:
        """Returns the Verilog-2001 of the whole circuit, with the interface's module at the top."""
        from threshc.hdl.unrolled.emit import portable_verilog  # loads Amaranth

        return portable_verilog(self.design)

    def files(self) -> Mapping[str, str]:
        """Returns none: weights are gates."""
        return {}
