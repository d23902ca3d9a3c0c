"""The board's side of the byte protocol (docs/reference/protocol.md): bytes to samples, answers to bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.crc import Algorithm
from amaranth.lib.wiring import In, Out

from threshc.hdl.interface import Interface
from threshc.hdl.payload import byte_count
from threshc.hdl.shell import protocol
from threshc.hdl.shell.crc import POLYNOMIAL
from threshc.hdl.shell.feed import Feed
from threshc.hdl.shell.image import image_size
from threshc.hdl.shell.protocol import (
    ANSWER,
    BODY_SIZE,
    COUNT,
    COUNTED,
    ERROR,
    INFER,
    LOAD,
    PING,
    PONG,
    body_size,
    identity,
)

_CRC8 = Algorithm(
    crc_width=8, polynomial=POLYNOMIAL, initial_crc=0, reflect_input=False, reflect_output=False, xor_output=0
)
_REPLIES = (ANSWER, PONG, ERROR, COUNTED)
_FORGET = 0
"""No code of an error: a request that nobody waits for any more."""


class Engine(wiring.Component):
    """Takes requests one at a time and answers each; never waits for a host that has gone.

    i: bytes from the host, lost (and reported) while a request is being worked on; o: bytes to the host;
    broken: forget the request at hand; sample, answer: the network's streams.
    Latency: an answer's first byte leaves four cycles after the network's; the sample is offered two cycles after the
    request's check byte. A sample of several payloads is not held: each is offered two cycles after its last byte, and
    must be taken before the next byte comes, else the request is an error; so the network must be able to take all
    payloads of a sample before its answer is taken. What is begun of a request that turns out to be an error is ended
    with any bits, and its answer is thrown away.

    Of a network whose memories are filled at start: ready, loading: as of `threshc.hdl.shell.loader.Loader`; begin,
    image: an image from the host begins, and its bytes. Samples are refused until it is ready.
    """

    def __init__(self, interface: Interface, timeout: int, *, waits: bool = False) -> None:
        """interface: the network's; timeout: cycles of silence after which a half-sent request is given up; waits:
        bytes can wait, and come only where `busy` is 0, at least three cycles apart."""
        self._interface, self._timeout, self._waits = interface, timeout, waits
        image = Out(stream.Signature(8, always_ready=True))
        loads = {"ready": In(1), "loading": In(1), "begin": Out(1), "image": image}
        super().__init__(
            ({} if interface.load is None else loads)
            | ({"busy": Out(1)} if waits else {})
            | {
                "i": In(stream.Signature(8, always_ready=True)),
                "broken": In(1),
                "o": Out(stream.Signature(8)),
                "sample": Out(stream.Signature(interface.input.width)),
                "answer": In(stream.Signature(interface.output.width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        start, kind, fault = Signal(), Signal(range(len(_REPLIES))), Signal(range(len(protocol.ERROR_TEXT) + 1))
        number, dropped = Signal(8), Signal()
        idle = self._replies(m, start, kind, fault, number, dropped)
        self._requests(m, start, kind, fault, number, dropped, idle)
        return m

    def _requests(
        self, m: Module, start: Signal, kind: Signal, fault: Signal, number: Signal, dropped: Signal, idle: Signal
    ) -> None:
        beats = self._interface.input
        size, each = body_size(beats), byte_count(beats.width)
        word = Signal(8 * each)
        left, final = Signal(range(size + 1)), Signal()
        ping, count, lost = Signal(), Signal(), Signal()
        silence, quiet = Signal(range(self._timeout + 1)), Signal()
        # What is to be known of a byte is found out before it is looked at: bytes are at least 40 cycles apart.
        came, byte, good, infer, asks = Signal(), Signal(8), Signal(), Signal(), Signal()
        m.submodules.request_check = check = _CRC8(data_width=8).create()
        m.d.comb += [check.data.eq(byte), check.valid.eq(came), self.sample.payload.eq(word[: beats.width])]
        m.d.sync += [came.eq(self.i.valid), byte.eq(self.i.payload), good.eq(self.i.payload == check.crc)]
        m.d.sync += [infer.eq(self.i.payload == INFER[0]), final.eq(left == 1), dropped.eq(0)]
        m.d.sync += asks.eq((self.i.payload == PING[0]) | (self.i.payload == COUNT[0]))
        m.d.sync += [silence.eq(silence + 1), quiet.eq((silence == self._timeout) & ~self.i.valid)]
        with m.If(self.i.valid):
            m.d.sync += silence.eq(0)
        feed = Feed(m, self._interface, self.sample, self.answer, each) if beats.count > 1 else None
        offered, due = Signal(), Signal()
        m.d.sync += due.eq(self.answer.valid & idle)  # stays true for a cycle too long, in DONE
        if feed is None:
            m.d.comb += self.sample.valid.eq(offered)
            with m.If(self.sample.ready):
                m.d.sync += offered.eq(0)

        def refuse(code: int, begun: bool = True) -> None:
            m.d.sync += [fault.eq(code), dropped.eq(1)]
            m.next = "EMPTY" if begun and feed is not None else "FAULT"

        def give_up() -> None:
            with m.If(self.broken):
                if feed is None:
                    m.d.sync += dropped.eq(1)
                    m.next = "HEAD"
                else:
                    refuse(_FORGET)
            with m.Elif(quiet):
                refuse(protocol.TIMEOUT)

        def reply(which: bytes, then: str) -> None:
            m.d.comb += [start.eq(1), kind.eq(_REPLIES.index(which))]
            m.next = then

        with m.FSM() as fsm:
            with m.State("HEAD"):
                m.d.sync += [left.eq(size), lost.eq(0)]
                if feed is not None:
                    feed.start()
                m.d.comb += check.start.eq(1)
                with m.If(came):
                    m.d.sync += [ping.eq(asks), count.eq(byte == COUNT[0])]
                    with m.If(infer):
                        m.next = "NUMBER"
                    with m.Elif(asks):
                        m.next = "CHECK"
                    with m.Else():
                        refuse(protocol.UNKNOWN_COMMAND)
                    if self._interface.load is not None:
                        self._head(m, infer, byte, refuse)
            with m.State("NUMBER"):
                give_up()
                with m.If(came):
                    m.d.sync += number.eq(byte)
                    m.next = "BODY"
            with m.State("BODY"):
                give_up()
                with m.If(came):
                    m.d.sync += [word.eq(Cat(word[8:], byte)), left.eq(left - 1)]
                    with m.If(final):
                        m.next = "CHECK"
                    if feed is not None:
                        with m.If(feed.byte()):
                            refuse(protocol.OVERRUN)
            if self._interface.load is not None:
                with m.State("IMAGE"):
                    give_up()
                    with m.If(came):
                        m.d.comb += check.valid.eq(1)
                        self._image(m, byte)
            with m.State("CHECK"):
                give_up()
                with m.If(came):
                    m.next = "WAIT"
                    with m.If(~good):
                        refuse(protocol.BAD_CHECK)
                    if self._interface.load is not None:
                        with m.Elif(self._loads & ~self.ready):
                            refuse(protocol.NO_WEIGHTS)
                    with m.Elif(ping if self._interface.load is None else ping | self._loads):
                        m.next = "PONG"
                    with m.Else():
                        m.d.sync += offered.eq(1)
            with m.State("PONG"), m.If(idle):
                reply(PONG, "DONE")
                m.d.comb += kind.eq(Mux(count, _REPLIES.index(COUNTED), _REPLIES.index(PONG)))
            if feed is not None:
                with m.State("EMPTY"), m.If(feed.emptied(idle)):
                    m.next = "FAULT"
                    with m.If(fault == _FORGET):
                        m.next = "HEAD"
            with m.State("WAIT"), m.If(due):
                m.d.comb += self.answer.ready.eq(1)
                reply(ANSWER, "DONE")
            with m.State("DONE"):
                m.next = "HEAD"
                with m.If(lost):
                    refuse(protocol.OVERRUN, begun=False)
            with m.State("FAULT"), m.If(idle):
                reply(ERROR, "FLUSH")
            with m.State("FLUSH"), m.If(self.broken | quiet):
                m.next = "HEAD"  # nothing but silence or a break tells where the next request starts

        working = fsm.ongoing("PONG") | fsm.ongoing("WAIT") | fsm.ongoing("DONE")
        with m.If(came & working):
            m.d.sync += lost.eq(1)
        if self._waits:
            fed = 0 if feed is None else fsm.ongoing("EMPTY") | self.sample.valid
            m.d.comb += self.busy.eq(working | fsm.ongoing("FAULT") | fed)

    def _head(self, m: Module, infer: Signal, byte: Signal, refuse: Callable[[int], None]) -> None:
        """The first byte of a request where memories are filled: no sample before that, and an image of weights."""
        self._loads, self._missing = Signal(), Signal(range(image_size(self._interface) + 1))
        m.d.sync += [self._loads.eq(0), self._missing.eq(image_size(self._interface))]
        with m.If(infer & self.loading):
            refuse(protocol.LOADING)
        with m.Elif(infer & ~self.ready):
            refuse(protocol.NO_WEIGHTS)
        with m.Elif(byte == LOAD[0]):
            m.d.comb += self.begin.eq(1)
            m.d.sync += self._loads.eq(1)
            m.next = "IMAGE"

    def _image(self, m: Module, byte: Signal) -> None:
        """A byte of an image. What was loaded is told by a pong."""
        m.d.comb += [self.image.valid.eq(1), self.image.payload.eq(byte)]
        m.d.sync += self._missing.eq(self._missing - 1)
        with m.If(self._missing == 1):
            m.next = "CHECK"

    def _replies(
        self, m: Module, start: Signal, kind: Signal, fault: Signal, number: Signal, dropped: Signal
    ) -> Signal:
        """Sends one reply after each `start`, answers with their request's number, and counts; returns whether the next
        may."""
        beats = self._interface.output
        size = byte_count(beats.width)
        pong = identity(self._interface).pack()
        word = Signal(8 * size)
        sending, answered = Signal.like(kind), Signal(8)
        index, ending, pong_byte = Signal(range(max(size, len(pong)))), Signal(), Signal(8)
        counted = Signal(8)
        more = Signal(range(beats.count)) if beats.count > 1 else None
        last = Array([size - 1, len(pong) - 1, 0, BODY_SIZE[COUNTED] - 1])[sending]
        counts = [Signal(16), Signal(16)]
        told = [word for count in counts for word in (count[:8], count[8:])]
        idle = Signal(init=1)
        # A byte waits for the line in a register, so that the next one but one can be late by as long as a byte takes.
        byte, full, fresh, first = Signal(8), Signal(), Signal(), Signal()
        m.submodules.reply_check = check = _CRC8(data_width=8).create()
        m.d.comb += [self.o.valid.eq(full), self.o.payload.eq(byte)]
        m.d.comb += [check.data.eq(byte), check.valid.eq(fresh), check.start.eq(fresh & first)]
        # In two steps, of which each is a short way: one of every four bytes, then one of those.
        fours = [pong[k : k + 4] for k in range(0, len(pong), 4)]
        chosen = [Signal(8, name=f"pong_{k}") for k in range(len(fours))]
        m.d.sync += [byte_of.eq(Array(four)[index[:2]]) for byte_of, four in zip(chosen, fours, strict=True)]
        m.d.sync += [ending.eq(index == last), pong_byte.eq(Array(chosen)[index[2:]]), fresh.eq(0)]
        m.d.sync += [counted.eq(Array(told)[index[:2]]), counts[1].eq(counts[1] + dropped)]
        with m.If(self.o.ready):
            m.d.sync += full.eq(0)

        started = Signal()
        m.d.sync += [started.eq(start), sending.eq(Mux(start, kind, sending))]
        with m.If(self.answer.valid & self.answer.ready):
            m.d.sync += word.eq(self.answer.payload)

        def put(value: ValueLike, head: int = 0) -> None:
            m.d.sync += [byte.eq(value), full.eq(1), fresh.eq(1), first.eq(head)]

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [answered.eq(number), index.eq(0)]
                with m.If(started):
                    m.d.sync += [idle.eq(0), counts[0].eq(counts[0] + (sending == _REPLIES.index(ANSWER)))]
                    m.next = "HEAD"
                    if more is not None:
                        m.d.sync += more.eq(beats.count - 1)
            with m.State("HEAD"), m.If(~full):
                put(Array(h[0] for h in _REPLIES)[sending], 1)
                m.next = "BODY"
                with m.If(sending == _REPLIES.index(ANSWER)):
                    m.next = "NUMBER"
            with m.State("NUMBER"), m.If(~full):
                put(answered)
                m.next = "BODY"
            with m.State("BODY"), m.If(~full):
                put(Array([word[:8], pong_byte, fault, counted])[sending])
                m.d.sync += [word.eq(Cat(word[8:], Const(0, 8))), index.eq(index + 1)]
                with m.If(ending):
                    m.d.sync += index.eq(0)
                    m.next = "CHECK"
                    if more is not None:
                        with m.If((sending == _REPLIES.index(ANSWER)) & (more != 0)):
                            m.next = "MORE"
            if more is not None:
                with m.State("MORE"):
                    m.d.comb += self.answer.ready.eq(1)
                    with m.If(self.answer.valid):
                        m.d.sync += more.eq(more - 1)
                        m.next = "BODY"
            with m.State("CHECK"), m.If(~full):
                put(check.crc)
                m.next = "LAST"
            with m.State("LAST"), m.If(~full):
                m.d.sync += idle.eq(1)
                m.next = "IDLE"
        return idle
