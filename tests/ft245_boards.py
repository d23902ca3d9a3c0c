"""A board behind the FIFO of an FT232H: the real shell in Amaranth's simulator, and a model of the bridge at its pins
that holds the board to the data sheet's times."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from amaranth.sim import Simulator

from threshc.hdl.interface import StreamUnit
from threshc.hdl.shell.ft245 import FifoShell
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.emit import component

STEP = 5e-9
"""Seconds between two looks of the bridge at its pins."""
VALID, PULSE, INACTIVE, SETUP = 14e-9, 30e-9, 49e-9, 5e-9
ROOM = 64
"""Bytes to the host that the bridge keeps."""


class FifoBoard:
    """What `Board` needs of a port. damage: changes the bytes of a write; pauses: how often RXF# and TXE# stay high for
    longer than need be; seconds: of simulated time; broken: rules of the data sheet that the board broke."""

    def __init__(self, unit: Design | StreamUnit, *, clock_hz: float = 12e6, timeout: int = 400) -> None:
        core = component(unit) if isinstance(unit, Design) else unit.component()
        self._shell: Any = FifoShell(core, unit.interface, clock_hz=clock_hz, timeout=timeout)
        self._patience = 2.5 * timeout / clock_hz
        self.damage: Callable[[bytes], bytes] = bytes
        self.pauses = 0.0
        self.seconds = 0.0
        self.broken: list[str] = []
        self._chance = random.Random(1)
        self._to_board: deque[int] = deque()
        self._from_board: deque[int] = deque()
        self._kept: deque[int] = deque()
        self._simulator = Simulator(self._shell)
        self._simulator.add_clock(1 / clock_hz)
        self._simulator.add_testbench(self._bridge)

    def write(self, data: bytes) -> None:
        self._to_board.extend(self.damage(data))

    def read(self, size: int = 1) -> bytes:
        deadline, before = self.seconds + self._patience, (0, 0)
        while len(self._from_board) < size and self.seconds < deadline:
            self._simulator.advance()
            now = (len(self._to_board), len(self._from_board) + len(self._kept))
            if now != before:
                deadline, before = self.seconds + self._patience, now
            while self._kept and len(self._from_board) < size:
                self._from_board.append(self._kept.popleft())
        return bytes(self._from_board.popleft() for _ in range(min(size, len(self._from_board))))

    def wait(self, seconds: float) -> None:
        """Lets the board work while the host reads nothing."""
        end = self.seconds + seconds
        while self.seconds < end:
            self._simulator.advance()

    def _rule(self, kept: bool, text: str) -> None:
        if not kept:
            self.broken.append(f"{self.seconds * 1e9:.0f} ns: {text}")

    async def _bridge(self, ctx: Any) -> None:
        s = self._shell
        rd = wr = 1
        fell = {"rd": 0.0, "wr": 0.0}
        free = {"rxf": 0.0, "txe": 0.0}
        data, since, word = -1, 0.0, 0
        while True:
            await ctx.delay(STEP)
            self.seconds += STEP
            now = self.seconds
            before_rd, before_wr = rd, wr
            rd, wr = ctx.get(s.rd), ctx.get(s.wr)
            driven = ctx.get(s.data_out) if ctx.get(s.data_on) else -1
            if driven != data:
                self._rule(not (fell["wr"] and now - fell["wr"] < SETUP), "data changed right behind WR#")
                data, since = driven, now
            self._rule(rd or data < 0, "the board drives the pins while the bridge does")
            if before_rd and not rd:
                self._rule(ctx.get(s.rxf) == 0, "RD# fell while RXF# was high")
                fell["rd"] = now
                word = self._to_board[0] if self._to_board else 0
            if not rd:
                ctx.set(s.data_in, word if now - fell["rd"] >= VALID else word ^ 0xFF)
            if rd and not before_rd:
                self._rule(now - fell["rd"] >= PULSE, "RD# was low too short")
                ctx.set(s.data_in, 0xA5)
                ctx.set(s.rxf, 1)
                free["rxf"] = now + INACTIVE + self._pause()
                if self._to_board:
                    self._to_board.popleft()
            if before_wr and not wr:
                self._rule(ctx.get(s.txe) == 0, "WR# fell while TXE# was high")
                self._rule(data >= 0 and now - since >= SETUP, "no data when WR# fell")
                fell["wr"] = now
                self._kept.append(data)
                ctx.set(s.txe, 1)
                free["txe"] = now + INACTIVE + self._pause()
            if wr and not before_wr:
                self._rule(now - fell["wr"] >= PULSE, "WR# was low too short")
            if rd and before_rd and self._to_board and now >= free["rxf"]:
                ctx.set(s.rxf, 0)
            if wr and now >= free["txe"] and len(self._kept) < ROOM:
                ctx.set(s.txe, 0)

    def _pause(self) -> float:
        return self._chance.random() * 2e-6 if self._chance.random() < self.pauses else 0.0
