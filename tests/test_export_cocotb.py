"""Exported AXI4-Stream blocks in cocotb, with cocotbext-axi's own source, sink and master: a second head."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as Xml
from pathlib import Path

import networks
import numpy as np
import pytest
from test_export import in_beats, top

import threshc
from threshc.hdl.export.files import export_files
from threshc.hdl.payload import pack
from threshc.hdl.shell.testbench import self_checking
from threshc.sim import rtl
from threshc.sim.inputs import encode
from threshc.tasks.stimulus import answers

pytestmark = pytest.mark.slow

TESTS = 4


@pytest.fixture(autouse=True)
def _needs() -> None:
    for package in ("cocotb", "cocotbext.axi"):
        try:
            found = importlib.util.find_spec(package)
        except ModuleNotFoundError:
            found = None
        if found is None:
            pytest.skip(f"needs the PyPI package {package.replace('.', '-')}")
    for tool in ("iverilog", "make"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")


def make(folder: Path, frames: int) -> None:
    """Runs `make` in an export; every test must have passed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "FRAMES": str(frames)}
    environment = {k: v for k, v in environment.items() if not k.startswith("PYTEST") and k != "MAKEFLAGS"}
    done = subprocess.run(
        ["make"], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    cases = list(Xml.parse(folder / "results.xml").iter("testcase"))
    assert len(cases) == TESTS
    assert [c.get("name") for c in cases if c.find("failure") is not None or c.find("error") is not None] == []


def test_a_thousand_digits(digits: Path, tmp_path: Path) -> None:
    x = np.load(digits / "digits_test.npz")["x"]
    threshc.compile(digits / "digits.onnx", tmp_path / "ip", x=x, simulator="icarus", export_as="axi-stream")
    make(tmp_path / "ip", 1000)


def test_a_folded_circuit(tmp_path: Path) -> None:
    """Samples of several transfers: frames that are too short, too long, and cut by resets."""
    network = networks.random_dense(np.random.default_rng(5), (20, 6, 4, 3), "ternary")
    out = tmp_path / "ip"
    threshc.compile(network, out, fold="2x4,2x2,1x2@2", samples=40, simulator="icarus", export_as="axi-stream")
    make(out, 200)


def test_answers_of_several_transfers(tmp_path: Path) -> None:
    unit = in_beats()
    interface = unit.interface
    x = networks.random_samples(np.random.default_rng(1), interface.network, 30)
    words = pack(interface.network, encode(interface.network, x))
    expected = rtl.run_words(unit, words, simulator="amaranth")
    text = unit.verilog()
    files = export_files(interface, "axi-stream", text, {}) | {f"{interface.name}.v": text}
    files |= self_checking(interface, words, answers(unit, expected))  # type: ignore[arg-type]
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    make(tmp_path, 100)


def test_the_test_can_fail(tmp_path: Path) -> None:
    """A wrapper that forgets that a sample was bad."""
    network = networks.random_dense(np.random.default_rng(5), (20, 6, 4, 3), "ternary")
    out = tmp_path / "ip"
    threshc.compile(network, out, fold="2x4,2x2,1x2@2", samples=40, simulator="icarus", export_as="axi-stream")
    path = out / f"{top(out)}.v"
    text = path.read_text()
    assert text.count("<= whole;") == 1
    path.write_text(text.replace("<= whole;", "<= 1'b1;"))
    with pytest.raises(AssertionError, match="samples_with_a_wrong_tlast"):
        make(out, 20)
