"""A netlist as Amaranth: one module per layer, vectors of up to 64 cells per statement.

Wide words keep the number of statements small, which is what Amaranth, Verilator and Icarus take time for; 64 is a
simulator's machine word.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from threshc.compiler.exhaustive import assert_never
from threshc.hdl.kept import kept
from threshc.hdl.logic.tables import full
from threshc.hdl.unrolled.cell import Cell, Kind, Lits
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.dontcare.design import netlist_of
from threshc.hdl.unrolled.netlist import Netlist
from threshc.hdl.verilog import emit_verilog

LANES = 64


@kept
def portable_verilog(design: Design) -> str:
    """Returns the Verilog-2001 of a whole design; the top module `design.name` has ports clk, rst,
    {i,o}_{payload,valid,ready}. It is written once per design: simulation and synthesis both want it, and a large one
    takes a while."""
    return emit_verilog(component(design), design.name)


def component(design: Design) -> Pipeline:
    """Returns a fresh Amaranth component with streams `i` and `o` of the interface's widths."""
    net, outputs = netlist_of(design)
    (pipeline,) = design.interface.timing.pipelines
    bits = design.interface.output.bits  # behind them, what a probe leads out
    late = max((probe.late for probe in design.interface.probes), default=0)
    return Pipeline(net, design.inputs, outputs[:bits], pipeline.latency, pipeline.buffered, outputs[bits:], late)


class Pipeline(wiring.Component):
    """A netlist between two streams: `latency` registers deep, one sample per cycle, stalled as a whole.

    Every register samples while `enable` is 1, which is also `i.ready`: while the last one is empty or being taken.
    Bubbles are kept, not squeezed. Reset clears `valid` only.
    buffered: `enable` comes from a register. A result that is not taken moves to a second place in that cycle, and the
    pipeline stands still until it is taken from there. So no path leads from `o.ready` through logic to every register.
    probe: literals that leave by a stream `probe0` in the cycle in which their sample leaves the last stage, or `late`
    stages behind that; without any there is no such stream.

    For proofs, once it is elaborated: state: `valid`, and if buffered `full`, `free` and `held`; emitter: knows the
    signals of literals.
    """

    def __init__(
        self,
        net: Netlist,
        x: Lits,
        y: Lits,
        latency: int,
        buffered: bool = False,
        probe: Lits | None = None,
        late: int = 0,
    ) -> None:
        self._net, self._y, self._latency, self._buffered = net, y, latency, buffered
        self._probe, self._late = np.zeros(0, np.int64) if probe is None else probe, late
        self.state: dict[str, Signal] = {}
        self.emitter: Emitter | None = None
        members = {"i": In(stream.Signature(len(x))), "o": Out(stream.Signature(len(y)))}
        if len(self._probe):
            members["probe0"] = Out(stream.Signature(len(self._probe), always_ready=True))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        enable, valid = Signal(), Signal(self._latency)
        live = self._net.live(np.concatenate([self._y, self._probe]))
        self.emitter = emitter = Emitter(m, self._net, live, self.i.payload, enable)
        self.state = {"valid": valid}
        last = emitter.value(self._y)
        if len(self._probe):
            probe: Any = self.probe0
            leaves = Cat(valid[-1], Signal(self._late, name="late"))
            if self._late:
                with m.If(enable):
                    m.d.sync += leaves[1:].eq(leaves)
            m.d.comb += [probe.valid.eq(leaves[-1] & enable), probe.payload.eq(emitter.value(self._probe))]
        m.d.comb += self.i.ready.eq(enable)
        with m.If(enable):
            m.d.sync += valid.eq(Cat(self.i.valid, valid))
        if not self._buffered:
            m.d.comb += [
                enable.eq(~self.o.valid | self.o.ready),
                self.o.valid.eq(valid[-1]),
                self.o.payload.eq(last),
            ]
            return m
        # `full` and its inverse `enable` are two registers: one leads to all others, one to the answer.
        full, held, free = Signal(), Signal(len(self._y), reset_less=True), Signal(init=1)
        self.state |= {"full": full, "held": held, "free": free}
        stuck = self.o.valid & ~self.o.ready
        m.d.comb += [
            enable.eq(free),
            self.o.valid.eq(full | valid[-1]),
            self.o.payload.eq(Mux(full, held, last)),
        ]
        m.d.sync += [full.eq(stuck), free.eq(~stuck)]
        with m.If(enable):
            m.d.sync += held.eq(last)
        return m


class Emitter:
    """Writes the live cells of a netlist into submodules of `m`, one per scope, and finds the signals of literals."""

    def __init__(self, m: Module, net: Netlist, live: NDArray[np.bool_], x: Value, enable: Value | None) -> None:
        self._signals: list[Value] = [x]
        self._where = np.full(net.count, -1, np.int64)  # signal of each bit; -1 is the constant
        self._offset = np.zeros(net.count, np.int64)
        self._modules: dict[str, Module] = {}
        self._top, self._enable = m, enable
        for cell in net.cells:
            if cell.kind is Kind.INPUT:
                self._bind(0, np.arange(cell.first, cell.first + cell.width))
                continue
            kept = np.flatnonzero(live[cell.first : cell.first + cell.width])
            if cell.kind is Kind.ADD and len(kept):
                self._statement(cell, np.arange(kept[-1] + 1), cell.operands)
                continue
            for start in range(0, len(kept), LANES):
                lanes = kept[start : start + LANES]
                self._statement(cell, lanes, tuple(o[lanes] for o in cell.operands))

    def value(self, lits: Lits) -> Value:
        """Returns the literals as one word, first literal lowest."""
        where, offset = self._where[lits >> 1], self._offset[lits >> 1]
        same = (where[1:] == where[:-1]) if len(lits) else np.zeros(0, np.bool_)
        step = np.where(same, offset[1:] - offset[:-1], 2) if len(lits) else same
        parts: list[Value] = []
        start, count = 0, len(lits)
        while start < count:
            stride = int(step[start]) if start + 1 < count else 2
            end = start + 1
            while stride in (0, 1) and end < count and step[end - 1] == stride:
                end += 1
            parts.append(self._run(int(where[start]), int(offset[start]), end - start, stride))
            start = end
        mask = int.from_bytes(np.packbits((lits & 1).astype(np.uint8), bitorder="little").tobytes(), "little")
        if count > 1 and (step == 0).all() and where[0] >= 0:  # one bit for all lanes: shorter than a concatenation
            every = (1 << count) - 1
            return Mux(self._signals[int(where[0])][int(offset[0])], Const(every ^ mask, count), Const(mask, count))
        word = parts[0] if len(parts) == 1 else Cat(*parts)
        if not mask:
            return word
        if mask == (1 << count) - 1:
            return Const(mask, count) if (where < 0).all() else ~word
        return Const(mask, count) if (where < 0).all() else word ^ Const(mask, count)

    def _run(self, signal: int, offset: int, count: int, stride: int) -> Value:
        if signal < 0:
            return Const(0, count)
        source = self._signals[signal]
        if stride == 0:
            return source[offset].replicate(count)
        return source if count == len(source) else source[offset : offset + count]

    def _bind(self, signal: int, bits: Lits) -> None:
        self._where[bits] = signal
        self._offset[bits] = np.arange(len(bits))

    def _module(self, scope: str) -> Module:
        if scope and scope not in self._modules:
            self._modules[scope] = self._top.submodules[scope] = Module()
        return self._modules[scope] if scope else self._top

    def _statement(self, cell: Cell, lanes: Lits, operands: tuple[Lits, ...]) -> None:
        m = self._module(cell.scope)
        name = f"{cell.kind.value}{len(self._signals)}"
        out = Signal(len(lanes), name=name, reset_less=True)
        words = [self.value(o) for o in operands]
        match cell.kind:
            case Kind.XOR:
                m.d.comb += out.eq(words[0] ^ words[1] ^ words[2])
            case Kind.MAJ:
                a, b, c = (self._named(m, f"{name}_{k}", w) for k, w in zip("abc", words, strict=True))
                m.d.comb += out.eq((a & b) | (c & (a | b)))
            case Kind.MUX:
                s, one, zero = (self._named(m, f"{name}_{k}", w) for k, w in zip("spq", words, strict=True))
                m.d.comb += out.eq((s & one) | (~s & zero))
            case Kind.ADD:
                m.d.comb += out.eq(words[0] + words[1] + words[2])
            case Kind.LUT:
                m.d.comb += out.eq(self._table(m, name, cell.table, words))
            case Kind.REG:
                with m.If(self._enable):
                    m.d.sync += out.eq(words[0])
            case Kind.INPUT:
                raise AssertionError("inputs are bound, not made")
            case _:
                assert_never(cell.kind)
        self._bind(len(self._signals), cell.first + lanes)
        self._signals.append(out)

    def _table(self, m: Module, name: str, table: int, words: list[Value]) -> Value:
        """A truth table over words, bit by bit: a decision diagram, its shared nodes behind signals."""
        width = len(words[0])
        every = Const((1 << width) - 1, width)
        inputs = [self._named(m, f"{name}_{k}", w) for k, w in enumerate(words)]
        made: dict[tuple[int, int], Value] = {}

        def node(truth: int, k: int) -> Value:
            if truth == 0 or truth == full(k):
                return every if truth else Const(0, width)
            if (found := made.get((truth, k))) is not None:
                return found
            if (other := made.get((truth ^ full(k), k))) is not None:
                return ~other
            half = 1 << (k - 1)
            low, high, x = truth & ((1 << half) - 1), truth >> half, inputs[k - 1]
            if low == high:
                return node(low, k - 1)
            if low ^ high == full(k - 1):
                value = x ^ node(low, k - 1)
            elif low == 0:
                value = x & node(high, k - 1)
            elif high == 0:
                value = ~x & node(low, k - 1)
            elif high == full(k - 1):
                value = x | node(low, k - 1)
            elif low == full(k - 1):
                value = ~x | node(high, k - 1)
            else:
                value = (x & node(high, k - 1)) | (~x & node(low, k - 1))
            made[truth, k] = named = self._named(m, f"{name}_t{len(made)}", value)
            return named

        return node(table, len(inputs))

    def _named(self, m: Module, name: str, word: Value) -> Value:
        """A word that is used twice, behind a signal unless it is one already."""
        if isinstance(word, Signal | Const):
            return word
        signal = Signal(len(word), name=name)
        m.d.comb += signal.eq(word)
        return signal
