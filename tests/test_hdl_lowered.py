"""A design's circuit is made once, whoever asks, and goes with the design."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from typer.testing import CliRunner

from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.hdl.flow.tools import find_tools
from threshc.hdl.kept import kept
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled import lower
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.emit import portable_verilog
from threshc.hdl.unrolled.mapped import mapped_verilog


@pytest.fixture
def lowerings(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often `lower` ran."""
    calls: Counter[str] = Counter()
    original = lower.lower

    def counting(*args: Any, **options: Any) -> Any:
        calls["lower"] += 1
        return original(*args, **options)

    monkeypatch.setattr(lower, "lower", counting)
    return calls


@pytest.mark.slow
def test_a_build_lowers_its_circuit_once(root: Path, tmp_path: Path, lowerings: Counter[str]) -> None:
    """The search of don't-cares, portable and mapped text, the certificate and two reports by layer use one circuit."""
    try:
        find_tools(("yosys", "nextpnr-ice40", "icepack"))
    except CompileError as problem:
        pytest.skip("; ".join(d.what for d in problem.diagnostics))
    pytest.importorskip("amaranth_boards", reason="needs amaranth-boards")
    what = ["build", str(root / "examples/xor/xor.onnx"), "--input", "bit", "--samples", "4", "--simulator", "amaranth"]
    how = ["--target", "icebreaker", "--dont-care", "--verify", "proof", "-o", str(tmp_path / "out")]
    assert CliRunner().invoke(app, [*what, *how], catch_exceptions=False).exit_code == 0
    assert lowerings == {"lower": 1}


def test_texts_use_the_circuit_that_is_there(lowerings: Counter[str]) -> None:
    design = build_design(networks.random_dense(np.random.default_rng(1), (9, 5, 3)), CircuitOptions(dont_care=True))
    for family in ("ice40", "ecp5"):
        mapped_verilog(design, family)
    assert portable_verilog(design) is portable_verilog(design)
    assert lowerings == {"lower": 1}


def test_what_is_kept_goes_with_its_object() -> None:
    design = build_design(networks.xor())
    circuit, gone = weakref.ref(lower.lowered(design).luts), weakref.ref(design)
    portable_verilog(design)
    assert circuit() is lower.lowered(design).luts
    del design
    gc.collect()
    assert gone() is None
    assert circuit() is None


def test_kept_calls_once_for_each_object() -> None:
    class Thing:
        pass

    first, second = Thing(), Thing()
    calls: list[Thing] = []
    make = kept(lambda thing: calls.append(thing) or len(calls))  # type: ignore[func-returns-value]
    assert [make(first), make(second), make(first)] == [1, 2, 1]
    assert calls == [first, second]
