"""Ctrl-C and SIGTERM in the stages of commands, where they are known to be, and while a board never answers."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import networks
import pytest
from test_signals import SAID, start, stop

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.storage import save
from threshc.hdl.flow import tools
from threshc.sim.rtl import verilator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "sigtimedwait"), reason="needs POSIX signals with a time-out"),
]

STUCK_AT = """
import pkgutil, sys
from threshc.cli import main

place, name = sys.argv.pop(1).rsplit(".", 1)
owner = pkgutil.resolve_name(place)
stage = getattr(owner, name)

def again(*given, **named):
    print("ready", flush=True)
    while True:
        stage(*given, **named)

setattr(owner, name, again)
main.main()
"""
STAGES = {
    "first solve": ("convex", "threshc.train.column_generation._solve"),
    "pricing": ("convex", "threshc.train.column_generation._extend"),
    "epochs of ste": ("ste", "threshc.train.deep.loop._epoch"),
    "epochs of ftprop": ("ftprop", "threshc.train.deep.loop._epoch"),
    "epochs of rvscgd": ("rvscgd", "threshc.train.deep.loop._epoch"),
    "epochs of lookup": ("lookup", "threshc.train.deep.loop._epoch"),
}
ROWS = ["size,weight,class", *(f"{k},{(7 * k) % 11},{'large' if k > 19 else 'small'}" for k in range(40))]


COMMANDS = {
    "show": ("threshc.compiler.frontend.graph._ordered", 0.0),
    "sim --data digits_test.npz": (
        "threshc.sim.packed.machine.compile._image_of",
        0.2,
    ),  # Numba compiles
    "verify --data digits_test.npz": ("threshc.sim.reference._evaluate", 0.0),
    "compile -o {out}": ("threshc.sim.rtl.verilator._compile", 1.0),  # Verilator, then C++ compilers
    "compile -o {out} --effort 3 --jobs 2": ("threshc.hdl.pool.Pool.map", 0.5),
    "build --target icebreaker -o {out}": ("threshc.hdl.unrolled.build.build_design", 0.2),
    "build --device up5k-sg48 -o {out} --simulator amaranth": ("threshc.hdl.flow.synthesis.run_step", 1.0),  # Yosys
    "prove": ("threshc.hdl.proof.check.check", 0.0),
}


def stop_when_ready(process: subprocess.Popen[str], number: signal.Signals, later: float = 0.0) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "ready\n", (line, process.stderr and process.stderr.read())
    time.sleep(later)
    assert stop(process, number) == (128 + number, SAID[number])


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str, digits: Path, tmp_path: Path) -> None:
    """Processes that a command has started, and files that it has begun, are gone with it."""
    place, later = COMMANDS[command]
    if "verilator" in place and (reason := verilator.missing()):
        pytest.skip(reason)
    if "synthesis" in place:
        try:
            tools.find_tools((tools.YOSYS,))
        except CompileError as problem:
            pytest.skip(str(problem))
    for name in ("cache", "tmp", "work"):
        (tmp_path / name).mkdir()
    own = dict.fromkeys(("THRESHC_CACHE", "XDG_CACHE_HOME"), str(tmp_path / "cache"))
    environment = {**os.environ, **own, "TMPDIR": str(tmp_path / "tmp")}
    name, *rest = command.format(out=tmp_path / "work" / "out").split()
    number = (signal.SIGINT, signal.SIGTERM)[len(command) % 2]
    model = "digits.onnx"
    if "_compile" in place or "run_step" in place:  # so small that the stage is reached at once
        save(networks.xor(), model := str(tmp_path / "xor.thresh"))
    with start("-c", STUCK_AT, place, name, model, *rest, cwd=digits, env=environment) as process:
        stop_when_ready(process, number, later)
    assert os.listdir(tmp_path / "work") == []
    assert [p for p in tmp_path.rglob("*") if p.name.endswith(".partial") or "making" in p.name] == []


@pytest.mark.parametrize("stage", STAGES)
def test_training(stage: str, tmp_path: Path) -> None:
    command, place = STAGES[stage]
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    if command != "convex":
        pytest.importorskip("torch", reason="needs PyTorch")
    (tmp_path / "t.csv").write_text("\n".join(ROWS) + "\n")
    number = (signal.SIGINT, signal.SIGTERM)[len(stage) % 2]
    given = ("train", command, "--data", tmp_path / "t.csv", "-o", tmp_path / "m.onnx")
    with start("-c", STUCK_AT, place, *given) as process:
        stop_when_ready(process, number)
    assert os.listdir(tmp_path) == ["t.csv"]


@pytest.mark.parametrize("number", SAID, ids=lambda s: s.name)
def test_a_board_that_never_answers(number: signal.Signals, digits: Path) -> None:
    pytest.importorskip("serial", reason="needs pyserial")
    board, port = os.openpty()
    try:
        given = ("run", digits / "digits.onnx", "--port", os.ttyname(port), "--data", digits / "digits_test.npz")
        with start("-c", STUCK_AT, "threshc.hdl.shell.host.Board.ping", *given) as process:
            stop_when_ready(process, number)
    finally:
        os.close(board)
        os.close(port)
