"""A folded layer that adds its inputs' bits plane by plane, the highest first, and doubles its sums between two planes.

So it has the lanes of a layer of bits, a multiplexer of an input's bits for all neurons, and takes as many times the
cycles. What a sum begins with is doubled, too: accumulators begin with a part of it, and threshold bits of the weight
words, which are added with the lowest plane alone, make the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from threshc.hdl.folded.core import core
from threshc.hdl.folded.later import later
from threshc.hdl.folded.layer import FoldedLayer, Store
from threshc.hdl.folded.serial_control import SerialControl
from threshc.hdl.folded.serial_schedule import SerialStage
from threshc.hdl.folded.unit import AROUND, FoldedUnit, UnitComponent

_AT_ONCE = 4
"""Planes that are chosen among before a register, two tables deep."""


@dataclass(frozen=True, eq=False)
class SerialUnit(FoldedUnit):
    """A folded layer whose inputs' planes come one after the other (`FoldedLayer.serial`)."""

    @property
    def summed(self) -> int:
        """Cycles from a step to its pass's sum in a register: one more than usual, for a plane to be chosen."""
        return FoldedUnit.summed.fget(self) + 1  # type: ignore[attr-defined, no-any-return]

    def stage(self) -> SerialStage:
        """Returns the unit's part of the cycle model, empty."""
        layer = self.layer
        return SerialStage(
            chunks=layer.chunks,
            groups=layer.groups,
            places=self.places,
            queue=self.queue,
            latency=self.latency,
            planes=layer.planes,
        )

    def component(self, instances: bool = True) -> SerialComponent:
        """Returns a fresh component, as `FoldedUnit.component` does."""
        return SerialComponent(self, instances)


def serial_unit(
    name: str, layer: FoldedLayer, *, places: int = 0, queue: int = 0, levels: int = 2, store: Store = "block"
) -> SerialUnit:
    """Makes a unit as `threshc.hdl.folded.unit.folded_unit` does, of a layer whose planes come one after the other."""
    made = core(layer, levels)
    enough = -(-(AROUND + made.latency + layer.compares + 3) // (layer.chunks * layer.planes))
    return SerialUnit(name, layer, made, places or 2 * layer.chunks, queue or enough, store)


class SerialComponent(UnitComponent):
    """See `SerialUnit.component`. For proofs beside what `UnitComponent` has: near, bits chosen among some planes; the
    pipes turn, plane and lowest."""

    control: SerialControl

    def _schedule(self) -> SerialControl:
        layer, unit = self.unit.layer, self.unit
        return SerialControl(layer.chunks, layer.groups, unit.places, unit.queue, layer.planes)

    def elaborate(self, platform: object) -> Module:
        m, unit, layer, control = Module(), self.unit, self.unit.layer, self.control
        m.submodules.control = control
        m.submodules.buffer = buffer = Memory(shape=layer.beat_bits, depth=unit.places, init=[])
        self.write, self.read = write, read = buffer.write_port(), buffer.read_port()
        m.d.comb += [
            control.offered.eq(self.i.valid),
            self.i.ready.eq(control.accept),
            write.addr.eq(control.write),
            write.data.eq(self.i.payload),
            write.en.eq(self.i.valid & self.i.ready),
            read.addr.eq(control.read),
        ]
        shared = unit.core.shared.latency
        for name, value, cycles in (
            ("step", control.step, unit.summed - 1),
            ("done", control.done, unit.latency - 1),
            ("turn", control.turn, unit.summed - 1),
            ("address", control.address, shared + 1),
            ("plane", control.plane, 2),
            ("lowest", control.lowest, shared + 3),
        ):
            self.pipes[name] = later(m, value, cycles)
        x = self._chosen(m, read.data)
        self.x = (x, read.data)
        common = self._module(m, "inputs", unit.core.shared, [("x", x)], "common")
        self.word = word = self._words(m)
        self.adds, self.clears = adds, clears = Signal(init=1, name="adds"), Signal(init=1, name="clears")
        m.d.sync += [adds.eq(self.pipes["step"][-2]), clears.eq(self.pipes["done"][unit.summed - 2])]
        done, bits = self.pipes["done"][unit.summed - 1], layer.word_bits
        answers = []
        for k in range(layer.pe):
            own = self.own_word(word[k * bits : (k + 1) * bits])
            count = self._module(m, "neuron", unit.core.neuron, [("x", common), ("w", own)], "count", f"_{k}")
            answers.append(self._accumulated(m, k, count, done))
        found = Cat(*answers) if self.levels is None else self._compared(m, self.levels, Cat(*answers))
        self._queue(m, control, found, self.pipes["done"][-1])
        return m

    def own_word(self, word: Value) -> Value:
        """Returns a neuron's word, its threshold bits 0 but for the lowest plane."""
        weights = self.unit.layer.word_bits - len(self.unit.layer.exponents)
        thresholds = word[weights:]
        return Cat(word[:weights], thresholds & self.pipes["lowest"][-1].replicate(len(thresholds)))

    def _chosen(self, m: Module, data: Value) -> Signal:
        """The plane's bit of every input, two cycles behind the step."""
        layer, plane = self.unit.layer, self.pipes["plane"]
        parts = -(-layer.planes // _AT_ONCE)
        self.near = [Signal(parts, name=f"near_{k}", reset_less=True) for k in range(layer.simd)]
        x = Signal(layer.simd, reset_less=True)
        for k, near in enumerate(self.near):
            bits = plane_bits(layer, data, k)
            groups = [bits[n : n + _AT_ONCE] for n in range(0, len(bits), _AT_ONCE)]
            m.d.sync += [near.eq(Cat(*(_one_of(group, plane[1][:2]) for group in groups)))]
            m.d.sync += x[k].eq(_one_of([*near], plane[2][2:]))
        return x

    def _accumulated(self, m: Module, k: int, count: Value, done: Value) -> Value:
        layer = self.unit.layer
        begin, turn = layer.accumulator_start, self.pipes["turn"][-1]
        acc = Signal(layer.bits, name=f"acc_{k}", init=begin, reset_less=True)
        total = Signal(layer.bits, name=f"sum_{k}")
        m.d.comb += total.eq(acc + count)
        with m.If(self.adds):
            m.d.sync += acc.eq(Mux(self.clears, begin, Mux(turn, total << 1, total)))
        answer = Signal(1 if layer.answer == "bits" else layer.bits, name=f"answer_{k}", reset_less=True)
        with m.If(done):
            m.d.sync += answer.eq(total[-1] if layer.answer == "bits" else total)
        self.neurons.append((acc, count, answer))
        return answer


def plane_bits(layer: FoldedLayer, data: Value, k: int) -> list[Value]:
    """Returns the bits of input k in a chunk by plane, the highest first, which is inverted where inputs are signed."""
    bits: list[Value] = [data[k * layer.planes + p] for p in reversed(range(layer.planes))]
    assert layer.serial is not None
    return [~bits[0], *bits[1:]] if layer.serial.is_signed else bits


def _one_of(bits: list[Value], nth: Value) -> Value:
    """The bit of a number, 0 beyond the last."""
    return bits[0] if len(bits) == 1 else Cat(*bits, C(0, (1 << len(nth)) - len(bits))).bit_select(nth, 1)
