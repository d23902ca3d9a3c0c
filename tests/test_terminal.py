"""Text that leaves: whatever a model, a file or an argument calls itself, and whatever the terminal can show."""

from __future__ import annotations

import ast
import gzip
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from threshc.compiler.diagnostics import CompileError, Diagnostic, Lines, fail, grouped, visible

pytestmark = pytest.mark.slow

EVIL = "a\x1b[31mred\x1b]0;title\x07\nerror: planted\n         try: rm\r\u202egnp\u2028\x9b2J\x7f"
FOREIGN = "網ü±"
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def _model(path: Path, name: str, operator: str = "GreaterOrEqual") -> Path:
    """A small model all of whose names hold `name`."""
    rng = np.random.default_rng(1)
    weights = {"zero": np.float32(0), "w": rng.choice([-1, 1], (6, 4)), "v": rng.choice([-1, 1], (4, 3))}
    x, g, a, s, h, b, y = (f"{c}{name}" for c in "xgashby")
    constants = [numpy_helper.from_array(np.asarray(v, np.float32), f"{k}{name}") for k, v in weights.items()]

    def node(kind: str, *ends: str, **options: int) -> onnx.NodeProto:
        return helper.make_node(kind, list(ends[:-1]), [ends[-1]], name=f"{kind}{ends[-1]}", **options)

    nodes = [
        node(operator, x, f"zero{name}", g),
        node("Cast", g, a, to=TensorProto.FLOAT),
        node("MatMul", a, f"w{name}", s),
        node("GreaterOrEqual", s, f"zero{name}", h),
        node("Cast", h, b, to=TensorProto.FLOAT),
        node("MatMul", b, f"v{name}", y),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", k]) for n, k in ((x, 6), (y, 3))]
    graph = helper.make_graph(nodes, name, ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)
    return path


def _run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "threshc.cli.main", *map(str, arguments)],
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
        timeout=300,
    )


def _clean(text: str) -> None:
    """No control character, and no line that the names could have made."""
    found = _RAW.search(text)
    assert found is None, text[max(0, found.start() - 60) : found.end() + 20]
    assert "\nerror: planted" not in text
    assert "\n         try: rm" not in text


COMMANDS = [
    "show M",
    "show --pattern M",
    "show --ir M",
    "sim M --data D",
    "sim M --data D --report R",
    "verify M --samples 8 --rtl-samples 4 --simulator amaranth",
    "prove M -c C",
    "compile M -o O --simulator amaranth --samples 8",
    "compile M -o O --print-ir-after all --simulator amaranth --samples 8",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_names_of_a_model_reach_nothing_raw(tmp_path: Path, command: str) -> None:
    folder = tmp_path / EVIL.replace("/", "")
    folder.mkdir()
    np.save(tmp_path / "d.npy", np.zeros((3, 6), np.float32))
    places = {
        "M": _model(folder / "m.onnx", EVIL),
        "D": tmp_path / "d.npy",
        "C": folder / "c.json",
        "O": folder / "out",
        "R": folder / "report.md",
    }
    done = _run(*(places.get(word, word) for word in command.split()))
    said = done.stdout.decode() + done.stderr.decode()
    _clean(said)
    assert "Traceback" not in said
    assert done.returncode == 0, said
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix not in (".onnx", ".thresh"):
            content = path.read_bytes()
            _clean((gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8"))


@pytest.mark.parametrize("command", ["show M", "show X", "show M X", "show M --X", "N", "compile M -o F/x", "sim M X"])
def test_errors_hold_nothing_raw(tmp_path: Path, command: str) -> None:
    model = _model(tmp_path / "m.onnx", EVIL, operator="Erf" if command == "show M" else "GreaterOrEqual")
    file = tmp_path / EVIL.replace("/", "")
    file.write_text("")
    done = _run(
        *(
            {"M": model, "X": file, "--X": f"--{EVIL}", "N": file.name, "F/x": file / "x"}.get(w, w)
            for w in command.split()
        )
    )
    said = done.stdout.decode() + done.stderr.decode()
    _clean(said)
    assert done.returncode in (1, 2)
    assert "Traceback" not in said


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "shift_jis"])
@pytest.mark.parametrize("command", ["show M", "show --ir M", "show N", "show --help", "sim M --data D"])
def test_what_an_encoding_lacks_is_replaced(tmp_path: Path, command: str, encoding: str) -> None:
    np.save(tmp_path / "d.npy", np.zeros((3, 6), np.float32))
    places = {"M": _model(tmp_path / f"{FOREIGN}.onnx", FOREIGN), "N": tmp_path / f"{FOREIGN}", "D": tmp_path / "d.npy"}
    done = _run(*(places.get(word, word) for word in command.split()), PYTHONIOENCODING=encoding)
    said = (done.stdout + done.stderr).decode(encoding)
    assert "Traceback" not in said
    assert done.returncode == (command == "show N"), said
    if encoding == "ascii" and command in ("show M", "show N"):
        assert "\\u7db2\\xfc+-" in said


@pytest.mark.parametrize("locale", ["C", "POSIX", "xx_XX.nonsense", ""])
def test_locales(tmp_path: Path, locale: str) -> None:
    model = _model(tmp_path / f"{FOREIGN}.onnx", FOREIGN)
    where = {"LC_ALL": locale, "LANG": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = _run("compile", model, "-o", tmp_path / FOREIGN, "--simulator", "amaranth", "--samples", "4", **where)
    assert (done.returncode, done.stderr) == (0, b"")
    assert FOREIGN in (tmp_path / FOREIGN / "report.md").read_text(encoding="utf-8")


def test_visible() -> None:
    assert visible("a\tü≥ \x1b[31m\n") == "a\\tü≥ \\x1b[31m\\n"
    assert visible("a\n\x1bb", lines=True) == "a\n\\x1bb"
    assert visible("\u202e\u2066\u200b\ufeff\x85\x9b") == "\\u202e\\u2066\\u200b\\ufeff\\x85\\x9b"
    assert visible("caf\udce9") == "caf\\udce9"  # a path that is not UTF-8
    for text in (EVIL, FOREIGN):
        assert visible(visible(text)) == visible(text)
        assert visible(text).isprintable()


def test_diagnostics_are_visible_wherever_they_go() -> None:
    error = fail(EVIL, where=EVIL, why=EVIL, hint=EVIL)
    for text in (str(error), repr(error.args[0])):
        _clean(text)
    assert len(str(error).splitlines()) == 4
    (one,) = grouped([Diagnostic("what", EVIL), Diagnostic("what", "b\n")])
    assert one.where == f"{visible(EVIL)}\n         b\\n"
    assert Diagnostic("what", why=Lines.of(["a\x1b", "b"])).why == "a\\x1b\n       b"
    assert isinstance(CompileError([one]).diagnostics[0].where, Lines)


def _calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            yield called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", ""), node


@pytest.mark.parametrize("room", ["api", "cli", "compiler", "hdl", "sim", "tasks", "train"])
def test_no_file_and_no_tool_is_read_or_written_in_the_encoding_of_the_locale(root: Path, room: str) -> None:
    for path in (root / room).rglob("*.py"):
        for name, call in _calls(path):
            given = {k.arg for k in call.keywords}
            place = f"{path.relative_to(root)}:{call.lineno}"
            if name in ("read_text", "write_text") and isinstance(call.func, ast.Attribute):
                assert "encoding" in given or ast.unparse(call.func) == "hdl.proof.text.read_text", place
            mode = [ast.literal_eval(a) for a in call.args[1:2] if isinstance(a, ast.Constant)]
            if name == "open" and isinstance(call.func, ast.Name):
                assert "encoding" in given or any("b" in str(m) for m in mode), place
            if name in ("run", "Popen") and ast.unparse(call.func).startswith("subprocess.") and "text" in given:
                assert "errors" in given, place
