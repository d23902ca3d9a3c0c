"""A network as folded layers joined by streams, one module from samples to classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.network import Network
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.folded import schedule
from threshc.hdl.folded.area import luts
from threshc.hdl.folded.arg_max import PATIENT, ArgMax
from threshc.hdl.folded.joints import Link, converters, entry_links
from threshc.hdl.folded.layer import FoldedLayer, Store
from threshc.hdl.folded.loaded import DEEPEST, load_signature
from threshc.hdl.folded.network import Dense, FoldedNetwork, folded_network
from threshc.hdl.folded.probes import Collector
from threshc.hdl.folded.unit import FoldedUnit, UnitComponent, folded_unit
from threshc.hdl.interface import Beats, Field, Interface, LoadPort, Probe, Timing
from threshc.hdl.naming import sanitize
from threshc.hdl.unrolled.layers import LayerCircuit
from threshc.hdl.unrolled.neurons import Estimate


class Fold(NamedTuple):
    """The folding of a layer: neurons and inputs of each at a time, and what its weights stand in."""

    pe: int
    simd: int
    store: Store = "block"

    def __str__(self) -> str:
        return f"{self.pe}x{self.simd}" + ("" if self.store == "block" else f":{self.store}")


@dataclass(frozen=True, eq=False)
class FoldedChain:
    """A circuit of folded layers; what a `threshc.hdl.chain.Chain` is for unrolled ones.

    parts: units and links in order of the stream. neurons: PE and SIMD of every layer, with estimates. shown: of some
    parts (by their place) what their beats out are, and how many make a sample: what `probed` leads out.
    """

    interface: Interface
    parts: tuple[FoldedUnit | Link, ...]
    neurons: tuple[LayerCircuit, ...]
    shown: tuple[tuple[int, Field, int], ...] = ()

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
        """(0, 0): don't-cares are looked for in unrolled circuits."""
        return 0, 0

    @property
    def cells(self) -> int:
        """Look-up tables of the arithmetic."""
        return sum(len(u.core.shared.cells) + u.layer.pe * len(u.core.neuron.cells) for u in self.units)

    @cached_property
    def units(self) -> tuple[FoldedUnit, ...]:
        """The folded layers."""
        return tuple(p for p in self.parts if isinstance(p, FoldedUnit))

    def instances(self) -> dict[str, str]:
        """Returns the layer's name of every instance that is one, by the instance's name."""
        return {f"layer_{k}": p.layer.name for k, p in enumerate(self.parts) if isinstance(p, FoldedUnit)}

    def stages(self) -> list[schedule.Stage]:
        """Returns the cycle model of the chain, empty, without a sink."""
        makers = [part.stage for part in self.parts]
        return [make() for make in makers if make is not None]

    def probed(self) -> FoldedChain:
        """Returns the same circuit for simulations: the bits of every layer leave it by a probe of its own."""
        probes = tuple(Probe(field.width, (field,)) for _, field, _ in self.shown)
        return replace(self, interface=replace(self.interface, probes=probes))

    def component(self) -> Component:
        """Returns a fresh Amaranth component with streams `i` and `o`, and `probeK`, without instances."""
        return self._component(instances=False)

    def _component(self, instances: bool) -> Component:
        parts = [p.component(instances) if isinstance(p, FoldedUnit) else p.circuit() for p in self.parts]
        probes = [(at, count) for at, _, count in self.shown] if self.interface.probes else []
        return _Chain(parts, probes, self.interface.load if instances else None)

    def verilog(self) -> str:
        """Returns the Verilog-2001 of the whole circuit; it reads the memories of `files`."""
        return self._text(None)

    def mapped(self, family: str) -> str:
        """Returns the same with the arithmetic as cells of a device family."""
        return self._text(family)

    def _text(self, family: str | None) -> str:
        from threshc.hdl.verilog import emit_verilog

        chosen = None if family is None else find_family(family)
        modules = [unit.modules(chosen) for unit in self.units]
        return emit_verilog(self._component(instances=True), self.interface.name) + "\n" + "\n".join(modules)

    def files(self) -> Mapping[str, str]:
        """Returns the files that the Verilog reads, by their names: one with the weights of each layer."""
        return {unit.memory_file: unit.memory_text() for unit in self.units}


class _Chain(wiring.Component):
    def __init__(self, parts: Sequence[Any], probes: Sequence[tuple[int, int]], load: LoadPort | None) -> None:
        self.parts = parts
        loads = {} if load is None else {"load": In(load_signature(len(load.contents), load.address_bits))}
        self._collectors = [(at, Collector(len(parts[at].o.payload), count)) for at, count in probes]
        ends = len(parts[0].i.payload), len(parts[-1].o.payload)
        super().__init__(
            {"i": In(stream.Signature(ends[0])), "o": Out(stream.Signature(ends[1]))}
            | {f"probe{k}": Out(c.o.signature) for k, (_, c) in enumerate(self._collectors)}
            | loads
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for k, part in enumerate(self.parts):
            kind = "layer" if isinstance(part, UnitComponent) else type(part).__name__.lower()
            m.submodules[f"{kind}_{k}"] = part
        ends = [flipped(self.i), *(end for part in self.parts for end in (part.i, part.o)), flipped(self.o)]
        for one, other in zip(ends[::2], ends[1::2], strict=True):
            connect(m, one, other)
        self._loaded(m)
        for k, (at, collector) in enumerate(self._collectors):
            m.submodules[f"collector_{k}"] = collector
            out = self.parts[at].o
            m.d.comb += [collector.payload.eq(out.payload), collector.transfer.eq(out.valid & out.ready)]
            connect(m, collector.o, flipped(getattr(self, f"probe{k}")))
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


def folded_chain(
    network: Network, folds: Sequence[Fold], *, entry: int = 0, levels: int = 2, inputs: int = 4
) -> FoldedChain:
    """Folds a network.

    folds: of every dense layer. entry: features that come in a beat, 0 for as many as the first layer takes. levels:
    tables between registers; inputs: of the family's tables. Raises CompileError where the network cannot be folded
    (`threshc.hdl.folded.network`), and where numbers do not divide as they must: PE the neurons, SIMD the inputs of a
    layer, and of neighbouring widths one the other.
    """
    read = folded_network(network)
    name = sanitize(network.name, "network")
    check(read, folds)
    per_feature = max(read.entry.thresholds.shape[1], 1)
    entry = entry or max(folds[0].simd // per_feature, 1)
    parts: list[FoldedUnit | Link] = list(entry_links(read, entry))
    shown = [(0, _bits(network, read.entry.value), read.entry.features // entry)] if parts else []
    width = entry * per_feature
    for k, (dense, fold) in enumerate(zip(read.dense, folds, strict=True)):
        sums = k + 1 == len(folds) and dense.value == dense.layer.value
        layer = FoldedLayer(
            dense.layer.name, dense.negative, dense.start, fold.pe, fold.simd, "sums" if sums else "bits", inputs
        )
        parts += converters(width, fold.simd, dense.layer.name)
        parts.append(folded_unit(f"{name}_layer{k}", layer, levels=levels, store=fold.store))
        if k + 1 < len(folds):
            shown.append((len(parts) - 1, _bits(network, dense.value), layer.groups))
        width = layer.out_bits
    last = parts[-1]
    assert isinstance(last, FoldedUnit)
    if read.label is not None:
        count, bits = last.layer.rows, last.layer.bits
        slow = last.layer.chunks >= PATIENT and last.layer.pe == 1
        cycles = PATIENT if slow or count == 1 else 1  # a class each cycle would be lost where its reader waits
        parts += converters(width, bits, "the arg-max")
        stage = partial(schedule.ArgMaxStage, count=count, cycles=cycles)
        parts.append(Link(partial(ArgMax, count, bits, cycles), stage))
    return _made(read, name, entry, tuple(parts), tuple(shown), last.layer)


def _made(
    read: FoldedNetwork,
    name: str,
    entry: int,
    parts: tuple[FoldedUnit | Link, ...],
    shown: tuple[tuple[int, Field, int], ...],
    last: FoldedLayer,
) -> FoldedChain:
    """The chain with its outside."""
    given = Beats(read.entry.features * read.entry.bits, entry * read.entry.bits)
    types, value = read.network.types, read.dense[-1].value
    if read.label is not None:
        bits = max((last.rows - 1).bit_length(), 1)
        output, field = Beats(bits, bits), Field("class", "class", read.label, 0, bits, bits, False, (1,))
    elif last.answer == "sums":
        bits = last.rows * last.bits
        output = Beats(bits, last.out_bits)
        field = Field("scores", "scores", value, 0, bits, last.bits, True, types[value].shape)
    else:
        output, field = Beats(last.rows, last.pe), _bits(read.network, value)
    units = [part for part in parts if isinstance(part, FoldedUnit)]
    neurons = tuple(_circuit(dense, unit) for dense, unit in zip(read.dense, units, strict=True))
    loads = tuple(words for unit in units for words in unit.loads)
    load = LoadPort(loads) if loads else None
    chain = FoldedChain(
        Interface(read.network, name, given, output, (field,), Timing(0), load=load), parts, neurons, shown
    )
    return replace(chain, interface=replace(chain.interface, timing=_timing(chain)))


def _bits(network: Network, value: int) -> Field:
    shape = network.types[value].shape
    return Field("bits", "bits", value, 0, math.prod(shape), 1, False, shape)


def _circuit(dense: Dense, unit: FoldedUnit) -> LayerCircuit:
    layer = unit.layer
    four, six = (
        luts(
            pe=layer.pe,
            simd=layer.simd,
            thresholds=len(layer.exponents),
            bits=layer.bits,
            queue=unit.queue,
            out=layer.out_bits // layer.pe,
            rom=unit.store == "lut",
            inputs=inputs,
        )
        for inputs in (4, 6)
    )
    how = f"{layer.pe} at a time, {layer.simd} inputs a cycle"
    return LayerCircuit(
        dense.layer.value, layer.name, how, layer.rows, layer.rows * layer.columns, Estimate(four, six, 0, 0)
    )


def _timing(chain: FoldedChain) -> Timing:
    """When it answers, by its cycle model: fed and taken without a pause."""
    beats, samples = chain.interface.input.count, 4
    taken, left = schedule.run([*chain.stages(), schedule.Sink()], samples * beats)
    out = len(left) // samples
    return Timing(left[0] - taken[0], left[-1] - left[-1 - out])


def check(read: FoldedNetwork, folds: Sequence[Fold]) -> None:
    """Raises CompileError unless there is a fold for every layer, and its PE and SIMD divide the layer's numbers."""
    if len(folds) != len(read.dense):
        raise fail(
            f"the network has {len(read.dense)} layers to fold, not {len(folds)}",
            where=option("fold"),
            hint=f"PE x SIMD of {', '.join(dense.layer.name for dense in read.dense)}, in this order",
        )
    for dense, fold in zip(read.dense, folds, strict=True):
        rows, columns = dense.negative.shape
        where = f"layer {dense.layer.name} ({columns} inputs, {rows} neurons)"
        for value, total, what in ((fold.pe, rows, "PE"), (fold.simd, columns, "SIMD")):
            if value < 1 or total % value:
                raise fail(
                    f"{what} {value} does not divide {total}",
                    where=where,
                    hint=f"one of {', '.join(str(d) for d in range(1, total + 1) if total % d == 0)}",
                )
        steps = rows // fold.pe * (columns // fold.simd)
        if fold.store == "spram" and steps > DEEPEST:
            raise fail(
                f"{steps:,} weight words do not fit an SPRAM",
                where=where,
                why=f"it has {DEEPEST:,}",
                hint=f"PE times SIMD of {-(-rows * columns // DEEPEST)} or more",
            )
