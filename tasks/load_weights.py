"""Weights through the serial port into a board that waits for them, from the folder that `build` made."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threshc.compiler.diagnostics import fail
from threshc.compiler.progress import Note, Progress, silent
from threshc.tasks.folder import REPORT, report_of
from threshc.tasks.read_network import load_network, thresh_of
from threshc.tasks.recorded import recorded

if TYPE_CHECKING:
    from threshc.hdl.shell.line import Port


@dataclass(frozen=True, slots=True)
class LoadedWeights:
    """An image of weights that a board took and found right. bytes: of the image; crc: its CRC-32."""

    bytes: int
    crc: int

    def __str__(self) -> str:
        return f"the board took {self.bytes:,} bytes of weights, and their CRC-32 {self.crc:08x} is right"


def load_weights(
    folder: str | os.PathLike[str],
    port: str | Port,
    *,
    baud: int | None = None,
    note: Note | None = None,
    progress: Progress | None = None,
) -> LoadedWeights:
    """Sends the weights of a folder's circuit through the serial port to the board that its bitstream is on, which
    takes samples from then on, until its power goes.

    That is for circuits whose weights stand in memories without contents (`:spram`), where no flash holds them or what
    it holds is wrong; the board checks them. baud: None for what the folder's report says. What is damaged on the way
    is sent anew, twice at most; `note` is told that. Raises CompileError where the folder's circuit takes no weights,
    its report states another image than its network makes, the port cannot be opened, the board runs another network or
    was built with other weights, and where it does not answer.
    """
    from threshc.hdl.chain import build
    from threshc.hdl.shell.host import Board, checked_baud
    from threshc.hdl.shell.image import image_crc, make_image
    from threshc.hdl.shell.protocol import BAUD

    progress = progress or silent
    path = thresh_of(Path(folder)).parent
    built = _object(report_of(path), "built")
    said = _object(built, "running").get("baud", BAUD)
    baud = checked_baud(said if baud is None else baud)
    progress("reading the network")
    circuit = build(load_network(path), recorded(path).circuit)
    if circuit.interface.load is None:
        raise fail(
            "the circuit takes no weights from its host",
            where=str(folder),
            why="none of its memories is filled at start: all its weights are in the bitstream",
            hint="threshc program puts the bitstream on the board",
        )
    crc = image_crc(make_image(circuit.interface))
    stated = _object(built, "loading").get("crc", crc)
    if stated != crc:
        why = f"their CRC-32 is {crc}, {REPORT} says {stated}"
        raise fail("the weights are not those that were built", where=str(folder), why=why, hint="build it again")
    progress("opening the port")
    board = Board(port, circuit.interface, baud=baud)
    try:
        count = board.load(progress=progress)
    finally:
        board.close()
    if note is not None and board.failures:
        reasons = ", ".join(f"{reason} ({number} times)" for reason, number in board.failures.items())
        note(f"sent again for what was damaged: {reasons}")
    return LoadedWeights(count, crc)


def _object(found: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of a report, {} where there is none."""
    part = found.get(name)
    return part if isinstance(part, dict) else {}
