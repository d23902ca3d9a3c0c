"""The board's side of the byte protocol (docs/reference/protocol.md): bytes to samples, answers to bytes."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.crc import Algorithm
from amaranth.lib.wiring import In, Out

from threshc.hdl.payload import byte_count
from threshc.hdl.shell import protocol
from threshc.hdl.shell.crc import POLYNOMIAL
from threshc.hdl.shell.protocol import ANSWER, ERROR, INFER, PING, PONG, Identity

_CRC8 = Algorithm(
    crc_width=8, polynomial=POLYNOMIAL, initial_crc=0, reflect_input=False, reflect_output=False, xor_output=0
)
_REPLIES = (ANSWER, PONG, ERROR)


class Engine(wiring.Component):
    """Takes requests one at a time and answers each; never waits for a host that has gone.

    i: bytes from the host, lost (and reported) while a request is being worked on; o: bytes to the host;
    broken: forget the request at hand; sample, answer: the network's streams.
    Latency: an answer's first byte leaves two cycles after the network's; the sample is offered one cycle after the
    request's check byte.
    """

    def __init__(self, identity: Identity, timeout: int) -> None:
        """timeout: cycles of silence after which a half-sent request is given up."""
        self._identity = identity
        self._timeout = timeout
        super().__init__(
            {
                "i": In(stream.Signature(8, always_ready=True)),
                "broken": In(1),
                "o": Out(stream.Signature(8)),
                "sample": Out(stream.Signature(identity.input_width)),
                "answer": In(stream.Signature(identity.output_width)),
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
        size = byte_count(self._identity.input_width)
        word = Signal(8 * size)
        left = Signal(range(size + 1))
        ping, lost = Signal(), Signal()
        silence = Signal(range(self._timeout + 1))
        m.submodules.request_check = check = _CRC8(data_width=8).create()
        m.d.comb += [check.data.eq(self.i.payload), self.sample.payload.eq(word[: self._identity.input_width])]
        m.d.sync += silence.eq(silence + 1)
        with m.If(self.i.valid):
            m.d.sync += silence.eq(0)

        def refuse(code: int) -> None:
            m.d.sync += fault.eq(code)
            m.next = "FAULT"

        def give_up() -> None:
            with m.If(self.broken):
                m.next = "HEAD"
            with m.Elif(silence == self._timeout):
                refuse(protocol.TIMEOUT)

        def reply(which: bytes, then: str) -> None:
            m.d.comb += [start.eq(1), kind.eq(_REPLIES.index(which))]
            m.next = then

        def take_answer() -> None:
            m.d.comb += self.answer.ready.eq(idle)
            with m.If(self.answer.valid & idle):
                reply(ANSWER, "DONE")

        with m.FSM() as fsm:
            with m.State("HEAD"):
                m.d.sync += [left.eq(size), lost.eq(0)]
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
            with m.State("CHECK"):
                give_up()
                with m.If(self.i.valid):
                    m.next = "OFFER"
                    with m.If(self.i.payload != check.crc):
                        refuse(protocol.BAD_CHECK)
                    with m.Elif(ping):
                        m.next = "PONG"
            with m.State("PONG"), m.If(idle):
                reply(PONG, "DONE")
            with m.State("OFFER"):
                m.d.comb += self.sample.valid.eq(1)
                with m.If(self.sample.ready):
                    m.next = "WAIT"
                take_answer()  # a network without registers answers in the cycle of the transfer
            with m.State("WAIT"):
                take_answer()
            with m.State("DONE"):
                m.next = "HEAD"
                with m.If(lost):
                    refuse(protocol.OVERRUN)
            with m.State("FAULT"), m.If(idle):
                reply(ERROR, "FLUSH")
            with m.State("FLUSH"), m.If(self.broken | (silence == self._timeout)):
                m.next = "HEAD"  # nothing but silence or a break tells where the next request starts

        working = fsm.ongoing("PONG") | fsm.ongoing("OFFER") | fsm.ongoing("WAIT") | fsm.ongoing("DONE")
        with m.If(self.i.valid & working):
            m.d.sync += lost.eq(1)

    def _replies(self, m: Module, start: Signal, kind: Signal, fault: Signal, number: Signal) -> Signal:
        """Sends one reply after each `start`, answers with their request's number; returns whether the next may."""
        size = byte_count(self._identity.output_width)
        pong = self._identity.pack()
        word = Signal(8 * size)
        sending, answered = Signal.like(kind), Signal(8)
        index = Signal(range(max(size, len(pong))))
        last = Array([size - 1, len(pong) - 1, 0])[sending]
        m.submodules.reply_check = check = _CRC8(data_width=8).create()
        m.d.comb += check.data.eq(self.o.payload)
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.sync += [sending.eq(kind), answered.eq(number), index.eq(0)]
                with m.If(start):
                    m.d.sync += word.eq(self.answer.payload)
                    m.next = "HEAD"
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
            with m.State("CHECK"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(check.crc)]
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return fsm.ongoing("IDLE")
