"""A sample of several payloads on its way from bytes into a network, and out again where the request was an error."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, Value

from threshc.hdl.interface import Interface


class Feed:
    """Offers each payload as soon as its bytes are there, and counts what of the sample was given and answered."""

    def __init__(self, m: Module, interface: Interface, sample: Any, answer: Any, size: int) -> None:
        """sample, answer: the network's streams as the engine has them; size: bytes of a payload."""
        self._m, self._sample, self._answer, self._size = m, sample, answer, size
        self._payloads, self._answers = interface.input.count, interface.output.count
        self._fill, self._filled, self._offered = Signal(range(size + 1)), Signal(), Signal()
        self._all_given, self._all_taken, self._begun = Signal(), Signal(), Signal()
        self._given, self._taken = Signal(range(self._payloads + 1)), Signal(range(self._answers + 1))
        m.d.comb += sample.valid.eq(self._offered)
        m.d.sync += self._filled.eq(self._fill == size - 1)  # bytes are far apart
        with m.If(self._offered & sample.ready):
            m.d.sync += [self._offered.eq(0), self._given.eq(self._given + 1)]
            m.d.sync += self._all_given.eq(self._given == self._payloads - 1)

    def start(self) -> None:
        """Expects a new sample."""
        self._m.d.sync += [self._fill.eq(0), self._given.eq(0), self._taken.eq(0)]
        self._m.d.sync += [self._begun.eq(0), self._all_given.eq(0), self._all_taken.eq(0)]

    def byte(self) -> Value:
        """Counts a byte of the sample; returns whether it has come too early."""
        m = self._m
        m.d.sync += self._fill.eq(self._fill + 1)
        with m.If(self._filled):
            m.d.sync += [self._fill.eq(0), self._offered.eq(1), self._begun.eq(1)]
        return self._offered

    def emptied(self, idle: Value) -> Value:
        """Ends a sample that was begun with any bits and throws its answer away; returns whether that is done.

        idle: whether no earlier answer is on its way to the host.
        """
        m = self._m
        with m.If(self._begun & ~self._offered & ~self._all_given):
            m.d.sync += self._offered.eq(1)
        with m.If(self._begun & idle & ~self._all_taken):
            m.d.comb += self._answer.ready.eq(1)
            with m.If(self._answer.valid):
                m.d.sync += [self._taken.eq(self._taken + 1), self._all_taken.eq(self._taken == self._answers - 1)]
        return idle & (~self._begun | (self._all_given & self._all_taken))
