"""A circuit as folded layers, and others that stay unrolled, joined by streams: one module from samples to classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeGuard

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from threshc.compiler.ir.network import Network
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.folded import schedule
from threshc.hdl.folded.joints import Link
from threshc.hdl.folded.loaded import load_signature
from threshc.hdl.folded.position import Positioned
from threshc.hdl.folded.probes import Collector, Shown
from threshc.hdl.folded.unit import FoldedUnit, UnitComponent
from threshc.hdl.folded.unrolled import UnrolledInstance, UnrolledPart
from threshc.hdl.folded.wiring import Feeds, ends, in_line
from threshc.hdl.interface import Interface, LoadPort, Probe, moved
from threshc.hdl.unrolled.emit import Pipeline
from threshc.hdl.unrolled.layers import LayerCircuit
from threshc.hdl.unrolled.probes import with_probe

ChainPart = FoldedUnit | UnrolledPart | Link


@dataclass(frozen=True, eq=False)
class FoldedChain:
    """A circuit of folded layers, and of others that stay unrolled; what a `threshc.hdl.chain.Chain` is for circuits
    without folded ones.

    parts: units and links in order of the stream. neurons: PE and SIMD of every layer, with estimates. shown: what
    `probed` leads out.
    """

    interface: Interface
    parts: tuple[ChainPart, ...]
    neurons: tuple[LayerCircuit, ...]
    shown: tuple[Shown, ...] = ()

    @property
    def name(self) -> str:
        """The Verilog module's."""
        return self.interface.name

    @property
    def network(self) -> Network:
        """The network that it computes."""
        return self.interface.network

    @property
    def tables(self) -> tuple[int, int]:
        """Look-up tables of what is unrolled, without and with don't-cares, (0, 0) where those were not looked for."""
        without, with_them = (sum(part.design.tables[k] for part in self.unrolled) for k in range(2))
        return without, with_them

    @property
    def cells(self) -> int:
        """Look-up tables of the arithmetic of folded layers, and cells of the others' netlists."""
        folded = sum(len(u.core.shared.cells) + u.layer.pe * len(u.core.neuron.cells) for u in self.units)
        return folded + sum(part.design.netlist.count for part in self.unrolled)

    @cached_property
    def units(self) -> tuple[FoldedUnit, ...]:
        """The folded layers."""
        return tuple(p for p in self.parts if isinstance(p, FoldedUnit))

    @cached_property
    def unrolled(self) -> tuple[UnrolledPart, ...]:
        """The units of layers that stay unrolled."""
        return tuple(p for p in self.parts if isinstance(p, UnrolledPart))

    def instances(self) -> dict[str, str]:
        """Returns the name of the layer, or names of several, of every instance that is of one, by the instance's."""
        return {
            _instance(k, part): part.layer.name if isinstance(part, FoldedUnit) else part.names
            for k, part in enumerate(self.parts)
            if not isinstance(part, Link)
        }

    def stages(self) -> list[schedule.Stage]:
        """Returns the cycle model of the chain, empty, without a sink."""
        makers = [part.stage for part in self.parts]
        return [make() for make in makers if make is not None]

    def probed(self) -> FoldedChain:
        """Returns the same circuit for simulations: the bits of every layer leave it by a probe of its own."""
        unread = any(part.piece.scan.unread for part in self.unrolled if isinstance(part.piece, Positioned))
        late = self.interface.timing.latency + self.interface.timing.interval if unread else 0
        probes = [Probe(shown.field.width, (shown.field,), late) for shown in self.shown]
        parts = [replace(p, design=with_probe(p.design)) if _leads_out(p) else p for p in self.parts]
        for part in parts:
            if _leads_out(part):
                by = part.piece.part.offset
                probes += [replace(p, fields=moved(p.fields, by)) for p in part.design.interface.probes]
        return replace(self, interface=replace(self.interface, probes=tuple(probes)), parts=tuple(parts))

    def component(self) -> Component:
        """Returns a fresh Amaranth component with streams `i` and `o`, and `probeK`, without instances."""
        return self._component(instances=False)

    def _component(self, instances: bool) -> Component:
        parts = [p.circuit() if isinstance(p, Link) else p.component(instances) for p in self.parts]
        probes = self.shown if self.interface.probes else ()
        return _Chain(parts, probes, self.interface.load)

    def verilog(self) -> str:
        """Returns the Verilog-2001 of the whole circuit; it reads the memories of `files`."""
        return self._text(None)

    def mapped(self, family: str) -> str:
        """Returns the same with the arithmetic as cells of a device family."""
        return self._text(family)

    def _text(self, family: str | None) -> str:
        from threshc.hdl.verilog import emit_verilog

        chosen = None if family is None else find_family(family)
        modules = [part.modules(chosen) for part in self.parts if not isinstance(part, Link)]
        return emit_verilog(self._component(instances=True), self.interface.name) + "\n" + "\n".join(modules)

    def files(self) -> Mapping[str, str]:
        """Returns the files that the Verilog reads, by their names: one with the weights of each layer."""
        return {name: text for unit in self.units for name, text in unit.files().items()}


class _Chain(wiring.Component):
    def __init__(
        self, parts: Sequence[Any], probes: Sequence[Shown], load: LoadPort | None, feeds: Feeds | None = None
    ) -> None:
        """feeds: None for parts in a line."""
        self.parts, self.feeds = parts, in_line(len(parts)) if feeds is None else feeds
        loads = {} if load is None else {"load": In(load_signature(len(load.contents), load.address_bits))}
        self._collectors = [(p.part, Collector(len(parts[p.part].o.payload), p.beats, p.picked)) for p in probes]
        given, answer = len(ends(parts[0])[0][0].payload), len(parts[-1].o.payload)
        found: list[Any] = [Out(collector.o.signature) for _, collector in self._collectors]
        self._inner = [(part, name) for part in parts for name in part.signature.members if name.startswith("probe")]
        found += [part.signature.members[name] for part, name in self._inner]
        super().__init__(
            {"i": In(stream.Signature(given)), "o": Out(stream.Signature(answer))}
            | {f"probe{k}": probe for k, probe in enumerate(found)}
            | loads
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for k, part in enumerate(self.parts):
            m.submodules[_instance(k, part)] = part
        streams = [ends(part) for part in self.parts]
        for (ins, _), feeds in zip(streams, self.feeds, strict=True):
            for one, (part, port) in zip(ins, feeds, strict=True):
                connect(m, streams[part][1][port] if part >= 0 else flipped(self.i), one)
        connect(m, self.parts[-1].o, flipped(self.o))
        self._loaded(m)
        for k, (at, collector) in enumerate(self._collectors):
            m.submodules[f"collector_{k}"] = collector
            out = self.parts[at].o
            m.d.comb += [collector.payload.eq(out.payload), collector.transfer.eq(out.valid & out.ready)]
            connect(m, collector.o, flipped(getattr(self, f"probe{k}")))
        for k, (part, name) in enumerate(self._inner, len(self._collectors)):
            connect(m, getattr(part, name), flipped(getattr(self, f"probe{k}")))
        return m

    def _loaded(self, m: Module) -> None:
        """The memories of one port, in the order of the layers."""
        first = 0
        for load in (part.load for part in self.parts if hasattr(part, "load")):
            whole: Any = self.load
            last = first + len(load.write)
            m.d.comb += [
                load.write.eq(whole.write[first:last]),
                load.address.eq(whole.address[: len(load.address)]),
                load.data.eq(whole.data),
            ]
            first = last


def _leads_out(part: ChainPart) -> TypeGuard[UnrolledPart]:
    """Whether a part's own circuit leads out its layers' bits: of those by positions the stream out has them."""
    return isinstance(part, UnrolledPart) and not isinstance(part.piece, Positioned)


def _instance(k: int, part: object) -> str:
    """The name of a part's instance."""
    match part:
        case FoldedUnit() | UnitComponent():
            return f"layer_{k}"
        case UnrolledPart() | Pipeline() | UnrolledInstance():
            return f"unrolled_{k}"
        case _:
            return f"{type(part).__name__.lower()}_{k}"
