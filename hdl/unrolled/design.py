"""A network as one pipelined circuit between two streams: what its writers read."""

from __future__ import annotations

from dataclasses import dataclass

from threshc.compiler.ir.network import Network
from threshc.hdl.interface import Interface
from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.dontcare.cut import Replacement
from threshc.hdl.unrolled.layers import LayerCircuit
from threshc.hdl.unrolled.netlist import Netlist


@dataclass(frozen=True, eq=False)
class Design:
    """A compiled network, ready to be emitted: a record that does not know its writers.

    `threshc.hdl.unrolled.build` makes it; `emit`, `mapped`, `lower` and `certify` beside it are what it becomes.

    interface: what is known of it from outside: one beat per sample, one sample per cycle. neurons: the architecture of
    every `Sum`, with estimates. values: the netlist's literals of every value of the network (a Sum that only
    thresholds read has none), for proofs. netlist: without don't-cares; replaced: tables of its circuit that are
    emitted otherwise because of them; tables: look-up tables of the family (of four inputs without one) without and
    with them, (0, 0) where they were not looked for.
    """

    interface: Interface
    neurons: tuple[LayerCircuit, ...]
    netlist: Netlist
    inputs: Lits
    outputs: Lits
    values: tuple[Lits, ...] = ()
    replaced: tuple[Replacement, ...] = ()
    tables: tuple[int, int] = (0, 0)

    @property
    def network(self) -> Network:
        """The network that the design computes."""
        return self.interface.network

    @property
    def name(self) -> str:
        """The Verilog module's."""
        return self.interface.name
