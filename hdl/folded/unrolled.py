"""Layers of a chain that stay unrolled: one unit, which takes a sample in a beat and answers in one."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from threshc.hdl.families.base import Family
from threshc.hdl.folded.pieces import Unfolded
from threshc.hdl.folded.schedule import PipelineStage
from threshc.hdl.interface import StalledTogether
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.emit import Pipeline, component, portable_verilog
from threshc.hdl.unrolled.mapped import mapped_verilog


@dataclass(frozen=True, eq=False)
class UnrolledPart:
    """A design between folded layers; values of its network are the whole network's less `piece.part.offset`."""

    design: Design
    piece: Unfolded

    @property
    def names(self) -> str:
        """The names of its layers, as tables have them."""
        return ", ".join(layer.name for layer in self.piece.layers)

    @property
    def pipeline(self) -> StalledTogether:
        """Its registers."""
        (found,) = self.design.interface.timing.pipelines
        return found

    def stage(self) -> PipelineStage:
        """Returns the unit's part of the cycle model, empty."""
        return PipelineStage(latency=self.pipeline.latency, buffered=self.pipeline.buffered)

    def modules(self, family: Family | None) -> str:
        """Returns the Verilog of the module that the unit's component instantiates."""
        return portable_verilog(self.design) if family is None else mapped_verilog(self.design, family.name)

    def component(self, instances: bool = True) -> Pipeline | UnrolledInstance:
        """Returns a fresh component with streams `i` and `o`. instances: it names the module of `modules`; else it is
        Amaranth throughout, which Amaranth's simulator needs, and leads out what the design's probes say."""
        return UnrolledInstance(self.design) if instances else component(self.design)


class UnrolledInstance(wiring.Component):
    """The instance of a design's module."""

    def __init__(self, design: Design) -> None:
        interface = design.interface
        self._name = interface.name
        members = {"i": In(stream.Signature(interface.input.width)), "o": Out(stream.Signature(interface.output.width))}
        for k, probe in enumerate(interface.probes):
            members[f"probe{k}"] = Out(stream.Signature(probe.width, always_ready=True))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ports: list[tuple[str, str, object]] = [("i", "clk", ClockSignal()), ("i", "rst", ResetSignal())]
        for name in self.signature.members:
            port = getattr(self, name)
            inward = name == "i"
            ports.append(("i" if inward else "o", f"{name}_payload", port.payload))
            ports.append(("i" if inward else "o", f"{name}_valid", port.valid))
            if name in ("i", "o"):
                ports.append(("o" if inward else "i", f"{name}_ready", port.ready))
        m.submodules.unit = Instance(self._name, *ports)
        return m
