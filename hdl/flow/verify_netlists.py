"""The netlists of a build, simulated on samples before anything is placed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from threshc.compiler.progress import Progress
from threshc.hdl.cells.drive import Bytes, Exercised, exercise_network
from threshc.hdl.cells.drive_harness import exercise_harness
from threshc.hdl.cells.drive_uart import exercise_board
from threshc.hdl.cells.filled import filled
from threshc.hdl.cells.read import read_netlist
from threshc.hdl.interface import Interface
from threshc.hdl.naming import TOP
from threshc.hdl.shell.uart import divisor
from threshc.hdl.targets.base import Target
from threshc.hdl.targets.clock import Clock
from threshc.hdl.targets.links import UART


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """words (N, bytes): inputs as `threshc.hdl.payload.pack` packs them; expected (N, bytes): the output words."""

    words: Bytes
    expected: Bytes


def verify_netlists(
    interface: Interface,
    target: Target,
    folder: Path,
    samples: Samples,
    baud: int,
    clock: Clock | None,
    progress: Progress,
    link: str = UART,
) -> tuple[Exercised, ...]:
    """Runs the samples through network.json and top.json of `synthesize`. clock: a board's, None for a bare device;
    link: a board's, of which the UART alone is simulated at its pins.

    Raises CompileError where a netlist is wrong.
    """
    family = target.device.family
    progress(f"simulating the netlist of the network on {len(samples.words):,} samples")
    network = read_netlist(folder / "network.json", family, interface.name)
    done = [exercise_network(network, interface, samples.words, samples.expected)]
    if link != UART:
        progress(f"the netlist that is placed is not simulated at its pins: no driver for {link.upper()} is there")
        return tuple(done)
    progress("simulating the netlist that is placed, at its pins")
    whole = read_netlist(folder / "top.json", family, TOP)
    if clock is None:
        if interface.load is not None:
            progress("weights that are loaded at start are taken as loaded: the harness does not load them")
        done.append(exercise_harness(filled(whole, interface), interface, samples.words, samples.expected))
        return tuple(done)
    cycles = divisor(clock.hz, baud)
    found = exercise_board(
        whole, interface, samples.words, samples.expected, cycles_per_bit=cycles, clock_hz=float(clock.hz)
    )
    if found is None:
        progress("the netlist that is placed is not simulated at its pins: its serial port takes too many cycles")
        return tuple(done)
    return (*done, found)
