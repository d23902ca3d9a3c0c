"""The loader of weights: whole images from flash and host, damaged, cut, broken off; no sample before it is right."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator
from test_folded_spram import chain

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.cells.spi_flash import SpiFlash
from threshc.hdl.shell.flash import FlashTiming
from threshc.hdl.shell.image import HEADER, OFFSET, make_image, read_image
from threshc.hdl.shell.loader import TRIES, Loader
from threshc.hdl.shell.protocol import fingerprint

INTERFACE = chain().interface
LOAD = INTERFACE.load
assert LOAD is not None
IMAGE = make_image(INTERFACE)
WORDS = [(k, a, int(word)) for k, memory in enumerate(LOAD.contents) for a, word in enumerate(memory)]
TIMING = FlashTiming(1, 20)
ROUND = TIMING.cycles(len(IMAGE)) + 60


class Run:
    """A loader in Amaranth's simulator: writes (memory, address, word), and (ready, loading) in every cycle."""

    def __init__(self, flash: SpiFlash | None, timing: FlashTiming | None = TIMING) -> None:
        self.flash, self.loader = flash, Loader(INTERFACE, timing)
        self.writes: list[tuple[int, int, int]] = []
        self.states: list[tuple[int, int]] = []

    async def cycles(self, ctx: Any, count: int) -> None:
        loader: Any = self.loader
        for _ in range(count):
            write = ctx.get(loader.load.write)
            if write:
                assert write.bit_count() == 1
                assert not ctx.get(loader.ready)
                memory = write.bit_length() - 1
                self.writes.append((memory, ctx.get(loader.load.address), ctx.get(loader.load.data)))
            self.states.append((ctx.get(loader.ready), ctx.get(loader.loading)))
            if self.flash is not None:
                pins = [ctx.get(getattr(loader.flash, name)) for name in ("cs", "sck", "copi")]
                ctx.set(loader.flash.cipo, self.flash.step(*pins))
            await ctx.tick()

    def run(self, bench: Callable[[Any], Any]) -> None:
        simulator = Simulator(self.loader)
        simulator.add_clock(1e-6)

        async def process(ctx: Any) -> None:
            await bench(ctx)

        simulator.add_testbench(process)
        simulator.run()


def from_flash(data: bytes, rounds: int = 1) -> Run:
    made = Run(SpiFlash(bytes(OFFSET) + data))
    made.run(lambda ctx: made.cycles(ctx, rounds * ROUND))
    return made


def test_an_image_says_what_it_is() -> None:
    mark, words = read_image(IMAGE)
    assert mark == fingerprint(INTERFACE)
    assert words.tolist() == [word for _, _, word in WORDS]
    assert zlib.crc32(IMAGE[:20] + IMAGE[24:]) == int.from_bytes(IMAGE[20:24], "little")
    for at in range(len(IMAGE)):
        with pytest.raises(CompileError, match="not an image of weights"):
            read_image(IMAGE[:at] + bytes([IMAGE[at] ^ 4]) + IMAGE[at + 1 :])
    with pytest.raises(CompileError, match="bytes of words"):
        read_image(IMAGE[:-1])


@pytest.mark.parametrize("half", [1, 2, 3])
def test_each_word_is_written_once_in_order(half: int) -> None:
    made = Run(SpiFlash(bytes(OFFSET) + IMAGE), FlashTiming(half, 20))
    assert made.flash is not None
    made.run(lambda ctx: made.cycles(ctx, FlashTiming(half, 20).cycles(len(IMAGE)) + 60))
    assert made.writes == WORDS
    assert made.states[-1] == (1, 0)
    assert made.flash.commands == [0xAB, 0x03]
    ready = [ready for ready, _ in made.states]
    assert ready == sorted(ready)
    assert ready.index(1) == pytest.approx(FlashTiming(half, 20).cycles(len(IMAGE)), abs=40)


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_bit_is_never_ready(seed: int) -> None:
    at = int(np.random.default_rng(seed).integers(0, 8 * len(IMAGE)))
    while 20 <= at // 8 < HEADER:  # the CRC is in the circuit; that in the image is for programs
        at += 32
    data = bytearray(IMAGE)
    data[at // 8] ^= 1 << at % 8
    made = from_flash(bytes(data), TRIES + 1)
    assert not any(ready for ready, _ in made.states)
    assert made.states[-1] == (0, 0)
    assert made.flash is not None
    assert made.flash.commands == [0xAB, 0x03] * TRIES


@pytest.mark.parametrize(
    "data",
    [IMAGE[:-1] + b"\x55", IMAGE[:30], b"", bytes(len(IMAGE)), IMAGE[1:]],
    ids=["last byte", "cut", "erased", "zeros", "moved"],
)
def test_other_contents_are_never_ready(data: bytes) -> None:
    made = from_flash(data, TRIES + 1)
    assert not any(ready for ready, _ in made.states)


def test_a_passing_fault_is_read_again() -> None:
    made = Run(SpiFlash(bytes(OFFSET) + IMAGE[:40]))

    async def bench(ctx: Any) -> None:
        await made.cycles(ctx, ROUND)
        assert made.flash is not None
        made.flash.data = bytes(OFFSET) + IMAGE
        await made.cycles(ctx, 2 * ROUND)

    made.run(bench)
    assert made.states[-1] == (1, 0)
    assert made.writes[-len(WORDS) :] == WORDS


@pytest.mark.parametrize("timing", [None, TIMING])
def test_the_host_loads(timing: FlashTiming | None) -> None:
    """Without flash, or with one that is wrong; a damaged image ends what was ready, and the next one begins anew."""
    made = Run(None if timing is None else SpiFlash(b""), timing)
    loader: Any = made.loader

    async def send(ctx: Any, data: bytes) -> None:
        ctx.set(loader.begin, 1)
        await made.cycles(ctx, 1)
        ctx.set(loader.begin, 0)
        for byte in data:
            ctx.set(loader.image.valid, 1)
            ctx.set(loader.image.payload, byte)
            await made.cycles(ctx, 1)
            ctx.set(loader.image.valid, 0)
            await made.cycles(ctx, 15)

    async def bench(ctx: Any) -> None:
        await made.cycles(ctx, 50)  # amid the flash
        assert made.states[-1] == (0, int(timing is not None))
        await send(ctx, IMAGE)
        assert made.states[-1] == (1, 0)
        assert made.writes[-len(WORDS) :] == WORDS
        await send(ctx, IMAGE[:40])
        assert made.states[-1] == (0, 0)
        await send(ctx, IMAGE[:-2] + b"\x01\x01")
        assert made.states[-1] == (0, 0)
        await send(ctx, IMAGE)
        assert made.states[-1] == (1, 0)

    made.run(bench)


@pytest.mark.parametrize("after", [3, 40, 150, 400, 700])
def test_a_reset_amid_the_load_begins_anew(after: int) -> None:
    made = Run(SpiFlash(bytes(OFFSET) + IMAGE))
    reset = Signal()

    async def process(ctx: Any) -> None:
        await made.cycles(ctx, after)
        ctx.set(reset, 1)
        await made.cycles(ctx, 2)
        ctx.set(reset, 0)
        made.writes.clear()
        await made.cycles(ctx, ROUND)

    simulator = Simulator(ResetInserter(reset)(made.loader))
    simulator.add_clock(1e-6)
    simulator.add_testbench(process)
    simulator.run()
    assert made.writes == WORDS
    assert made.states[-1] == (1, 0)
