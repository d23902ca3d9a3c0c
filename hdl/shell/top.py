"""What is built for a target: the network in its shell (board) or harness (bare device), as RTLIL and constraints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Const, Elaboratable, Module
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.families.registry import flow_of
from threshc.hdl.interface import Interface
from threshc.hdl.naming import TOP
from threshc.hdl.shell.clocking import add_domain
from threshc.hdl.shell.flash import RESOURCE, FlashTiming
from threshc.hdl.shell.ft245 import PINS as FIFO_PINS
from threshc.hdl.shell.ft245 import FifoShell, connect_data
from threshc.hdl.shell.harness import Harness
from threshc.hdl.shell.protocol import SILENCE
from threshc.hdl.shell.shell import Shell
from threshc.hdl.shell.spi import PINS as SPI_PINS
from threshc.hdl.shell.spi_shell import SpiShell
from threshc.hdl.shell.start import SERIAL, SelfStarting
from threshc.hdl.shell.uart import divisor
from threshc.hdl.shell.verilog_core import VerilogCore
from threshc.hdl.targets.base import Board, Device, Pins, Target
from threshc.hdl.targets.clock import Clock, crystal
from threshc.hdl.targets.links import FT245, SERIAL_PORT, SPI, UART, Link


@dataclass(frozen=True, slots=True)
class Top:
    """rtlil: the module `TOP`, which instantiates the circuit's Verilog; constraints: the pins, "" for none; flash: how
    a board reads the weights of a network that is loaded at start, None where it does not."""

    rtlil: str
    constraints: str
    flash: FlashTiming | None = None


def make_top(
    interface: Interface, target: Target, baud: int, clock: Clock | None = None, link: Link = SERIAL_PORT
) -> Top:
    """Returns the top module for a target. clock: what a board's circuit runs at, None for its crystal's.

    link: between board and host. Raises CompileError when amaranth-boards is missing, or the baud rate impossible.
    """
    if target.board is None:
        harness = Harness(VerilogCore(interface), interface.input.width, interface.output.width)
        return Top(rtlil.convert(harness, name=TOP, emit_src=False), _free_pins(harness, target.device))
    flow, board = flow_of(target.device.family), target.board
    clock = crystal(target) if clock is None else clock
    timeout = int(clock.hz * SILENCE)
    platform = None if isinstance(board, Pins) else _platform(board)  # before Amaranth waits for a shell to be used
    flash = None
    if interface.load is not None and platform is not None and has_flash(platform):
        flash = FlashTiming.at(float(clock.hz))
    if link.kind != UART and interface.load is not None:
        why = "they come from the board's flash or its UART"
        hint = f"omit {option('link')}, or {option('fold')} without SPRAM"
        raise fail("weights that are loaded at start need the UART", where=option("link"), why=why, hint=hint)
    cycles = divisor(clock.hz, baud) if link.kind == UART else 0
    core = VerilogCore(interface)  # Amaranth waits for it to be used: behind all that is refused
    shell: wiring.Component
    if link.kind == SPI:
        shell, pins = SpiShell(core, interface, timeout=timeout), SPI_PINS
    elif link.kind == FT245:
        shell, pins = FifoShell(core, interface, clock_hz=float(clock.hz), timeout=timeout), FIFO_PINS
    else:
        shell, pins = Shell(core, interface, cycles_per_bit=cycles, timeout=timeout, flash=flash), SERIAL
    if platform is None:
        assert isinstance(board, Pins)
        ports = {"clk": board.clk, **(dict(link.pins) or {"rx": board.rx, "tx": board.tx})}
        text = "\n".join(flow.locate(port, pin) for port, pin in ports.items())
        return Top(rtlil.convert(SelfStarting(shell, clock, pins), name=TOP, emit_src=False), text + "\n")
    plan = platform.prepare(_Pins(shell, clock, link, pins), TOP, emit_src=False)
    lines = _text(plan.files[f"{TOP}.{flow.constraints}"]).splitlines()
    # The clock is constrained for every target alike, through nextpnr's --freq.
    kept = [line.strip() for line in lines if not line.strip().startswith(("set_frequency", "FREQUENCY", "#", "//"))]
    return Top(_text(plan.files[f"{TOP}.il"]), "\n".join(filter(None, kept)) + "\n", flash)


def _free_pins(harness: Harness, device: Device) -> str:
    """Constraints that put a harness on the device's pins; "" where the tools choose pins themselves."""
    if not device.pins:
        return ""
    ports = harness.ports()
    if len(ports) > len(device.pins):
        raise fail(
            f"the circuit is too wide for the {device.part}",
            where="harness",
            why=f"it needs {len(ports)} pins, {len(device.pins)} are known to be free",
            hint=f"a board ({option('target')}) or another device",
        )
    flow = flow_of(device.family)
    return "".join(flow.locate(port, pin) + "\n" for port, pin in zip(ports, device.pins, strict=False))


def _platform(board: Board) -> Any:
    try:
        return getattr(import_module(board.module), board.platform)()
    except ImportError:
        raise fail("amaranth-boards is not installed", where="FPGA tools", hint='pip install "threshc[fpga]"') from None


class _Pins(Elaboratable):
    """Connects a shell to the pins of the board's link, and a PLL to its clock's."""

    def __init__(self, shell: wiring.Component, clock: Clock, link: Link, pins: Mapping[str, Any]) -> None:
        self._shell, self._clock, self._link, self._pins = shell, clock, link, pins

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        if self._clock.pll is not None:
            given = platform.request(platform.default_clk, dir="-")
            if self._clock.on_pad:
                reference = given.io
            else:
                m.submodules.reference = buffer = io.Buffer("i", given)
                reference = buffer.i
            add_domain(m, self._clock, reference)
        found = platform.request("uart", 0, dir="-") if not self._link.pins else _requested(platform, self._link)
        m.submodules.shell = self._shell
        for name, pin in self._pins.items():
            way, inner = "i" if pin.flow is In else "o", getattr(self._shell, name)
            m.submodules[name] = buffer = io.Buffer(way, getattr(found, name))
            m.d.comb += inner.eq(buffer.i) if way == "i" else buffer.o.eq(inner)
        if self._link.kind == FT245:
            connect_data(m, self._shell, [getattr(found, f"d{k}") for k in range(8)])
        flash: Any = getattr(self._shell, "flash", None)
        if flash is not None:
            _connect_flash(m, flash, platform.request(*RESOURCE, dir="-"))
        return m


def _requested(platform: Any, link: Link) -> Any:
    """The pins of a link that the platform does not know of, with the electrical attributes of its UART's."""
    build: Any = import_module("amaranth.build")
    names = [build.Subsignal(name, build.Pins(pin, dir="io", assert_width=1)) for name, pin in link.pins]
    platform.add_resources([build.Resource("link", 0, *names, platform.lookup("uart", 0).attrs)])
    return platform.request("link", 0, dir="-")


def has_flash(platform: Any) -> bool:
    """Returns whether a platform of amaranth-boards knows the pins of its board's flash."""
    return RESOURCE in platform.resources


def _connect_flash(m: Module, flash: Any, pins: Any) -> None:
    given = [(pins.cs, flash.cs), (pins.clk, flash.sck), (pins.copi, flash.copi)]
    given += [(pin, Const(0)) for pin in (getattr(pins, name, None) for name in ("wp", "hold")) if pin is not None]
    for k, (pin, value) in enumerate(given):
        m.submodules[f"flash_{k}"] = out = io.Buffer("o", pin)
        m.d.comb += out.o.eq(value)
    m.submodules.flash_in = into = io.Buffer("i", pins.cipo)
    m.d.comb += flash.cipo.eq(into.i)


def _text(content: str | bytes) -> str:
    return content.decode() if isinstance(content, bytes) else content
