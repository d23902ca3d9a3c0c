"""What stands around a network on a bare device, so that pins limit neither its fit nor its speed."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Harness(wiring.Component):
    """Shifts samples in and answers out through one pin each; every path from or to the network ends in a register.

    It adds one flip-flop per input bit, one flip-flop and one LUT per output bit, and six flip-flops and a few LUTs of
    control. The network's inputs change every cycle: good for area and timing, useless as an interface.
    """

    def __init__(self, core: wiring.Component, input_width: int, output_width: int) -> None:
        self._core = core
        self._widths = input_width, output_width
        super().__init__(
            {
                "shift_in": In(1),
                "sample_valid": In(1),
                "answer_ready": In(1),
                "shift_out": Out(1),
                "sample_ready": Out(1),
                "answer_valid": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        core: Any = self._core
        m.submodules.core = core
        sample = Signal(self._widths[0], reset_less=True)
        answer = Signal(self._widths[1], reset_less=True)
        m.d.comb += core.i.payload.eq(sample)
        m.d.sync += [
            sample.eq(Cat(self.shift_in, sample)),
            core.i.valid.eq(self.sample_valid),
            core.o.ready.eq(self.answer_ready),
            self.sample_ready.eq(core.i.ready),
            self.answer_valid.eq(core.o.valid),
            answer.eq((answer << 1) ^ core.o.payload),
            self.shift_out.eq(answer[-1]),
        ]
        return m
