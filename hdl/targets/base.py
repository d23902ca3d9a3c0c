"""What a target is: a device, and for a board the platform that knows its pins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """An FPGA. luts, ffs: how many it has (4-input LUTs, flip-flops); brams: block RAMs (iCE40 4 kbit, ECP5 18 kbit).

    family: its name (`threshc.hdl.families`); nextpnr: the arguments that select the device, e.g. ("--up5k",
    "--package", "sg48"); source: their data sheet. pins: some that a circuit without a board may take, the first one
    for the clock, where the family's tools do not choose pins themselves.
    """

    part: str
    family: str
    nextpnr: tuple[str, ...]
    luts: int
    ffs: int
    brams: int
    source: str
    pins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """A class of amaranth-boards: its module and name, the clock that it feeds to the design in Hz."""

    module: str
    platform: str
    clock_hz: int


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
class Target:
    """Something to build for. With a board: a bitstream with the network behind its UART. Without: out of context."""

    name: str
    title: str
    device: Device
    board: Board | Pins | None = None
