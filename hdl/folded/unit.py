"""A folded layer between two streams: buffer of chunks, control, weights, PE neurons, their sums, queue of answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from threshc.hdl.families.base import Family
from threshc.hdl.folded.control import Control
from threshc.hdl.folded.core import Core, smallest
from threshc.hdl.folded.later import later
from threshc.hdl.folded.layer import FoldedLayer, Store
from threshc.hdl.folded.levels import Levels
from threshc.hdl.folded.loaded import (
    LoadedMemory,
    address_bits,
    columns,
    load_signature,
    loaded_module,
    memories,
)
from threshc.hdl.folded.rom import hexadecimal, integers, rom
from threshc.hdl.folded.schedule import FoldedStage
from threshc.hdl.folded.staged_text import StagedLogic, staged_verilog
from threshc.hdl.folded.weights import Bits
from threshc.hdl.folded.window_control import WindowControl
from threshc.hdl.folded.window_schedule import WindowStage

AROUND = 3
"""Registers beside those of the arithmetic: the block RAM's two, and one between the sum and the queue."""


@dataclass(frozen=True, eq=False)
class FoldedUnit:
    """A folded layer with all that its circuit is made of.

    name: what its modules are called after; places: of the buffer, in chunks; queue: places for answers; store: what
    the weights stand in, block RAM, look-up tables or memories that are written at start (`loaded.py`).
    """

    name: str
    layer: FoldedLayer
    core: Core
    places: int
    queue: int
    store: Store

    @property
    def summed(self) -> int:
        """Cycles from a step to its pass's sum, or its sign, in a register: block RAM, the arithmetic, the sum."""
        return AROUND + self.core.latency

    @property
    def latency(self) -> int:
        """Cycles from a step to its pass's answer in a register."""
        return self.summed + self.layer.compares

    def stage(self) -> FoldedStage:
        """Returns the unit's part of the cycle model, empty."""
        walk, stage = self.layer.walk, FoldedStage()
        if walk is not None:
            needs, frees = walk.need.ravel().tolist(), walk.frees.ravel().tolist()
            stage = WindowStage(needs=needs, frees=frees, size=walk.size)
        stage.chunks, stage.groups, stage.latency = self.layer.chunks, self.layer.groups, self.latency
        stage.places, stage.queue = self.places, self.queue
        return stage

    def modules(self, family: Family | None) -> str:
        """Returns the Verilog of the modules that the unit's component instantiates: weights, inputs, neuron."""
        layer, shared, neuron = self.layer, self.core.shared, self.core.neuron
        common, weights = len(shared.outputs), f"{self.name}_weights"
        if self.store == "spram":
            roms = [loaded_module(weights, self.memory_file, layer.depth, layer.pe * layer.own_bits, family)]
        else:
            roms = [rom(weights, self.memory_file, layer.words(), layer.pe, self.store, family)]
        if self.has_starts:
            name, store = f"{self.name}_starts", self.store if self.store == "lut" else "block"
            roms.append(rom(name, self.starts_file, layer.starts(), layer.pe, store, family))
        inputs = staged_verilog(shared, f"{self.name}_inputs", [("x", layer.in_bits)], "common", family)
        ports = [("x", common), ("w", layer.word_bits)]
        return "".join([*roms, inputs, staged_verilog(neuron, f"{self.name}_neuron", ports, "count", family)])

    @property
    def loads(self) -> list[NDArray[np.uint16]]:
        """The contents that its memories are given at start, [] for a store that a bitstream fills."""
        return columns(self.layer.words()) if self.store == "spram" else []

    @property
    def memory_file(self) -> str:
        """The name of the file that the weight memory is read from."""
        return f"{self.name}_weights.mem"

    def memory_text(self) -> str:
        """Returns the weight memory as lines of hexadecimal digits, for $readmemh."""
        return hexadecimal(self.layer.words())

    @property
    def starts_file(self) -> str:
        """The name of the file that threshold bits are read from which have a memory of their own."""
        return f"{self.name}_starts.mem"

    def files(self) -> dict[str, str]:
        """Returns the files that its modules read, by their names."""
        found = {self.memory_file: self.memory_text()}
        return found | ({self.starts_file: hexadecimal(self.layer.starts())} if self.has_starts else {})

    @property
    def has_starts(self) -> bool:
        """Threshold bits stand in a memory of their own."""
        return self.layer.patterns > 1 and bool(self.layer.exponents)

    def component(self, instances: bool = True) -> UnitComponent:
        """Returns a fresh component with streams `i` (SIMD bits) and `o` (`layer.out_bits`). instances: it names the
        modules of `modules`; else it is Amaranth throughout, which Amaranth's simulator needs."""
        return UnitComponent(self, instances)


def folded_unit(
    name: str, layer: FoldedLayer, *, places: int = 0, queue: int = 0, levels: int = 2, store: Store = "block"
) -> FoldedUnit:
    """Makes the arithmetic of a layer with a register behind every `levels` tables. places: 0 for so many that a steady
    source never waits; queue: 0 for as few places as let nothing wait that need not."""
    layer, made = smallest(layer, levels)
    enough = -(-(AROUND + made.latency + layer.compares + 2) // layer.chunks)
    return FoldedUnit(name, layer, made, places or layer.usual_places, queue or enough, store)


class UnitComponent(wiring.Component):
    """See `FoldedUnit.component`. It has the port `load` for a memory that is written at start.

    For proofs, once it is elaborated: control; places: for answers, of which `filled` hold one, and held: whether the
    registers before do; pipes: step, done and address, now and 1, 2, .. cycles later; write, read: ports of the buffer;
    x: behind it, and what that samples; word: of weights; neurons: accumulator, count and the register of the answer,
    or of the sum that is compared, of each; levels: the comparators, and answer: the register behind them; instances:
    of the modules, the values at their ports by name.
    """

    def __init__(self, unit: FoldedUnit, instances: bool) -> None:
        self.unit, self._instances = unit, instances
        layer = unit.layer
        ends = {"i": In(stream.Signature(layer.beat_bits)), "o": Out(stream.Signature(layer.out_bits))}
        loads = memories(layer.pe * layer.own_bits) if unit.store == "spram" else 0
        super().__init__(ends | ({"load": In(load_signature(loads, address_bits(layer.depth)))} if loads else {}))
        self.control: Control | WindowControl = self._schedule()
        self.filled, self.held = Signal(range(max(unit.queue, 2)), name="filled"), Signal(name="held")
        self.pipes: dict[str, list[Value]] = {}
        self.instances: dict[str, dict[str, Value]] = {}
        self.neurons: list[tuple[Signal, Value, Value]] = []
        self.levels = None if layer.needs is None else Levels(layer)
        self.answer = Signal(layer.out_bits, name="answer", reset_less=True)

    def _schedule(self) -> Control | WindowControl:
        layer, unit = self.unit.layer, self.unit
        if layer.walk is not None:
            return WindowControl(layer.walk, layer.groups, unit.places, unit.queue)
        return Control(layer.chunks, layer.groups, unit.places, unit.queue)

    def elaborate(self, platform: object) -> Module:
        m, unit, layer = Module(), self.unit, self.unit.layer
        m.submodules.control = control = self.control
        m.submodules.buffer = buffer = Memory(shape=layer.in_bits, depth=unit.places, init=[])
        self.write, self.read = write, read = buffer.write_port(), buffer.read_port()
        m.d.comb += [
            control.offered.eq(self.i.valid),
            self.i.ready.eq(control.accept),
            write.addr.eq(control.write),
            write.data.eq(self.i.payload),
            write.en.eq(self.i.valid & self.i.ready),
            read.addr.eq(control.read),
        ]
        x = Signal(layer.in_bits, reset_less=True)  # behind the buffer's own output
        m.d.sync += x.eq(read.data)
        delayed = [("step", control.step, unit.summed - 1), ("done", control.done, unit.latency - 1)]
        addresses = [("address", control.address)]
        if isinstance(control, WindowControl):
            addresses += [("start", control.start)] if unit.has_starts else []
            if layer.walk is not None and layer.walk.pads_of.any():
                delayed.append(("pad", control.pad, 1))
        for name, value in addresses:
            delayed.append((name, value, unit.core.shared.latency))  # words come as late as what they meet
        for name, value, cycles in delayed:
            self.pipes[name] = later(m, value, cycles)
        if "pad" in self.pipes:  # what is read there is of another pixel
            with m.If(self.pipes["pad"][-1]):
                m.d.sync += x.eq(0)
        common = self._module(m, "inputs", unit.core.shared, [("x", x)], "common")
        self.x, self.word = (x, read.data), self._words(m)
        word, done = self.word, self.pipes["done"][unit.summed - 1]
        # A reset is a cycle in which accumulators begin anew, so what they wait for are two registers and no table.
        self.adds, self.clears = adds, clears = Signal(init=1, name="adds"), Signal(init=1, name="clears")
        m.d.sync += [adds.eq(self.pipes["step"][-2]), clears.eq(self.pipes["done"][unit.summed - 2])]
        answers = []
        for k in range(layer.pe):
            own = word[k * layer.word_bits : (k + 1) * layer.word_bits]
            count = self._module(m, "neuron", unit.core.neuron, [("x", common), ("w", own)], "count", f"_{k}")
            answers.append(self._accumulated(m, k, count, done))
        found = Cat(*answers) if self.levels is None else self._compared(m, self.levels, Cat(*answers))
        self._queue(m, control, found, self.pipes["done"][-1])
        return m

    def _module(
        self, m: Module, name: str, made: object, inputs: list[tuple[str, Value]], output: str, nth: str = ""
    ) -> Value:
        part = getattr(self.unit.core, {"inputs": "shared", "neuron": "neuron"}[name])
        if not self._instances:
            m.submodules[name + nth] = logic = StagedLogic(part)
            m.d.comb += logic.i.eq(Cat(*(value for _, value in inputs)))
            return logic.o
        out = Signal(len(part.outputs), name=output + nth)
        self._instance(m, name, nth, dict(inputs), {output: out})
        return out

    def _instance(self, m: Module, name: str, nth: str, ins: dict[str, Value], outs: dict[str, Value]) -> None:
        ports = [("i", port, value) for port, value in ins.items()]
        ports += [("o", port, value) for port, value in outs.items()]
        m.submodules[name + nth] = Instance(f"{self.unit.name}_{name}", ("i", "clk", ClockSignal()), *ports)
        self.instances[name + nth] = ins | outs

    def _words(self, m: Module) -> Value:
        """The words of all neurons: out of one memory, or of the weights' and that of threshold bits."""
        layer, words = self.unit.layer, self.unit.layer.words()
        own = self._memory(m, "weights", self.pipes["address"][-1], words, self.unit.store == "spram")
        if not self.unit.has_starts:
            return own
        more = self._memory(m, "starts", self.pipes["start"][-1], layer.starts(), False)
        n, e = layer.own_bits, len(layer.exponents)
        return Cat(*(part for k in range(layer.pe) for part in (own[k * n : k * n + n], more[k * e : k * e + e])))

    def _memory(self, m: Module, name: str, address: Value, words: Bits, is_loaded: bool) -> Value:
        depth, width = words.shape
        if self._instances:
            word = Signal(width)
            given = address if len(address) else Const(0, 1)  # of one word: a port without a wire would be undefined
            ins = {"address": given}
            if is_loaded:
                load: Any = self.load
                ins |= {"load_write": load.write, "load_address": load.address, "load_data": load.data}
            self._instance(m, name, "", ins, {"word": word})
            return word
        if is_loaded:
            m.submodules[name] = self.weights = loaded = LoadedMemory(words)
            wiring.connect(m, wiring.flipped(self.load), loaded.load)
            m.d.comb += loaded.address.eq(address)
            return later(m, loaded.first, 1)[-1]
        m.submodules[name] = memory = Memory(shape=width, depth=depth, init=integers(words))
        port = memory.read_port()
        m.d.comb += port.addr.eq(address)
        return later(m, port.data, 1)[-1]

    def _accumulated(self, m: Module, k: int, count: Value, done: Value) -> Value:
        layer = self.unit.layer
        begin = layer.accumulator_start
        acc = Signal(layer.bits, name=f"acc_{k}", init=begin, reset_less=True)
        total = Signal(layer.bits, name=f"sum_{k}")
        m.d.comb += total.eq(acc + count)
        with m.If(self.adds):
            m.d.sync += acc.eq(Mux(self.clears, begin, total))
        answer = Signal(1 if layer.answer == "bits" else layer.bits, name=f"answer_{k}", reset_less=True)
        with m.If(done):
            m.d.sync += answer.eq(total[-1] if layer.answer == "bits" else total)
        self.neurons.append((acc, count, answer))
        return answer

    def _compared(self, m: Module, levels: Levels, sums: Value) -> Value:
        """The answer behind the last comparison, in a register."""
        m.submodules.levels = levels
        busy = self.pipes["done"][self.unit.summed :]
        m.d.comb += [levels.sums.eq(sums), levels.step.eq(Cat(*busy).any())]
        with m.If(busy[-1]):
            m.d.sync += self.answer.eq(levels.answer)
        return self.answer

    def _queue(self, m: Module, control: Control, answer: Value, done: Value) -> None:
        """The answers' own registers are the queue's last place: what is held there moves on as soon as it can."""
        filled, held, taken, put = self.filled, self.held, control.taken, Signal()
        count = max(self.unit.queue - 1, 1)
        self.places = places = [Signal(len(answer), name=f"place_{k}", reset_less=True) for k in range(count)]
        m.d.comb += [
            self.o.valid.eq(filled != 0),
            self.o.payload.eq(places[0]),
            taken.eq(self.o.valid & self.o.ready),
            put.eq(held & ((filled != count) | taken)),
        ]
        m.d.sync += [filled.eq(filled + put - taken), held.eq(done | (held & ~put))]
        for k in range(count):
            with m.If(put & (filled == k + taken)):
                m.d.sync += places[k].eq(answer)
            if k + 1 < count:
                with m.Elif(taken):
                    m.d.sync += places[k].eq(places[k + 1])
