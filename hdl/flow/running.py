"""What a circuit runs at on its board, as the report has it: the clock, where it comes from, and the serial port."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from threshc.compiler.diagnostics import option
from threshc.hdl.interface import Interface
from threshc.hdl.shell.ft245 import cycles as fifo_cycles
from threshc.hdl.shell.protocol import reply_size, request_size
from threshc.hdl.shell.uart import divisor
from threshc.hdl.targets.base import Target
from threshc.hdl.targets.clock import Clock, at_most, megahertz
from threshc.hdl.targets.links import FT245, SPI, UART


@dataclass(frozen=True, slots=True)
class Running:
    """A board's clock and serial port.

    hz: the clock, exactly, as a fraction; crystal_hz: what the board feeds to the chip; pll: the cell that makes one of
    the other, "" for none; parameters: its settings; vco_hz: of its oscillator, as a fraction; said: all this in words
    faster: the fastest clock that the routed circuit bears, in words, where it runs at its crystal's; "" for none
    baud: of the serial port, in bits per second; cycles_per_bit; baud_error: how much faster the board is than that,
    as a fraction of it (all 0 for another link); serial_samples_per_second: what the link lets through at most
    link: its kind (`threshc.hdl.targets.links`); sck_hz: the fastest SCK of SPI, 0 for another link
    """

    hz: str
    crystal_hz: int
    pll: str
    parameters: dict[str, str]
    vco_hz: str
    said: str
    faster: str
    baud: int
    cycles_per_bit: int
    baud_error: float
    serial_samples_per_second: float
    link: str = UART
    sck_hz: float = 0.0

    def rows(self) -> list[tuple[str, str, str]]:
        """Returns the figures as (name, value, source)."""
        rows = [("clock on the board", self.said, "board")]
        if self.faster:
            rows.append(("a faster clock", self.faster, "board"))
        if self.link == SPI:
            most = f"SCK up to {self.sck_hz / 1e6:.1f} MHz, at most {self.serial_samples_per_second:,.0f} samples/s"
            return [*rows, ("SPI", most, "board")]
        if self.link == FT245:
            return [*rows, ("FT245", f"at most {self.serial_samples_per_second:,.0f} samples/s", "board")]
        port = (
            f"{self.baud:,} baud ({self.cycles_per_bit} cycles a bit, {self.baud_error:+.2%}), at most "
            f"{self.serial_samples_per_second:,.1f} samples/s"
        )
        return [*rows, ("serial port", port, "board")]


def running(target: Target, interface: Interface, clock: Clock, baud: int, fmax_hz: float, link: str = UART) -> Running:
    """Returns what a circuit with a routed Fmax, of the slowest of its clocks, runs at behind a kind of link."""
    setting = clock.setting
    each = max(request_size(interface), reply_size(interface))
    serial = link == UART
    cycles = divisor(clock.hz, baud) if serial else 0
    sck = min(2.0 * float(clock.hz), fmax_hz) if link == SPI else 0.0
    rate = baud / 10 / each if serial else sck / 8 / each
    if link == FT245:
        read, written = fifo_cycles(float(clock.hz))
        rate = float(clock.hz) / (request_size(interface) * read + reply_size(interface) * written)
    return Running(
        hz=str(clock.hz),
        crystal_hz=clock.crystal_hz,
        pll=clock.cell,
        parameters={} if setting is None else {n: _text(v) for n, v in setting.parameters.items()},
        vco_hz="" if setting is None else str(setting.vco_hz),
        said=str(clock),
        faster=_faster(target, clock, fmax_hz),
        baud=baud if serial else 0,
        cycles_per_bit=cycles,
        baud_error=float(clock.hz / cycles / baud - 1) if serial else 0.0,
        serial_samples_per_second=rate,
        link=link,
        sck_hz=sck,
    )


def _text(value: str | tuple[int, int]) -> str:
    return value if isinstance(value, str) else str(value[0])


def _faster(target: Target, clock: Clock, fmax_hz: float) -> str:
    if clock.pll is not None or not math.isfinite(fmax_hz):
        return ""
    best = at_most(target, fmax_hz)
    if best.pll is None:
        return ""
    times = float(best.hz / Fraction(clock.crystal_hz))
    again = f"{option('clock', 'max')} builds it again for its PLL"
    return f"{again}: {megahertz(best.hz)} MHz or more, {times:.1f} times as fast"
