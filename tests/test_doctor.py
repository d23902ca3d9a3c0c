"""`threshc doctor`: what is there, what is not and what to do about it; and compiling everything at once."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner

from threshc.cli.main import app
from threshc.sim.packed.machine import code, compile, image
from threshc.tasks import doctor


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of its own; code that this process has loaded does not count."""
    monkeypatch.setenv("THRESHC_CACHE", str(tmp_path / "cache"))
    code.address.cache_clear()
    monkeypatch.setattr(code, "_builds", {})
    return tmp_path / "cache"


def test_every_subject_is_found_or_has_a_hint() -> None:
    found = {f.subject: f for f in doctor.doctor()}
    assert {"Python", "numpy", "yosys", "Verilator", "processor", "cache", "torch"} <= set(found)
    for finding in found.values():
        assert finding.state
        if finding.state in ("missing", "not installed"):
            assert finding.hint, finding


def test_what_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda package: None)
    monkeypatch.setattr("threshc.hdl.flow.tools._find", lambda name: None)
    found = {f.subject: f for f in doctor.doctor()}
    assert found["torch"].state == "not installed"
    assert 'pip install "threshc[train]"' in found["torch"].hint
    assert found["numba"].hint == "pip install numba"
    assert found["yosys"].state == "not installed"
    assert 'pip install "threshc[fpga]"' in found["yosys"].hint


def test_no_home_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threshc.compiler.cache.place", lambda: None)
    found = {f.subject: f for f in doctor.doctor()}
    assert found["cache"].hint == "set THRESHC_CACHE to a folder of your own"


def test_warm_compiles_what_is_missing_once(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if not image.supported():
        pytest.skip("images are for x86-64 Linux")
    monkeypatch.setattr(compile, "NAMES", ("team", "rows_6_16"))
    runner = CliRunner()
    with caplog.at_level(logging.INFO, "threshc"):
        first = runner.invoke(app, ["doctor", "--warm"])
    assert first.exit_code == 0, first.output
    assert "machine code: 2 pieces compiled" in first.output
    assert "2 of 2 pieces in the cache" in first.output
    assert [r.getMessage() for r in caplog.records] == [
        "compiling the simulator for this processor, once per machine: team"
    ]
    assert sorted(p.name.split("-")[0] for p in empty_cache.glob("code/*.bin")) == ["rows_6_16", "team"]
    assert "machine code: all was there" in runner.invoke(app, ["doctor", "--warm"]).output
