"""A board behind SPI on the desk of the test suite: the real shell in Amaranth's simulator, with SCK as a second clock.

The two clocks have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth.sim import Simulator

from threshc.hdl.interface import StreamUnit
from threshc.hdl.shell.spi_shell import SpiShell
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.emit import component


class SpiBoard:
    """`transfer` is what `SpiPort` needs. clock_hz, sck_hz: of the board and of the host. seconds: of simulated time;
    damage: changes the bits that are clocked in a transaction, a list of 0 and 1; spoil: the bytes that come back."""

    def __init__(
        self, design: Design | StreamUnit, *, clock_hz: float = 12e6, sck_hz: float = 20e6, timeout: int = 4000
    ) -> None:
        core = component(design) if isinstance(design, Design) else design.component()
        self._shell: Any = SpiShell(core, design.interface, timeout=timeout)
        self._half = 0.5 / sck_hz
        self.seconds = 0.0
        self.damage: Callable[[list[int]], list[int]] = list
        self.spoil: Callable[[bytes], bytes] = bytes
        self._bits: list[int] | None = None
        self._pause = 0.0
        self._got: list[int] = []
        self._simulator = Simulator(self._shell)
        self._simulator.add_clock(1 / clock_hz)
        self._simulator.add_testbench(self._host)

    def transfer(self, data: bytes) -> bytes:
        """Does a transaction, and returns its bytes from the board; the host then waits for half a microsecond."""
        bits = [byte >> k & 1 for byte in data for k in reversed(range(8))]
        self._bits, self._got = self.damage(bits), []
        self._run()
        got = self._got + [0] * (8 * len(data) - len(self._got))
        return self.spoil(bytes(sum(got[8 * k + j] << 7 - j for j in range(8)) for k in range(len(data))))

    def wait(self, seconds: float) -> None:
        """Lets the board work."""
        self._pause = seconds
        self._run()

    def _run(self) -> None:
        while self._bits is not None or self._pause:
            self._simulator.advance()

    async def _host(self, ctx: Any) -> None:
        shell = self._shell
        ctx.set(shell.cs, 1)
        while True:
            pause, self._pause = self._pause or 1e-7, 0.0
            await ctx.delay(pause)
            self.seconds += pause
            if self._bits is None:
                continue
            ctx.set(shell.cs, 0)
            await ctx.delay(self._half)
            for bit in self._bits:
                ctx.set(shell.copi, bit)
                await ctx.delay(self._half)
                self._got.append(ctx.get(shell.cipo))
                ctx.set(shell.sck, 1)
                await ctx.delay(self._half)
                ctx.set(shell.sck, 0)
            await ctx.delay(self._half)
            ctx.set(shell.cs, 1)
            await ctx.delay(5e-7)
            self.seconds += 2 * self._half * (len(self._bits) + 1) + 5e-7
            self._bits = None
