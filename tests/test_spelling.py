"""Rooms below cli never spell a flag: `option("neuron")` is `--neuron` on the command line and `neuron=` in Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from import_graph import ROOT, files
from typer.testing import CliRunner

import threshc
from threshc.cli.app import app
from threshc.cli.errors import flag
from threshc.compiler.diagnostics import CompileError, keyword, option, spelled

BELOW = {path for path in files().values() if path.parts[0] not in ("api", "cli")}
TOOLS = {
    "hdl/export",
    "hdl/families",  # arguments of nextpnr and packers
    "hdl/targets",
    "hdl/flow/routing.py",
    "hdl/flow/tools.py",
    "sim/rtl/verilator.py",
}
"""Files and folders whose strings hold arguments of other programs."""
COMMANDS = {("tasks/doctor.py", "threshc doctor --warm")}
"""Whole commands of ours that a text asks for."""


def _strings(path: Path) -> Iterator[str]:
    """The literal strings of a file, pieces of f-strings too, without docstrings."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    loose = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in loose:
            yield node.value


def _may(path: Path) -> bool:
    return any(path.as_posix() == tool or path.as_posix().startswith(f"{tool}/") for tool in TOOLS)


def test_no_flag_below_the_command_line() -> None:
    found = set()
    for path in BELOW:
        for text in _strings(path):
            for command in (c for p, c in COMMANDS if p == path.as_posix()):
                text = text.replace(command, "")
            if re.search(r"(?<![\w-])--[a-z]", text) and not _may(path):
                found.add(f"{path}: {text}")
    assert found == set()


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_the_exceptions_are_needed(tool: str) -> None:
    texts = [text for path in BELOW if path.as_posix().startswith(tool) for text in _strings(path)]
    assert any(re.search(r"(?<![\w-])--[a-z]", text) for text in texts), f"{tool} holds no flags any more"


def test_messages_are_made_when_they_are_read() -> None:
    """A constant of a module would be spelled for whoever imported it."""
    found = []
    for path in BELOW:
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                names = [n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
                found += [str(path)] * names.count("option")
    assert found == []


@pytest.mark.parametrize(
    ("name", "value", "python", "command"),
    [
        ("neuron", None, "neuron=", "--neuron"),
        ("weight_bits", "min", "weight_bits='min'", "--weight-bits min"),
        ("snap_weights", 64, "snap_weights=64", "--snap-weights 64"),
        ("large", True, "large=True", "--large"),
        ("rtl", False, "rtl=False", "--no-rtl"),
        ("input", "uint8/255", "input='uint8/255'", "--input uint8/255"),
        ("input", "(uint8/255-0.5)/2", "input='(uint8/255-0.5)/2'", '--input "(uint8/255-0.5)/2"'),
        ("table", "onehot=a:x|y", "table='onehot=a:x|y'", '--table "onehot=a:x|y"'),
    ],
)
def test_both_spellings(name: str, value: str | int | None, python: str, command: str) -> None:
    assert option(name, value) == keyword(name, value) == python
    assert flag(name, value) == command
    with spelled(flag):
        assert option(name, value) == command
    assert option(name, value) == python


def test_the_same_error_for_both() -> None:
    with pytest.raises(CompileError) as python:
        threshc.compile("no.onnx", "no", effort=0)
    command = CliRunner().invoke(app, ["compile", "no.onnx", "--effort", "0"])
    assert str(python.value) == "effort 0 is not understood\n  where: effort=\n  try: 1 to 100"
    assert str(command.exception) == "effort 0 is not understood\n  where: --effort\n  try: 1 to 100"
    assert option("effort") == "effort="
