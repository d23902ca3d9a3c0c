"""What a target is: a device, and for a board the platform that knows its pins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """An FPGA. luts, ffs: how many it has (4-input LUTs, flip-flops); brams: block RAMs (iCE40 4 kbit, ECP5 18 kbit).

    family: its name (`threshc.hdl.families`); nextpnr: the arguments that select the device, e.g. ("--up5k",
    "--package", "sg48"); source: their data sheet. pins: some that a circuit without a board may take, the first one
    for the clock, where the family's tools do not choose pins themselves. sprams: memories without first contents, 256
    kbit each (iCE40 UltraPlus). ram_columns, ram_rows: where its block RAMs stand, as nextpnr numbers places: of the
    ECP5 four beside one another from each column on, in each row; () where nobody needs to know.
    """

    part: str
    family: str
    nextpnr: tuple[str, ...]
    luts: int
    ffs: int
    brams: int
    source: str
    pins: tuple[str, ...] = ()
    sprams: int = 0
    ram_columns: tuple[int, ...] = ()
    ram_rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """A class of amaranth-boards: its module and name, the clock that it feeds to the design in Hz. pll_on_pad: the
    clock comes in at a pin that belongs to the PLL, where nothing else can read it once the PLL does."""

    module: str
    platform: str
    clock_hz: int
    pll_on_pad: bool = False


@dataclass(frozen=True, slots=True)
class Pins:
    """A board that amaranth-boards does not have: the clock in Hz, and the pins of clock, receiver and transmitter, all
    at 3.3 V. source: where they are documented."""

    clock_hz: int
    clk: str
    rx: str
    tx: str
    source: str


@dataclass(frozen=True, slots=True)
class Programmer:
    """A program that puts a bitstream on a board. tool: its name on PATH; memories: its arguments before the file, by
    memory, the usual one first: `sram` keeps the circuit until the power goes, `flash` for good."""

    tool: str
    memories: Mapping[str, tuple[str, ...]]


OPEN_FPGA_LOADER = "openFPGALoader"


def open_fpga_loader(board: str, *memories: str) -> Programmer:
    """Returns openFPGALoader for a board of its list (`openFPGALoader --list-boards`); memories: those that it can
    write."""
    option = {"sram": "-m", "flash": "-f"}
    return Programmer(OPEN_FPGA_LOADER, {memory: ("-b", board, option[memory]) for memory in memories})


@dataclass(frozen=True, slots=True)
class Target:
    """Something to build for. With a board: a bitstream with the network behind its UART. Without: out of context.

    programmers: what puts the bitstream on the board, the preferred one first; () for a bare device. links: pins for
    links beside the UART, by kind, in the order of `threshc.hdl.targets.links.PINS`.
    """

    name: str
    title: str
    device: Device
    board: Board | Pins | None = None
    programmers: tuple[Programmer, ...] = ()
    links: tuple[tuple[str, tuple[str, ...]], ...] = ()
