"""The board's side of the byte protocol (docs/reference/protocol.md): bytes to samples, answers to bytes."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.crc import Algorithm
from amaranth.lib.wiring import In, Out

from threshc.hdl.interface import Interface
from threshc.hdl.payload import byte_count
from threshc.hdl.shell import protocol
from threshc.hdl.shell.crc import POLYNOMIAL
from threshc.hdl.shell.feed import Feed
from threshc.hdl.shell.protocol import ANSWER, ERROR, INFER, PING, PONG, body_size, identity

_CRC8 = Algorithm(
    crc_width=8, polynomial=POLYNOMIAL, initial_crc=0, reflect_input=False, reflect_output=False, xor_output=0
)
_REPLIES = (ANSWER, PONG, ERROR)
_FORGET = 0
"""No code of an error: a request that nobody waits for any more."""


class Engine(wiring.Component):
    """Takes requests one at a time and answers each; never waits for a host that has gone.

    i: bytes from the host, lost (and reported) while a request is being worked on; o: bytes to the host;
    broken: forget the request at hand; sample, answer: the network's streams.
    Latency: an answer's first byte leaves two cycles after the network's; the sample is offered one cycle after the
    request's check byte. A sample of several payloads is not held: each is offered one cycle after its last byte, and
    must be taken before the next byte comes, else the request is an error; so the network must be able to take all
    payloads of a sample before its answer is taken. What is begun of a request that turns out to be an error is ended
    with any bits, and its answer is thrown away.
    """

    def __init__(self, interface: Interface, timeout: int) -> None:
        """interface: the network's; timeout: cycles of silence after which a half-sent request is given up."""
        self._interface = interface
        self._timeout = timeout
        super().__init__(
            {
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
        number = Signal(8)
        idle = self._replies(m, start, kind, fault, number)
        self._requests(m, start, kind, fault, number, idle)
        return m

    def _requests(self, m: Module, start: Signal, kind: Signal, fault: Signal, number: Signal, idle: Signal) -> None:
        beats = self._interface.input
        size, each = body_size(beats), byte_count(beats.width)
        word = Signal(8 * each)
        left = Signal(range(size + 1))
        ping, lost = Signal(), Signal()
        silence = Signal(range(self._timeout + 1))
        m.submodules.request_check = check = _CRC8(data_width=8).create()
        m.d.comb += [check.data.eq(self.i.payload), self.sample.payload.eq(word[: beats.width])]
        m.d.sync += silence.eq(silence + 1)
        with m.If(self.i.valid):
            m.d.sync += silence.eq(0)
        feed = Feed(m, self._interface, self.sample, self.answer, each) if beats.count > 1 else None

        def refuse(code: int, begun: bool = True) -> None:
            m.d.sync += fault.eq(code)
            m.next = "EMPTY" if begun and feed is not None else "FAULT"

        def give_up() -> None:
            with m.If(self.broken):
                if feed is None:
                    m.next = "HEAD"
                else:
                    refuse(_FORGET)
            with m.Elif(silence == self._timeout):
                refuse(protocol.TIMEOUT)

        def reply(which: bytes, then: str) -> None:
            m.d.comb += [start.eq(1), kind.eq(_REPLIES.index(which))]
            m.next = then

        def take_answer() -> None:
            if self._interface.output.count == 1:
                m.d.comb += self.answer.ready.eq(idle)
            else:  # while the answer before is sent, its own payloads are taken
                with m.If(idle):
                    m.d.comb += self.answer.ready.eq(1)
            with m.If(self.answer.valid & idle):
                reply(ANSWER, "DONE")

        with m.FSM() as fsm:
            with m.State("HEAD"):
                m.d.sync += [left.eq(size), lost.eq(0)]
                if feed is not None:
                    feed.start()
                with m.If(self.i.valid):
                    m.d.comb += [check.start.eq(1), check.valid.eq(1)]
                    m.d.sync += ping.eq(self.i.payload == PING[0])
                    with m.If(self.i.payload == INFER[0]):
                        m.next = "NUMBER"
                    with m.Elif(self.i.payload == PING[0]):
                        m.next = "CHECK"
                    with m.Else():
                        refuse(protocol.UNKNOWN_COMMAND)
            with m.State("NUMBER"):
                give_up()
                with m.If(self.i.valid):
                    m.d.comb += check.valid.eq(1)
                    m.d.sync += number.eq(self.i.payload)
                    m.next = "BODY"
            with m.State("BODY"):
                give_up()
                with m.If(self.i.valid):
                    m.d.comb += check.valid.eq(1)
                    m.d.sync += [word.eq(Cat(word[8:], self.i.payload)), left.eq(left - 1)]
                    with m.If(left == 1):
                        m.next = "CHECK"
                    if feed is not None:
                        with m.If(feed.byte()):
                            refuse(protocol.OVERRUN)
            with m.State("CHECK"):
                give_up()
                with m.If(self.i.valid):
                    m.next = "OFFER" if feed is None else "WAIT"
                    with m.If(self.i.payload != check.crc):
                        refuse(protocol.BAD_CHECK)
                    with m.Elif(ping):
                        m.next = "PONG"
            with m.State("PONG"), m.If(idle):
                reply(PONG, "DONE")
            if feed is None:
                with m.State("OFFER"):
                    m.d.comb += self.sample.valid.eq(1)
                    with m.If(self.sample.ready):
                        m.next = "WAIT"
                    take_answer()  # a network without registers answers in the cycle of the transfer
            else:
                with m.State("EMPTY"), m.If(feed.emptied(idle)):
                    m.next = "FAULT"
                    with m.If(fault == _FORGET):
                        m.next = "HEAD"
            with m.State("WAIT"):
                take_answer()
            with m.State("DONE"):
                m.next = "HEAD"
                with m.If(lost):
                    refuse(protocol.OVERRUN, begun=False)
            with m.State("FAULT"), m.If(idle):
                reply(ERROR, "FLUSH")
            with m.State("FLUSH"), m.If(self.broken | (silence == self._timeout)):
                m.next = "HEAD"  # nothing but silence or a break tells where the next request starts

        working = fsm.ongoing("PONG") | fsm.ongoing("OFFER") | fsm.ongoing("WAIT") | fsm.ongoing("DONE")
        with m.If(self.i.valid & working):
            m.d.sync += lost.eq(1)

    def _replies(self, m: Module, start: Signal, kind: Signal, fault: Signal, number: Signal) -> Signal:
        """Sends one reply after each `start`, answers with their request's number; returns whether the next may."""
        beats = self._interface.output
        size = byte_count(beats.width)
        pong = identity(self._interface).pack()
        word = Signal(8 * size)
        sending, answered = Signal.like(kind), Signal(8)
        index = Signal(range(max(size, len(pong))))
        more = Signal(range(beats.count)) if beats.count > 1 else None
        last = Array([size - 1, len(pong) - 1, 0])[sending]
        m.submodules.reply_check = check = _CRC8(data_width=8).create()
        m.d.comb += check.data.eq(self.o.payload)
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.sync += [sending.eq(kind), answered.eq(number), index.eq(0)]
                with m.If(start):
                    m.d.sync += word.eq(self.answer.payload)
                    m.next = "HEAD"
                    if more is not None:
                        m.d.sync += more.eq(beats.count - 1)
            with m.State("HEAD"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(Array(h[0] for h in _REPLIES)[sending])]
                m.d.comb += [check.start.eq(1), check.valid.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.next = "BODY"
                    with m.If(sending == _REPLIES.index(ANSWER)):
                        m.next = "NUMBER"
            with m.State("NUMBER"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(answered), check.valid.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.next = "BODY"
            with m.State("BODY"):
                m.d.comb += [self.o.valid.eq(1), check.valid.eq(self.o.ready)]
                m.d.comb += self.o.payload.eq(Array([word[:8], Array(pong)[index], fault])[sending])
                with m.If(self.o.ready):
                    m.d.sync += [word.eq(Cat(word[8:], Const(0, 8))), index.eq(index + 1)]
                    with m.If(index == last):
                        m.next = "CHECK"
                        if more is not None:
                            with m.If((sending == _REPLIES.index(ANSWER)) & (more != 0)):
                                m.next = "MORE"
            if more is not None:
                with m.State("MORE"):
                    m.d.comb += self.answer.ready.eq(1)
                    m.d.sync += index.eq(0)
                    with m.If(self.answer.valid):
                        m.d.sync += [word.eq(self.answer.payload), more.eq(more - 1)]
                        m.next = "BODY"
            with m.State("CHECK"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(check.crc)]
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return fsm.ongoing("IDLE")
