"""Every command with every kind of bad path in every argument that takes one: the four-part error, exit code 1, nothing
written. The arguments are read from the command line itself; one of an unknown name fails here until it is classed."""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError

pytestmark = pytest.mark.slow

MODELS = {"model"}
SAMPLES = {"data", "labels", "test_data", "test_labels"}
FILES = {"netlist", "folder", "folders"}
OUTPUTS = {"json", "out", "report", "plot", "certificate", "checkpoint", "waves", "export"}
KNOWN = MODELS | SAMPLES | FILES | OUTPUTS


def commands() -> dict[str, click.Command]:
    """Every command of the command line by the words that call it."""
    found: dict[str, click.Command] = {}

    def walk(words: str, command: click.Command) -> None:
        if not hasattr(command, "list_commands"):
            found[words] = command
            return
        context = command.make_context("threshc", [], resilient_parsing=True)
        for name in command.list_commands(context):
            walk(f"{words} {name}".strip(), command.get_command(context, name))

    walk("", typer.main.get_command(app))
    return found


COMMANDS = commands()


def paths(command: click.Command) -> list[click.Parameter]:
    """Its parameters that are paths: of that type, or the model."""
    return [p for p in command.params if p.name == "model" or "path" in type(p.type).__name__.lower()]


CASES = [(words, p.name) for words, command in COMMANDS.items() for p in paths(command)]
IN = [(words, name) for words, name in CASES if name not in OUTPUTS]
OUT = [(words, name) for words, name in CASES if name in OUTPUTS]


def test_every_path_of_every_command_is_classed() -> None:
    assert len(COMMANDS) >= 13
    assert {name for _, name in CASES} <= KNOWN
    assert {words for words, _ in CASES} == set(COMMANDS) - {"targets", "doctor"}


@pytest.fixture(scope="module")
def place(root: Path) -> Iterator[Path]:
    """A folder that anybody can read, with a model, samples and a table, and bad files of every kind."""
    with tempfile.TemporaryDirectory(prefix="bad-paths-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "good.onnx").write_bytes((root / "examples/xor/xor.onnx").read_bytes())
        np.savez(folder / "good.npz", x=np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.uint8), y=np.array([0, 1, 1, 0]))
        (folder / "good.csv").write_text("a,b,y\n" + "".join(f"{k},{k * k % 7},{k % 2}\n" for k in range(12)))
        (folder / "empty").touch()
        (folder / "empty.npz").touch()
        (folder / "empty.csv").touch()
        (folder / "empty.onnx").touch()
        (folder / "empty.thresh").touch()
        (folder / "text").write_text("to be or not to be\n")
        (folder / "binary").write_bytes(bytes(range(256)) * 8)
        (folder / "binary.csv").write_bytes(b"1,2\n\xff\xfe\x00,3\n")
        (folder / "cut.npz").write_bytes((folder / "good.npz").read_bytes()[:150])
        (folder / "cut.onnx").write_bytes((folder / "good.onnx").read_bytes()[:150])
        (folder / "cut.gz").write_bytes(b"\x1f\x8b\x08\x00 not gzip")
        (folder / "lie.npy").write_bytes(
            b"\x93NUMPY\x01\x00\x76\x00"
            + b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999, 999), }".ljust(117)
            + b"\n"
        )
        (folder / "folder").mkdir()
        (folder / "locked").write_bytes((folder / "good.npz").read_bytes())
        (folder / "locked").chmod(0)
        (folder / "closed").mkdir(0o555)
        os.mkfifo(folder / "pipe")
        threshc.compile(folder / "good.onnx", folder / "made", input="bit", samples=4, simulator="amaranth")
        yield folder


BAD_INPUTS = (
    "missing",
    "missing/inside",
    "text/inside",
    "folder",
    "empty",
    "empty.npz",
    "empty.csv",
    "empty.onnx",
    "empty.thresh",
    "text",
    "binary",
    "binary.csv",
    "cut.npz",
    "cut.onnx",
    "cut.gz",
    "lie.npy",
    "pipe",
    "/dev/zero",
    "/dev/null",
    "x" * 5000,
    "\x1b[31mred\r\n",
    "",
    "locked",
)
BAD_OUTPUTS = ("missing/out.png", "text/out.png", "/dev/full/out.png", "closed/out.png", "x" * 300 + ".png")


def arguments(words: str, place: Path, out: Path) -> dict[str, list[str]]:
    """The words that make the command work: per parameter."""
    training = words.startswith("train")
    good = {
        "model": [str(place / "good.onnx")],
        "data": ["--data", str(place / ("good.csv" if training else "good.npz"))],
        "out": ["-o", str(out / {"sim": "made.npy", "run": "made.npy"}.get(words, "made.onnx"))],
        "input": ["--input", "bit"],
        "port": ["--port", "/dev/no-such-port"],
        "target": ["--target", "icebreaker"],
        "labels": ["--labels"],
        "certificate": ["-c"],
        "folder": [str(place / "made")],
        "folders": [str(place / "made"), str(place / "made")],
    }
    needed = {p.name for p in COMMANDS[words].params if p.required} | {"input", "out"}
    needed |= {"build": {"target"}, "sim": {"data"}}.get(words, set())
    takes = {p.name for p in COMMANDS[words].params}
    return {name: value for name, value in good.items() if name in needed & takes}


def call(words: str, place: Path, out: Path, name: str, value: str) -> CompileError:
    """Runs a command with one path replaced; returns the error that it must end with, within a minute."""
    used = arguments(words, place, out)
    parameter = next(p for p in COMMANDS[words].params if p.name == name)
    used[name] = [value] if parameter.param_type_name == "argument" else [parameter.opts[0], value]
    line = [*words.split(), *(w for part in used.values() for w in part)]
    before = {p: p.stat().st_size for p in place.rglob("*")}

    def late(*_: object) -> None:
        raise AssertionError("no answer in a minute")

    previous = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    try:
        result = CliRunner().invoke(app, line)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
    if result.exit_code == 2 and value == "":
        return CompileError([])  # no path at all: wrong usage
    assert isinstance(result.exception, CompileError), (line, result.exit_code, result.exception, result.output[-500:])
    assert not list(out.rglob("*")), line
    assert {p: p.stat().st_size for p in place.rglob("*")} == before, line
    return result.exception


@pytest.fixture
def without_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing below `locked` and `closed` can be opened, made or moved, as for a user without rights; root could."""

    def guarded(inner: Any) -> Any:
        def call(*given: Any, **more: Any) -> Any:
            for path in given[:2]:
                if isinstance(path, str | os.PathLike) and {"locked", "closed"} & set(Path(path).parts):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return inner(*given, **more)

        return call

    for module, name in (
        (os, "open"),
        (io, "open"),
        (builtins, "open"),
        (os, "mkdir"),
        (os, "replace"),
        (os, "rename"),
    ):
        monkeypatch.setattr(module, name, guarded(getattr(module, name)))
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "closed" not in Path(path).parts and access(path, mode))


@pytest.mark.usefixtures("without_rights")
@pytest.mark.parametrize(("words", "name"), IN)
def test_bad_inputs(place: Path, tmp_path_factory: pytest.TempPathFactory, words: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as out:
        for value in BAD_INPUTS:
            path = value if value.startswith("/") or not value else str(place / value)
            error = call(words, place, Path(out), name, path)
            for d in error.diagnostics:
                assert d.what, (words, value)
                assert d.where, (words, value, d)


@pytest.mark.usefixtures("without_rights")
@pytest.mark.parametrize(("words", "name"), OUT)
def test_bad_outputs(place: Path, words: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as out:
        for value in BAD_OUTPUTS:
            if words in ("compile", "build", "partition") and value.startswith("missing"):
                continue  # they make their folder, with the folders above it
            path = value if value.startswith("/") else str(place / value)
            error = call(words, place, Path(out), name, path)
            assert all(d.what and d.where and (d.why or d.hint) for d in error.diagnostics), (words, value, str(error))


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize("words", ["show MODEL --input bit", "show MODEL --input bit --ir", "targets", "show --help"])
@pytest.mark.parametrize("end", ["| true", "> /dev/full", ">&-"])
def test_output_that_nobody_takes(place: Path, words: str, end: str) -> None:
    """A closed pipe, a full disk, no output at all: an error at most, no traceback."""
    command = f"{sys.executable} -m threshc.cli.main {words.replace('MODEL', str(place / 'good.onnx'))} {end}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if end == "> /dev/full":
        assert done.returncode == 1
        assert done.stderr.startswith("error: the output cannot be written")


@pytest.mark.parametrize(
    ("command", "name", "said"),
    [
        (("sim", "--data", "x.npy", "--out"), "s.csv", ".npy is written"),
        (("sim", "--data", "x.npy", "-o"), "s", ".npy is written"),
        (("run", "--data", "x.npy", "--port", "/dev/null", "-o"), "s.npz", ".npy is written"),
        (("train", "convex", "--data", "x.csv", "--out"), "model.pt", ".onnx is written"),
        (
            ("train", "convex", "--data", "x.csv", "--out", "m.onnx", "--plot"),
            "p.txt",
            ".png or .svg or .pdf is written",
        ),
    ],
)
def test_a_name_of_another_kind_is_refused(command: tuple[str, ...], name: str, said: str, tmp_path: Path) -> None:
    goal = tmp_path / name
    model = [] if command[0] == "train" else [str(tmp_path / "model.onnx")]
    outcome = CliRunner().invoke(app, [command[0], *model, *command[1:], str(goal)])
    assert outcome.exit_code == 1
    error = outcome.exception
    assert isinstance(error, CompileError)
    assert "the file's name does not say what is written" in str(error)
    assert said in str(error)
    assert not goal.exists()
