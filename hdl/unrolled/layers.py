"""A whole network as one netlist: one left-to-right pass over its operations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from threshc.compiler.ir.layers import layer_of
from threshc.compiler.ir.moves import gather, window
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Reduce, Sum, Window
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.compiler.progress import Progress
from threshc.hdl.families.registry import table_inputs
from threshc.hdl.logic.tables import MOST_INPUTS
from threshc.hdl.naming import scopes
from threshc.hdl.pool import Pool
from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.netlist import ONE, ZERO, Netlist
from threshc.hdl.unrolled.neurons import ARCHITECTURES, Architecture, Estimate
from threshc.hdl.unrolled.thresholds import compare_words, explicit_sum, fused_compare
from threshc.hdl.unrolled.words import arg_max, offset_binary

_VAST = 1_000_000  # synapses from which cells are made as vectors, not one by one
_LARGE = 8_192  # the same for Verilog without a device: simulators compile vectors ten times as fast as single cells


@dataclass(frozen=True, slots=True)
class LayerCircuit:
    """The choice for one `Sum`: its value id, its layer's name, the architecture, its size, and an estimate.

    `estimate` is predicted from the weights, per position of a spatial layer times positions; it is not a measurement.
    """

    value: int
    name: str
    architecture: str
    neurons: int
    synapses: int
    estimate: Estimate


def digits(t: Ints) -> int:
    """Returns the bits of an integer type in two's complement (unsigned when lo >= 0)."""
    return len(plane_weights(t.lo, t.hi))


class Builder:
    """Values as literals: Bits of their own shape, Ints with a further last axis of digits."""

    def __init__(
        self,
        network: Network,
        neuron: str,
        limit: int,
        register: bool,
        wanted: set[int],
        family: str | None = None,
        effort: int = 1,
        pool: Pool | None = None,
    ) -> None:
        self.family = family
        self.network, self.neuron, self.register, self.wanted = network, neuron, register, wanted
        self.net = Netlist(limit, effort, pool)
        if family is not None:
            self.net.table_inputs = table_inputs(family)
        self.users = network.users()
        self.layers: list[LayerCircuit] = []
        self.values: list[Lits] = []
        self._fused: dict[int, Lits] = {}
        self._scopes = scopes(network)
        self._layer_of = layer_of(network)
        t = network.types[0]
        shape = (*t.shape, digits(t)) if isinstance(t, Ints) else t.shape
        self.x = self.net.inputs(int(np.prod(shape)))

    def run(self, progress: Progress) -> None:
        """Builds every value in turn."""
        for v, op in enumerate(self.network.ops):
            layer = self._layer_of.get(v)
            progress(f"circuit of {layer.name if layer else self._scopes[v]} ({v + 1} of {len(self.network.ops)})")
            self.net.scope = self._scopes[v]
            self.values.append(self._build(v, op))

    def words(self, v: int) -> tuple[Lits, bool]:
        """Returns an integer value and whether it is signed."""
        t = self.network.types[v]
        assert isinstance(t, Ints)
        return self.values[v], t.lo < 0

    def _build(self, v: int, op: Op) -> Lits:
        match op:
            case Input():
                t = self.network.types[v]
                return self.x.reshape(*t.shape, digits(t)) if isinstance(t, Ints) else self.x.reshape(t.shape)
            case Bitplanes():
                x = self.values[op.x]
                return x.reshape(*x.shape[:-2], -1)
            case Window():
                return window(op, self.values[op.x], ZERO, ONE)
            case Gather():
                return gather(op, [self.values[x] for x in op.x], ZERO, ONE)
            case Sum():
                return self._sum(v, op)
            case Compare():
                return self._compare(v, op)
            case Reduce():
                return _reduce_taps(self.net, op, self.values[op.x])
            case ArgMax():
                words, signed = self.words(op.s)
                return self._stage(arg_max(self.net, offset_binary(words, signed))[None])

    def _stage(self, lits: Lits) -> Lits:
        return self.net.register(lits) if self.register else lits

    def _sum(self, v: int, op: Sum) -> Lits:
        x = self.values[op.x]
        arch = self._choose(v, op, x)
        compares = {u: self.network.ops[u] for u in self.users[v]}
        plain = [c for c in compares.values() if isinstance(c, Compare)]
        if v in self.wanted or len(plain) < len(compares):
            t = self.network.types[v]
            assert isinstance(t, Ints)
            return self._stage(explicit_sum(self.net, arch, op, x, digits(t)))
        if plain:
            self._fused.update(zip(compares, fused_compare(self.net, arch, op, plain, x), strict=True))
        return np.zeros(0, np.int64)  # nobody reads the words

    def _compare(self, v: int, op: Compare) -> Lits:
        if v in self._fused:
            bits = self._fused.pop(v)
        else:
            words, signed = self.words(op.s)
            bits = compare_words(self.net, op, words, signed)
        self.net.mark_high_fanout(bits)
        return self._stage(bits)

    def _choose(self, v: int, op: Sum, x: Lits) -> Architecture:
        positions = x.size // x.shape[-1]
        arch = cheapest(op, self.family, positions) if self.neuron == "auto" else ARCHITECTURES[self.neuron]
        arch.check(op.weights)
        cost = arch.predict(op.weights)
        cost = Estimate(cost.lut4 * positions, cost.lut6 * positions, cost.depth4, cost.depth6)
        synapses = int(np.count_nonzero(op.weights)) * positions
        name = self._layer_of[v].name
        self.layers.append(LayerCircuit(v, name, arch.name, len(op.bias) * positions, synapses, cost))
        return arch


def _reduce_taps(net: Netlist, op: Reduce, x: Lits) -> Lits:
    """Literals of a Reduce: a tree of or / and gates per channel."""
    taps = list(x.reshape(-1, op.taps, x.shape[-1] // op.taps).swapaxes(0, 1).reshape(op.taps, -1))
    neutral = np.full(taps[0].shape, ONE if op.kind == "or" else ZERO, np.int64)
    while len(taps) > 1:
        pairs = [net.maj(a, b, neutral) for a, b in zip(taps[::2], taps[1::2], strict=False)]
        taps = pairs + taps[2 * len(pairs) :]
    out: Lits = taps[0].reshape(*x.shape[:-1], -1)
    return out


def cheapest(op: Sum, family: str | None = None, positions: int = 1) -> Architecture:
    """Returns the architecture with the fewest estimated LUTs of a device family (of four inputs without one) that
    takes the weights, the first of equals. Layers of more than a million synapses in space are built as vectors, and
    without a family those of more than 8,192: their Verilog is a tenth as long, and fast to simulate."""
    if (op.weights != 0).sum(axis=1).max(initial=0) <= 4:
        return ARCHITECTURES["table"]
    if int(np.count_nonzero(op.weights)) * positions > (_LARGE if family is None else _VAST):
        return ARCHITECTURES["compressor"]
    few = ["table"] if (op.weights != 0).sum(axis=1).max() <= MOST_INPUTS else []
    inputs = table_inputs(family)
    fits = [ARCHITECTURES[n] for n in (*few, "counters" if inputs >= 6 else "pairs")]
    return min(fits, key=lambda a: a.predict(op.weights).luts(inputs))
