"""The UART, bit by bit, and the check byte in both of its forms."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.lib.crc import Algorithm
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.shell.crc import POLYNOMIAL, crc8
from threshc.hdl.shell.uart import UartReceiver, UartTransmitter, divisor


def levels(data: bytes, cycles: float) -> list[int]:
    """Line levels, one per clock cycle, of bytes sent back to back at `cycles` clock cycles per bit."""
    bits = [1, *(b for byte in data for b in (0, *(byte >> k & 1 for k in range(8)), 1)), 1, 1]
    return [bits[int(t / cycles)] for t in range(int(len(bits) * cycles))]


def receive(line: list[int], cycles: int) -> tuple[bytes, int]:
    """What a receiver makes of a line, and how often it reported a broken byte."""
    receiver: Any = UartReceiver(cycles)
    got, broken = bytearray(), 0

    async def bench(ctx: Any) -> None:
        nonlocal broken
        for level in line:
            ctx.set(receiver.pin, level)
            await ctx.tick()
            if ctx.get(receiver.o.valid):
                got.append(ctx.get(receiver.o.payload))
            broken += ctx.get(receiver.broken)

    simulator = Simulator(receiver)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return bytes(got), broken


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=1, max_size=4), st.integers(5, 12))
def test_a_receiver_takes_back_to_back_bytes(data: bytes, cycles: int) -> None:
    assert receive(levels(data, cycles), cycles) == (data, 0)


@pytest.mark.parametrize("error", [0.97, 1.03])
def test_a_receiver_bears_three_percent_of_clock_error(error: float) -> None:
    data = bytes([0x00, 0xFF, 0x55, 0xA5])
    assert receive(levels(data, 16 * error), 16) == (data, 0)


def test_a_break_is_reported_once_and_passes_no_byte_on() -> None:
    line = [1] * 8 + [0] * 8 * 30 + [1] * 16
    assert receive(line + levels(b"A", 8), 8) == (b"A", 1)


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=1, max_size=4), st.integers(4, 9))
def test_a_transmitter_sends_what_the_line_code_says(data: bytes, cycles: int) -> None:
    transmitter: Any = UartTransmitter(cycles)
    line: list[int] = []

    async def bench(ctx: Any) -> None:
        left = list(data)
        ctx.set(transmitter.i.valid, 1)
        while len(line) < 10 * len(data) * cycles + 3 * cycles:
            ctx.set(transmitter.i.valid, bool(left))
            ctx.set(transmitter.i.payload, left[0] if left else 0)
            taken = bool(left) and ctx.get(transmitter.i.ready)
            await ctx.tick()
            if taken:
                left.pop(0)
            line.append(ctx.get(transmitter.pin))

    simulator = Simulator(transmitter)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert receive([1] * cycles + line, cycles) == (data, 0)


def test_divisors_of_the_boards() -> None:
    assert divisor(12_000_000, 115200) == 104
    assert divisor(12_000_000, 1_000_000) == 12
    assert divisor(25_000_000, 115200) == 217
    assert divisor(25_000_000, 1_000_000) == 25


@pytest.mark.parametrize("baud", [0, -1, 3_500_000, 12_000_000])
def test_a_rate_that_the_clock_cannot_make_is_an_error(baud: int) -> None:
    with pytest.raises(CompileError, match=f"a 12 MHz clock cannot make {baud} baud\n  where: baud="):
        divisor(12_000_000, baud)


@given(st.binary(max_size=40))
def test_the_check_byte_is_the_hardwares(data: bytes) -> None:
    algorithm = Algorithm(
        crc_width=8, polynomial=POLYNOMIAL, initial_crc=0, reflect_input=False, reflect_output=False, xor_output=0
    )
    assert crc8(data) == algorithm(data_width=8).compute(data)


def test_the_check_byte_is_crc8_smbus() -> None:
    assert crc8(b"123456789") == 0xF4  # the catalogue's check value
