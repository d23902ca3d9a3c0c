"""A circuit as a chain of stream units, one behind the other in one module: the door into the rooms that make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.layers import layer_of
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.split import split
from threshc.compiler.progress import Progress, silent
from threshc.hdl.families.registry import family, table_inputs
from threshc.hdl.interface import Interface, Timing, moved
from threshc.hdl.naming import sanitize
from threshc.hdl.options import FOLDED_LEVELS, USUAL_CIRCUIT, CircuitOptions
from threshc.hdl.streams import joined_component, joined_verilog
from threshc.hdl.unrolled import build as unrolled
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.layers import LayerCircuit
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.hdl.unrolled.probes import with_probe
from threshc.hdl.unrolled.unit import UnrolledUnit

if TYPE_CHECKING:
    from amaranth.lib.wiring import Component

    from threshc.hdl.folded.chain import FoldedChain


@dataclass(frozen=True, eq=False)
class Chain:
    """A circuit of units that are joined by streams; with one unit, that unit's module and nothing else.

    interface: of the whole. units: first to last; each is a module of its own, and the instance u0, u1, ... of the
    whole. offsets: value v of a unit's network is value v + offset of the whole network.
    """

    interface: Interface
    units: tuple[Design, ...]
    offsets: tuple[int, ...] = (0,)

    @property
    def name(self) -> str:
        """The Verilog module's."""
        return self.interface.name

    @property
    def network(self) -> Network:
        """The network that the chain computes."""
        return self.interface.network

    @property
    def neurons(self) -> tuple[LayerCircuit, ...]:
        """The choice for every `Sum`, with values and names of the whole network."""
        names = {v: layer.name for v, layer in layer_of(self.network).items()}
        moved = [(n, n.value + by) for unit, by in zip(self.units, self.offsets, strict=True) for n in unit.neurons]
        return tuple(replace(n, value=v, name=names[v]) for n, v in moved)

    @property
    def tables(self) -> tuple[int, int]:
        """Look-up tables without and with don't-cares, (0, 0) where those were not looked for."""
        without, with_them = (sum(unit.tables[k] for unit in self.units) for k in range(2))
        return without, with_them

    @property
    def cells(self) -> int:
        """Cells of the netlists of all units."""
        return sum(unit.netlist.count for unit in self.units)

    def component(self) -> Component:
        """Returns a fresh Amaranth component with streams `i` and `o` of the interface's widths, and `probeK`."""
        made = [UnrolledUnit(unit).component() for unit in self.units]
        return made[0] if len(made) == 1 else joined_component(made, self.interface)

    def verilog(self) -> str:
        """Returns the Verilog-2001 of the whole circuit, with the interface's module at the top."""
        return self._whole([UnrolledUnit(unit).verilog() for unit in self.units])

    def mapped(self, family: str) -> str:
        """Returns the same modules as cells of a device family (`threshc.hdl.families`), for synthesis.

        Raises CompileError for an unknown family.
        """
        return self._whole([mapped_verilog(unit, family) for unit in self.units])

    def files(self) -> Mapping[str, str]:
        """Returns none: weights are gates."""
        return {}

    def probed(self) -> Chain:
        """Returns the same circuit for simulations: all hidden bits, and scores, leave it by a probe for each unit."""
        units = tuple(map(with_probe, self.units))
        probes = tuple(
            replace(probe, fields=moved(probe.fields, by))
            for unit, by in zip(units, self.offsets, strict=True)
            for probe in unit.interface.probes
        )
        return replace(self, interface=replace(self.interface, probes=probes), units=units)

    def _whole(self, texts: list[str]) -> str:
        if len(texts) == 1:
            return texts[0]
        return "\n".join([*texts, joined_verilog(self.interface, [unit.interface for unit in self.units])])


def build(
    network: Network, options: CircuitOptions = USUAL_CIRCUIT, *, jobs: int | None = 1, progress: Progress = silent
) -> Circuit:
    """Makes the circuit of a network: one unrolled unit, or several where the options cut the network.

    jobs: processes that search side by side where that pays, None for all cores; the circuit is the same for any
    number. `progress` is told between operations. Raises CompileError for weights that an architecture does not take,
    for scores that the network does not have, and where the network is not in two pieces behind a layer.
    """
    if options.fold is not None:
        return _folded(network, options, jobs, progress)
    parts = split(network, options.cut)
    if len(parts) == 1:
        return one_unit(unrolled.build_design(network, options, jobs=jobs, progress=progress))
    name, units = sanitize(network.name, "network"), []
    for k, part in enumerate(parts):
        own = options if k == len(parts) - 1 else replace(options, scores=False)
        made = unrolled.build_design(part.network, replace(own, cut=()), jobs=jobs, progress=progress)
        units.append(replace(made, interface=replace(made.interface, name=f"{name}_u{k}")))
    first, last, timings = units[0].interface, units[-1].interface, [unit.interface.timing for unit in units]
    interface = Interface(
        network,
        name,
        first.input,
        last.output,
        moved(last.fields, parts[-1].offset),
        Timing(
            sum(t.latency for t in timings),
            max(t.interval for t in timings),
            tuple(p for t in timings for p in t.pipelines),
        ),
    )
    return Chain(interface, tuple(units), tuple(part.offset for part in parts))


Circuit: TypeAlias = "Chain | FoldedChain"
"""What `build` makes: unrolled units, or folded ones."""


def _folded(network: Network, options: CircuitOptions, jobs: int | None, progress: Progress) -> FoldedChain:
    """The circuit whose layers are folded as the options say."""
    from threshc.hdl.folded.build import folded_chain  # loads Amaranth
    from threshc.hdl.folded.fold import Fold, parse
    from threshc.hdl.folded.plan_file import settled

    if options.fold == "auto":
        raise fail(
            f"{option('fold', 'auto')} needs a device to fit",
            where=option("fold"),
            hint=f"{option('target')}, or PE x SIMD of every layer",
        )
    if options.scores and network.output("class") is not None:
        hint = f"omit {option('scores')}"
        raise fail("folded circuits output the class alone", where=option("scores"), hint=hint)
    folds, entry = parse(settled(options.fold or "", network))
    made = None if options.family is None else family(options.family)
    if (
        made is not None
        and made.loaded is None
        and any(isinstance(fold, Fold) and fold.store == "spram" for fold in folds)
    ):
        raise fail(
            f"{made.title} has no SPRAM",
            where=option("fold"),
            why="of the devices here the iCE40 UltraPlus has",
            hint="omit :spram, for weights in block RAM",
        )
    levels = options.pipeline if isinstance(options.pipeline, int) else FOLDED_LEVELS
    own = replace(options, fold=None, scores=False, pipeline=levels)

    def unroll(part: Network) -> Design:
        return unrolled.build_design(part, own, jobs=jobs, progress=progress)

    inputs = table_inputs(options.family)
    return folded_chain(network, folds, entry=entry, levels=levels, inputs=inputs, unroll=unroll)


def one_unit(design: Design) -> Chain:
    """Returns a design as a chain of itself alone."""
    return Chain(design.interface, (design,))
