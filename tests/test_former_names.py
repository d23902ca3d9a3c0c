"""Names of neuron architectures that scripts and old folders hold mean the present ones, everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import networks
import pytest
from import_graph import ROOT
from typer.testing import CliRunner

from threshc.cli.app import app
from threshc.hdl.options import CircuitOptions
from threshc.hdl.size import predict
from threshc.hdl.unrolled.neurons import ARCHITECTURES, FORMER_NAMES


@pytest.mark.parametrize(("former", "name"), FORMER_NAMES.items())
def test_options_take_them(former: str, name: str) -> None:
    made = CircuitOptions(neuron=former)
    assert made == CircuitOptions(neuron=name)
    assert made.to_json()["neuron"] == name
    assert CircuitOptions.from_json({"neuron": former}, "report.json") == made
    assert predict(networks.xor(), made) == predict(networks.xor(), CircuitOptions(neuron=name))


def test_they_lead_to_architectures_and_are_none() -> None:
    assert set(FORMER_NAMES.values()) <= set(ARCHITECTURES)
    assert not set(FORMER_NAMES) & set(ARCHITECTURES)


@pytest.mark.parametrize(("former", "name"), FORMER_NAMES.items())
def test_commands_and_old_folders_take_them(former: str, name: str, tmp_path: Path) -> None:
    model, out = str(ROOT / "examples/xor/xor.onnx"), tmp_path / "out"
    made = CliRunner().invoke(app, ["compile", model, "--input", "bit", "--neuron", former, "-o", str(out)])
    assert made.exit_code == 0, made.output
    report = out / "report.json"
    data = json.loads(report.read_text(encoding="utf-8"))
    assert data["options"]["circuit"]["neuron"] == name
    data["options"]["circuit"]["neuron"] = former
    report.write_text(json.dumps(data), encoding="utf-8")
    proved = CliRunner().invoke(app, ["prove", str(out), "-c", str(tmp_path / "cert")])
    assert proved.exit_code == 0, proved.output
    checked = CliRunner().invoke(app, ["prove", str(out), "-c", str(tmp_path / "cert"), "--check"])
    assert checked.exit_code == 0, checked.output
