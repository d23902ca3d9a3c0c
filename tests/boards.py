"""A board on the desk of the test suite: the real shell in Amaranth's simulator, bit by bit, behind a serial port.

Memories that are filled at start hold rubbish there, until the board loads them from a flash or the host.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from threshc.hdl.cells.spi_flash import SpiFlash
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.unit import UnitComponent
from threshc.hdl.interface import StreamUnit
from threshc.hdl.shell.flash import FlashTiming
from threshc.hdl.shell.shell import Shell
from threshc.hdl.shell.writer import load_signature
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.emit import component

CYCLES_PER_BIT = 6
RESET = 2
"""Among the levels of the line: it is high, and the board is in reset."""


class LoadedCore(wiring.Component):
    """A folded chain with the ports of a `VerilogCore` whose memories are filled at start; chain: what is in it."""

    def __init__(self, chain: FoldedChain) -> None:
        self.chain: Any = chain.component()
        io = chain.interface
        assert io.load is not None
        ends = {"i": In(stream.Signature(io.input.width)), "o": Out(stream.Signature(io.output.width))}
        super().__init__(ends | {"load": In(load_signature(io.load)), "hold": In(1)})

    def elaborate(self, platform: object) -> Module:
        m, core = Module(), self.chain
        m.submodules.chain = ResetInserter(self.hold)(core)
        for name in ("i", "o", "load"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(core, name))
        return m


class SimulatedPort:
    """What `hdl/shell/line.py` needs of a serial port. `damage` may change or drop bytes sent to the board. flash: that
    the board reads its weights from."""

    def __init__(
        self,
        design: Design | StreamUnit,
        damage: Callable[[bytes], bytes] = bytes,
        timeout: int = 400,
        flash: SpiFlash | None = None,
    ) -> None:
        self.cycles = 0
        self.damage = damage
        self._patience = 3 * timeout
        self._to_board: deque[int] = deque()  # line levels, one per cycle
        self._from_board: deque[int] = deque()  # bytes
        self._flash = flash
        self._spoiled: list[Any] = []
        core: Any
        if isinstance(design, FoldedChain) and design.interface.load is not None:
            core = LoadedCore(design)
            self._spoiled = [p for p in core.chain.parts if isinstance(p, UnitComponent) and p.unit.store == "spram"]
        else:
            core = component(design) if isinstance(design, Design) else design.component()
        timing = None if flash is None else FlashTiming(1, 20)
        self._shell: Any = Shell(core, design.interface, cycles_per_bit=CYCLES_PER_BIT, timeout=timeout, flash=timing)
        self._reset = Signal()
        self._simulator = Simulator(ResetInserter(self._reset)(self._shell))
        self._simulator.add_clock(1e-6)
        self._simulator.add_testbench(self._line)

    def write(self, data: bytes) -> None:
        for byte in self.damage(data):
            self.send_levels([0, *(byte >> k & 1 for k in range(8)), 1])

    def send_levels(self, bits: list[int]) -> None:
        """Puts raw bits on the line."""
        self._to_board.extend(bit for bit in bits for _ in range(CYCLES_PER_BIT))

    def reset(self) -> None:
        """Resets the whole board for two cycles, when what was written before has been sent."""
        self._to_board.extend([RESET] * 2)

    @property
    def in_waiting(self) -> int:
        """Bytes that have come once all that was written is on its way."""
        while self._to_board:
            self._simulator.advance()
        return len(self._from_board)

    def read(self, size: int = 1) -> bytes:
        deadline = self.cycles + len(self._to_board) + self._patience
        while len(self._from_board) < size and self.cycles < deadline:
            before = len(self._from_board)
            self._simulator.advance()
            if len(self._from_board) > before:
                deadline = self.cycles + len(self._to_board) + self._patience
        return bytes(self._from_board.popleft() for _ in range(min(size, len(self._from_board))))

    async def _line(self, ctx: Any) -> None:
        countdown, bits, received = 0, 0, 0
        for unit in self._spoiled:
            rows = unit.weights.memory.data
            for k in range(unit.unit.layer.interval):
                ctx.set(rows[k], ~ctx.get(rows[k]))
        while True:
            if self._flash is not None:
                pins = [ctx.get(getattr(self._shell.flash, name)) for name in ("cs", "sck", "copi")]
                ctx.set(self._shell.flash.cipo, self._flash.step(*pins))
            sent = self._to_board.popleft() if self._to_board else 1
            ctx.set(self._shell.rx, int(sent != 0))
            ctx.set(self._reset, int(sent == RESET))
            await ctx.tick()
            self.cycles += 1
            level = ctx.get(self._shell.tx)
            if not bits:
                if not level:
                    bits, countdown, received = 9, CYCLES_PER_BIT + CYCLES_PER_BIT // 2, 0
                continue
            countdown -= 1
            if countdown:
                continue
            bits, countdown = bits - 1, CYCLES_PER_BIT
            if bits:
                received |= level << (8 - bits)
            else:
                assert level == 1, "the board sent a byte without a stop bit"
                self._from_board.append(received)
