"""The harness around a network on a bare device, so that pins limit neither its fit nor its speed."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

CHAIN = 1024  # flip-flops per chain: YoWASP's yosys runs out of stack on chains of several thousand


class Harness(wiring.Component):
    """Shifts samples in (one pin per 1024 bits) and answers out (one pin), with registers all around the network.

    It adds one flip-flop per input bit (fewer when the last inputs are unused), one flip-flop and about one LUT per
    output bit, and five flip-flops of control. The network's inputs change every cycle: good for area and timing,
    useless as an interface. Memories that are filled at start are written bit by bit through load_in: all of the port
    for loading are one register.
    """

    def __init__(self, core: wiring.Component, input_width: int, output_width: int) -> None:
        self._core = core
        self._widths = input_width, output_width
        super().__init__(
            ({"load_in": In(1)} if hasattr(core, "load") else {})
            | {
                "shift_in": In(-(-input_width // CHAIN)),
                "sample_valid": In(1),
                "answer_ready": In(1),
                "shift_out": Out(1),
                "sample_ready": Out(1),
                "answer_valid": Out(1),
            }
        )

    def ports(self) -> list[str]:
        """Returns the top's ports bit by bit, as netlists name them: the clock, the reset and the pins of this
        component."""
        wide = len(self.shift_in)
        lanes = ["shift_in"] if wide == 1 else [f"shift_in[{k}]" for k in range(wide)]
        controls = ("sample_valid", "answer_ready", "shift_out", "sample_ready", "answer_valid")
        return ["clk", "rst", *controls, *lanes, *(["load_in"] if hasattr(self, "load_in") else [])]

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        core: Any = self._core
        m.submodules.core = core
        sample = Signal(self._widths[0], reset_less=True)
        lanes = [sample[start : start + CHAIN] for start in range(0, len(sample), CHAIN)]
        answer = Signal(self._widths[1], reset_less=True)
        m.d.comb += core.i.payload.eq(sample)
        m.d.sync += [
            *(lane.eq(Cat(pin, lane)) for pin, lane in zip(self.shift_in, lanes, strict=True)),
            core.i.valid.eq(self.sample_valid),
            core.o.ready.eq(self.answer_ready),
            self.sample_ready.eq(core.i.ready),
            self.answer_valid.eq(core.o.valid),
            answer.eq((answer << 1) ^ core.o.payload),
            self.shift_out.eq(answer[-1]),
        ]
        if hasattr(core, "load"):
            given = Cat(core.load.write, core.load.address, core.load.data)
            load = Signal(len(given), reset_less=True)
            m.d.sync += load.eq(Cat(self.load_in, load))
            m.d.comb += given.eq(load)
        return m
