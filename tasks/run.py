"""Samples to a board and answers back, for a model or the folder that its bitstream lies in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from threshc.compiler.bounded import read_json
from threshc.compiler.diagnostics import CompileError
from threshc.tasks.folder import REPORT
from threshc.tasks.load import Scores, load_network
from threshc.tasks.stimulus import given

if TYPE_CHECKING:
    from threshc.hdl.shell.host import Port
    from threshc.sim.result import Result
    from threshc.tasks.load import Model


def run_on_board(
    model: Model,
    port: str | Port,
    x: ArrayLike,
    *,
    input: str | None = None,
    scores: Scores = False,
    baud: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Result:
    """Run samples (as `simulate` takes them) on the board at a serial port; the result has no hidden bits.

    model: what the bitstream was built from, or the folder that holds it, whose report says whether scores are put out.
    Raises CompileError when the model's circuit is too large for this machine, the port cannot be opened, nothing
    answers, or the board holds another network.
    """
    from threshc.hdl.options import CircuitOptions
    from threshc.hdl.shell.host import Board
    from threshc.hdl.shell.protocol import BAUD
    from threshc.hdl.size import predict, refuse_vast
    from threshc.hdl.unrolled.build import build_design
    from threshc.sim.rtl import to_result

    say = progress or (lambda _: None)
    say("reading the model")
    network = load_network(model, input=input, exact_scores=scores == "exact")
    refuse_vast(predict(network), instead="the model that the board was made for")
    # What the board says about itself depends on the network and the answer's fields, not on neurons or registers.
    design = build_design(network, CircuitOptions(scores=bool(scores) or _scores_of(model)))
    samples = given(network, x)
    say("opening the port")
    board = Board(port, design.interface, baud=BAUD if baud is None else baud)
    try:
        words = board.infer(samples.words, progress=say)
    finally:
        board.close()
    return to_result(design.interface, words)


def _scores_of(model: Model) -> bool:
    """Whether the report in a folder says that the circuit puts out scores."""
    if not isinstance(model, str | os.PathLike) or not os.path.isdir(model):
        return False
    try:
        report = read_json(Path(model) / REPORT, "report")
        return bool(report["options"]["scores"] == "true")
    except (CompileError, KeyError, TypeError):
        return False
