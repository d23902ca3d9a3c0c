"""Samples to a board and answers back, for a model or the folder that its bitstream lies in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.progress import Note, Progress, silent
from threshc.hdl.options import CircuitOptions
from threshc.tasks.options import Keywords, ModelOptions, chosen_options, lists_options
from threshc.tasks.read_network import load_network
from threshc.tasks.recorded import folder_of, recorded
from threshc.tasks.stimulus import given

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from threshc.hdl.shell.line import Port
    from threshc.hdl.shell.protocol import Counts
    from threshc.sim.result import Result
    from threshc.tasks.read_network import Model


@lists_options(ModelOptions, CircuitOptions)
def run(
    model: Model,
    port: str | Port,
    x: ArrayLike,
    *,
    reading: ModelOptions | None = None,
    options: CircuitOptions | None = None,
    baud: int | None = None,
    link: str = "uart",
    sck: float | None = None,
    note: Note | None = None,
    progress: Progress | None = None,
    **keywords: Unpack[Keywords],
) -> Result:
    """Runs samples (as `simulate` takes them) on the board at a port; the result has no hidden bits.

    model: what the bitstream was built from, or the folder that holds it, whose report says whether scores are output
    and how layers are folded. reading, options, keywords: as for `build`; the other options of the circuit may be left
    out, since a board does not tell circuits apart that answer alike.
    link: as the bitstream was built for: `uart` or `ft245`, whose port is the serial one, or `spi`, whose port is the
    URL of a USB bridge as pyftdi has it (ftdi://ftdi:2232h/1), with the rate sck in Hz, 10 MHz without.
    Raises CompileError when the model's circuit is too large for this machine, the port cannot be opened, nothing
    answers, or the board holds another network.
    note: is told what was damaged on the way and asked for again, and how many requests the board itself has dropped.
    """
    from threshc.hdl.chain import build
    from threshc.hdl.shell.host import Board, checked_baud
    from threshc.hdl.shell.protocol import BAUD
    from threshc.hdl.shell.spi_bridge import SCK, Bridge, checked_sck
    from threshc.hdl.size import predict, refuse_vast
    from threshc.hdl.targets.links import FT245, SPI, UART, checked_kind
    from threshc.sim.rtl import to_result

    progress = progress or silent
    how, circuit = chosen_options(reading, options, keywords)
    kind = checked_kind(link)
    _refuse_idle(kind, {UART: {"sck": sck}, SPI: {"baud": baud}, FT245: {"sck": sck, "baud": baud}})
    baud, sck = checked_baud(BAUD if baud is None else baud), checked_sck(SCK if sck is None else sck)
    folder = folder_of(model)
    own = circuit if folder is None else recorded(folder).circuit
    scores = circuit.scores or own.scores
    progress("reading the model")
    network = load_network(model, how)
    if own.fold is None:
        refuse_vast(predict(network), instead="the model that the board was made for")
    # What the board says about itself depends on the network, the answer's fields and how many beats make a sample, not
    # on neurons or registers.
    design = build(network, CircuitOptions(scores=scores) if own.fold is None else own)
    samples = given(network, x)
    progress("opening the port")
    if kind == SPI and isinstance(port, str):
        port = Bridge(port, design.interface, sck)
    board = Board(port, design.interface, baud=baud)
    try:
        before = board.counts()
        words = board.infer(samples.words, progress=progress)
        after = board.counts()
    finally:
        board.close()
    if note is not None and board.failures:
        note(_repeated(board.failures, None if before is None or after is None else after.since(before)))
    return to_result(design.interface, words)


def _refuse_idle(link: str, others: Mapping[str, Mapping[str, object]]) -> None:
    """Raises CompileError for an option of another link."""
    for name, value in others[link].items():
        if value is not None:
            why = f"{option('link', link)} has none"
            raise fail("an option would have no effect", where=option(name), why=why, hint=f"omit {option(name)}")


def _repeated(failures: Counter[str], counts: Counts | None) -> str:
    said = ", ".join(f"{reason} ({number} times)" for reason, number in failures.items())
    if counts is not None:
        said += f"; the board answered {counts.answered:,} requests and dropped {counts.dropped:,}"
    return f"asked again for what was damaged: {said}"
