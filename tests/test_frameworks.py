"""Networks built and exported in real frameworks: the labels of 256 samples are the framework's own, or the refusal is
the one that docs/reference/onnx.md states.

The scripts of `frameworks/` run in processes of their own, those of Larq and QKeras in the Python that
THRESHC_FRAMEWORKS_PYTHON names. Frameworks that are not there are skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from shutil import which

import numpy as np
import pytest

import threshc
from threshc.compiler.diagnostics import CompileError

HERE = Path(__file__).resolve().parent / "frameworks"
sys.path.append(str(HERE))
from catalog import CASES, SAMPLES, SCRIPTS, Case  # noqa: E402

pytestmark = pytest.mark.slow

NEEDS = {
    "PyTorch": ("torch",),
    "Brevitas": ("torch", "brevitas", "onnxoptimizer"),
    "Larq": ("larq", "tf2onnx"),
    "QKeras": ("qkeras", "tf2onnx"),
}
OWN = "THRESHC_FRAMEWORKS_PYTHON"
ROWS = [(case, name) for case in CASES for name in case.names()]


@cache
def missing(python: str, modules: tuple[str, ...]) -> list[str]:
    """The modules that a Python does not have."""
    code = "import sys; from importlib.util import find_spec; print(*[m for m in sys.argv[1:] if not find_spec(m)])"
    try:
        found = subprocess.run([python, "-c", code, *modules], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return list(modules)
    return found.stdout.split()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Runs the script of a framework once; the folder of its models. Skips where the framework is not installed."""

    @cache
    def run(framework: str, python: str) -> Path:
        folder = tmp_path_factory.mktemp(framework)
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
        command = [python, str(HERE / SCRIPTS[framework]), str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr[-2000:]
        return folder

    def folder(framework: str, name: str) -> Path:
        python = os.environ.get(OWN, sys.executable) if framework in ("Larq", "QKeras") else sys.executable
        modules = NEEDS[framework] + (("onnxscript",) if name.endswith("-dynamo") else ())
        if lacks := missing(python, modules):
            there = f", in the Python that {OWN} names" if framework in ("Larq", "QKeras") else ""
            pytest.skip(f"{framework}: needs {', '.join(lacks)}{there}")
        return run(framework, python)

    return folder


@pytest.mark.parametrize(("case", "name"), ROWS, ids=[f"{case.framework}-{name}" for case, name in ROWS])
def test_labels(case: Case, name: str, made: Callable[[str, str], Path]) -> None:
    folder = made(case.framework, name)
    trouble = folder / f"{name}.txt"
    assert not trouble.exists(), trouble.read_text(encoding="utf-8")
    saved = np.load(folder / f"{name}.npz")
    x, scores = saved["x"], saved["scores"]
    said: list[str] = []
    network, why = None, ""
    try:
        network = threshc.load(folder / f"{name}.onnx", input=case.input, snap_weights=case.snap, note=said.append)
    except CompileError as error:
        why = str(error)
    if network is None:
        assert case.refused, why
        assert why.startswith(case.refused), why
        return
    want = scores if scores.ndim == 1 else scores.argmax(axis=1)
    got = threshc.simulate(network, x).labels
    assert got is not None
    assert len(want) == len(got) == SAMPLES
    assert len(set(want.tolist())) > 1
    for k in np.flatnonzero(got != want):
        assert scores.ndim == 2, f"sample {k}: {got[k]}, not {want[k]}"
        apart = float(scores[k, want[k]] - scores[k, got[k]])
        assert apart <= 2.0**-20 * float(np.abs(scores[k]).max()), f"sample {k}: {got[k]}, not {want[k]}: {scores[k]}"
    assert bool(said) == (case.snap is not None)
    if case.refused:
        pytest.xfail("it is read, and right: frameworks/catalog.py still says that it is refused")


@pytest.mark.skipif(which("iverilog") is None, reason="needs Icarus Verilog")
@pytest.mark.parametrize("name", [name for case, name in ROWS if case.rtl])
def test_every_hidden_bit(name: str, made: Callable[[str, str], Path]) -> None:
    pytest.importorskip("qonnx", reason="qonnx is not installed")
    folder = made("Brevitas", name)
    x = np.load(folder / f"{name}.npz")["x"][:32]
    report = threshc.verify(folder / f"{name}.onnx", x, input="uint8/255", rtl_samples=8, simulator="icarus")
    assert report.ok, str(report)
    assert report.peer is not None
    by_peer, rtl = (
        next(c for c in report.checks if c.name == n) for n in (f"{report.peer} = reference", "reference = RTL")
    )
    assert by_peer.bits > 4000
    assert rtl.bits > 1000


def test_there_are_enough() -> None:
    """Files of one name would be one file."""
    assert len({name for _, name in ROWS}) == len(ROWS) >= 24
    assert {case.framework for case in CASES} == set(SCRIPTS) == set(NEEDS)
