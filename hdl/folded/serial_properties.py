"""What is demanded of a layer whose inputs' planes come one after the other, beside what is of every folded layer.

Rounds instead of passes: each reads all chunks of a sample in order, with the weights of its group, of one plane, the
highest first; the last round of a sample gives them back. A pass ends with the lowest plane's last chunk. Accumulators
are doubled behind a round that ends no pass, threshold bits are 0 but for the lowest plane, and the bits of a step's
plane meet its words.
"""

from __future__ import annotations

from collections.abc import Iterator

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from threshc.hdl.folded.properties import Properties
from threshc.hdl.folded.serial_unit import SerialComponent, plane_bits


class SerialProperties(Properties):
    """A layer's circuit and the bit `ok`, as `Properties` are."""

    part: SerialComponent

    def _window(self, m: Module) -> Iterator[Value]:
        c = self.part.control
        yield (c.plane < c.planes) & Const(c.planes == self.part.unit.layer.planes)
        yield from super()._window(m)

    @property
    def _is_first(self) -> Value:
        c = self.part.control
        return (c.group == 0) & (c.plane == 0)

    @property
    def _is_last(self) -> Value:
        c = self.part.control
        return (c.group == c.groups - 1) & (c.plane == c.planes - 1)

    @property
    def _closes(self) -> Value:
        return self.part.control.final

    def _decisions(self) -> Iterator[Value]:
        c = self.part.control
        lowest = c.plane == c.planes - 1
        yield from super()._decisions()
        yield c.lowest == lowest
        yield c.final == (lowest & (c.chunk == c.chunks - 1))
        yield c.turn == (c.step & (c.chunk == c.chunks - 1))

    def _sums(self, m: Module) -> Iterator[Value]:
        pipes = self.part.pipes
        for turn, step in zip(pipes["turn"], pipes["step"], strict=False):
            yield ~turn | step
        yield from super()._sums(m)

    def _lengths(self) -> dict[str, int]:
        both, shared = 3 + sum(self.latencies), self.latencies[0]
        return {
            "step": both,
            "done": both + self.part.unit.layer.compares,
            "turn": both,
            "address": shared + 1,
            "plane": 2,
            "lowest": shared + 3,
        }

    def _inputs(self, m: Module) -> Iterator[Value]:
        """A bit of the plane of a step, which one bit for each plane says, two cycles later; but for what a reset in
        between has cut off from its step."""
        part, layer = self.part, self.part.unit.layer
        (_, now, after), planes = part.pipes["plane"], range(layer.planes)
        one, two = Signal(), Signal()  # so many cycles behind a reset, or more
        m.d.sync += [one.eq(1), two.eq(one)]
        for k, near in enumerate(part.near):
            bits, want, wanted = plane_bits(layer, part.x[1], k), Signal(), Signal()
            m.d.sync += [
                want.eq(Cat(*((now == p) & bit for p, bit in zip(planes, bits, strict=True))).any()),
                wanted.eq(want),
            ]
            parts = [(after[2:] == n) & bit for n, bit in enumerate(near)] if len(near) > 1 else [near]
            yield ~one | (Cat(*parts).any() == want)
            yield ~two | (part.x[0][k] == wanted)

    def _word(self, word: Value) -> Value:
        thresholds = len(self.part.unit.layer.exponents)
        weights, lowest = len(word) - thresholds, self.part.pipes["lowest"][-1]
        return Cat(word[:weights], *(Mux(lowest, bit, 0) for bit in word[weights:]))

    def _next(self, acc: Value, total: Value) -> Value:
        step, turn = self.part.pipes["step"][-1], self.part.pipes["turn"][-1]
        return Mux(step, Mux(turn, Cat(Const(0, 1), total[:-1]), total), acc)
