"""Chips of a partition joined by their streams: one circuit for simulations, as if they stood on one board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from amaranth.lib.wiring import Component

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.network import Network
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.partition import Partition
from threshc.hdl.folded.probes import Shown
from threshc.hdl.interface import Interface, Probe, Timing, moved
from threshc.hdl.naming import sanitize
from threshc.hdl.streams import joined_component, joined_verilog


@dataclass(frozen=True, eq=False)
class JoinedChips:
    """The circuits of all chips with probes, one behind the other. interface: of the whole network."""

    interface: Interface
    chips: tuple[FoldedChain, ...]

    def component(self) -> Component:
        """Returns a fresh Amaranth component with streams `i` and `o`, and `probeK`."""
        return joined_component([chip.component() for chip in self.chips], self.interface)

    def verilog(self) -> str:
        """Returns the Verilog of all chips, and of the module that joins them, which is the first one."""
        joined = joined_verilog(self.interface, [chip.interface for chip in self.chips])
        return "\n".join([joined, *(chip.verilog() for chip in self.chips)])

    def files(self) -> Mapping[str, str]:
        """Returns the files that the Verilog reads, by their names: the weights of each layer."""
        return {name: text for chip in self.chips for name, text in chip.files().items()}


def joined_chips(network: Network, partition: Partition, *, inputs: int = 4) -> JoinedChips:
    """Makes the circuits of a partition of a network and joins them. inputs: of the family's tables.

    Raises CompileError as `threshc.hdl.folded.build.folded_chain` does, and for weights in SPRAM.
    """
    for k, chip in enumerate(partition.chips):
        if chip.plan.sprams:
            raise fail(
                "weights that are loaded at start are not simulated over several chips",
                where=f"chip {k}",
                why=f"it holds weights in {chip.plan.sprams} SPRAMs, which no bitstream fills",
                hint=f"omit {option('samples')}",
            )
    made, probes, name = list[FoldedChain](), list[Probe](), sanitize(network.name, "network")
    for k, chip in enumerate(partition.chips):
        chain = folded_chain(chip.part.network, chip.plan.folds, entry=chip.plan.entry, inputs=inputs)
        if chip.behind:  # what goes on is hidden in the whole network
            (field,), beats = chain.interface.fields, chain.interface.output
            picked = () if beats.bits == field.width else tuple(range(field.width))
            shown = Shown(len(chain.parts) - 1, field, beats.count, picked)
            chain = replace(chain, shown=(*chain.shown, shown))
        made.append(replace(chain, interface=replace(chain.interface, name=f"{name}_chip{k}")).probed())
        probes += [replace(p, fields=moved(p.fields, chip.part.offset)) for p in made[-1].interface.probes]
    first, last = made[0].interface, made[-1].interface
    whole = Interface(
        network,
        name,
        first.input,
        last.output,
        moved(last.fields, partition.chips[-1].part.offset),
        Timing(
            sum(chip.interface.timing.latency for chip in made),
            max(chip.interface.timing.interval for chip in made),
            tuple(p for chip in made for p in chip.interface.timing.pipelines),
        ),
        tuple(probes),
    )
    return JoinedChips(whole, tuple(made))
