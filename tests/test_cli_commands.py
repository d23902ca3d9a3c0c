"""The commands as users type them: output, files, exit codes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from threshc.cli.main import app
from threshc.hdl.targets.registry import targets

pytestmark = pytest.mark.slow

COMMANDS = ("show", "sim", "verify", "compile", "build", "run", "targets")
_PLAIN = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def threshc() -> Callable[..., str]:
    """Runs a command that must succeed; its stdout without colours."""

    def run(*arguments: object) -> str:
        result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return _PLAIN.sub("", result.stdout)

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(threshc: Callable[..., str], command: str) -> None:
    usage, _, text = threshc(command, "--help").partition("[OPTIONS]")
    assert f"threshc {command}" in usage
    assert f"threshc {command}" in text


def test_show_counts(threshc: Callable[..., str], digits: Path) -> None:
    text = threshc("show", digits / "digits.onnx")
    assert re.search(r"scores +122 +10 .* 766 ", text)
    assert re.search(r"weights and thresholds, bits +19,887", text)


def test_show_ir_is_the_text_form(threshc: Callable[..., str], root: Path) -> None:
    from threshc.compiler.ir.parser import parse_network

    text = threshc("show", root / "examples/xor/xor.onnx", "--input", "bit", "--ir")
    assert str(parse_network(text)).strip() == text.strip()
    raw = threshc("show", root / "examples/xor/xor.onnx", "--input", "bit", "--ir", "--raw")
    assert raw.count("[1, 1]") > text.count("[1, 1]")


def test_print_ir_after(threshc: Callable[..., str], root: Path, tmp_path: Path) -> None:
    xor = root / "examples/xor/xor.onnx"
    common = ("--input", "bit", "--samples", 4, "--simulator", "amaranth", "-o", tmp_path / "out")
    text = threshc("compile", xor, *common, "--print-ir-after", "dropunused", "--verify-passes")
    assert text.startswith("# after DropUnused\nnetwork ")


def test_sim_prints_accuracy_and_writes_labels(threshc: Callable[..., str], digits: Path, tmp_path: Path) -> None:
    data = digits / "digits_test.npz"
    text = threshc("sim", digits / "digits.onnx", "--data", data, "--out", tmp_path / "y.npy")
    assert "accuracy: 95.56% (430 of 450)" in text
    classes = np.load(tmp_path / "y.npy")
    assert classes.shape == (450,)
    text = threshc("sim", digits / "digits.onnx", "--data", data, "--limit", 3, "--engine", "reference")
    assert text == f"classes: {' '.join(map(str, classes[:3]))} \nsamples: 3\naccuracy: 100.00% (3 of 3)\n"


def test_verify_says_what_is_equal(threshc: Callable[..., str], digits: Path) -> None:
    text = threshc("verify", digits / "digits.onnx", "--data", digits / "digits_test.npz", "--no-rtl")
    assert re.search(r"equal: .*onnxruntime.*450 samples", text)
    assert "equal: reference = packed" in text


def test_targets_lists_boards_and_devices(threshc: Callable[..., str]) -> None:
    text = threshc("targets")
    for name in targets():
        assert name in text


def test_compile_writes_a_folder_with_a_report(threshc: Callable[..., str], digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    data = digits / "digits_test.npz"
    common = ("--data", data, "--limit", 5, "--scores", "--simulator", "amaranth", "-o", out)
    text = threshc("compile", digits / "digits.onnx", *common)
    assert re.search(r"equal to the packed simulator +5 of 5 \(given inputs\) +simulated", text)
    report = json.loads((out / "report.json").read_text())
    assert sorted(p.name for p in out.iterdir()) == report["files"]
    wanted = {"digits.v", "digits_tb.v", "digits_in.hex", "digits_out.hex", "model.thresh", "report.md", "report.json"}
    wanted |= {"digits.h", "digits_pkg.sv", "digits_io.py"}
    assert set(report["files"]) == wanted
    assert report["simulated"]["equal"] == report["simulated"]["samples"] == report["simulated"]["correct"] == 5
    assert report["counted"]["totals"]["synapses"] == 2434
    assert [f["kind"] for f in report["design"]["fields"]] == ["class", "scores"]
    assert {f["source"] for f in report["figures"]} <= set(report["sources"])
    assert report["built"] is None
    markdown = (out / "report.md").read_text()
    assert "| equal to the packed simulator | 5 of 5 (given inputs) | simulated |" in markdown
    again = threshc("show", out)
    assert "step(64 real features)" in again


def test_the_testbench_passes_in_icarus(threshc: Callable[..., str], digits: Path, tmp_path: Path) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("needs iverilog on PATH")
    data = digits / "digits_test.npz"
    threshc(
        "compile",
        digits / "digits.onnx",
        "--data",
        data,
        "--limit",
        20,
        "-o",
        tmp_path / "out",
        "--simulator",
        "icarus",
    )
    command = (tmp_path / "out/digits_tb.v").read_text().partition("icarus: ")[2].splitlines()[0]
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path / "out", capture_output=True, text=True, check=True)
    assert "PASS: 20 answers" in done.stdout
