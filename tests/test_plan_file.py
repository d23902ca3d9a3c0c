"""Plans as JSON: written by `plan`, read by every command, and every malformed kind refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_folded_commands import run
from test_folded_mixed import need_yosys
from test_folded_network import exact, signs_network
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.storage import save
from threshc.hdl.chain import build
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.network import named_layers
from threshc.hdl.folded.plan_file import read_fold, settled
from threshc.tasks.plan import plan
from threshc.tasks.recorded import recorded

FOLD = "4x6,unrolled,1x6:lut@6"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save(signs_network(np.random.default_rng(3), (12, 8, 6, 5), pixels=True), tmp_path / "m.thresh")
    return tmp_path / "m.thresh"


def names(model: Path) -> list[str]:
    return [layer.name for layer in named_layers(threshc.load(model))]


def good(model: Path) -> dict[str, Any]:
    one, two, three = names(model)
    return {
        "entry": 6,
        "layers": [
            {"layer": two, "kind": "unrolled"},
            {"layer": one, "kind": "folded", "pe": 4, "simd": 6},
            {"layer": three, "kind": "folded", "pe": 1, "simd": 6, "store": "lut"},
        ],
    }


def test_what_plan_writes_is_read(model: Path, tmp_path: Path) -> None:
    file, report = tmp_path / "plan.json", tmp_path / "report.json"
    run("plan", model, "--target", "up5k-sg48", "--fold", FOLD, "-o", file)
    assert len(file.read_text().splitlines()) == 8  # a layer a line, for people
    report.write_text(run("plan", model, "--target", "up5k-sg48", "--fold", FOLD, "--json"))
    for path in (file, report):
        again = plan(model, target="up5k-sg48", fold=str(path))
        assert str(again.plan) == FOLD
        assert again.plan.file.text() == plan(model, target="up5k-sg48", fold=FOLD).plan.file.text()


def test_layers_are_named_in_any_order(model: Path, tmp_path: Path) -> None:
    text = json.dumps(good(model))
    assert settled(text, threshc.load(model)) == FOLD
    assert settled(FOLD, threshc.load(model)) == FOLD
    assert read_fold(text)[1] == 6
    (tmp_path / "p.json").write_text(text)
    assert "4x6,unrolled,1x6:lut@6" in run("plan", model, "--target", "icebreaker", "--fold", tmp_path / "p.json")


@pytest.mark.slow
def test_every_command_takes_a_file(model: Path, tmp_path: Path) -> None:
    """And the folder that compile makes says what it is by itself."""
    (tmp_path / "p.json").write_text(json.dumps(good(model)))
    fold, out = str(tmp_path / "p.json"), tmp_path / "out"
    assert threshc.verify(model, samples=10, fold=fold, simulator="amaranth").ok
    run("compile", model, "-o", out, "--fold", fold, "--samples", "10", "--simulator", "amaranth")
    assert json.loads((out / "report.json").read_text())["options"]["circuit"]["fold"] == FOLD
    (tmp_path / "p.json").unlink()
    assert threshc.verify(out, samples=10, simulator="amaranth").ok
    (tmp_path / "p.json").write_text(json.dumps(good(model)))
    proved = str(threshc.prove(out))
    assert "byte for byte" in proved
    assert ".mem" not in proved.split("nothing is said of them")[1]
    assert "proved: the circuit of signs" in run("prove", model, "--fold", fold, "--family", "ice40")


def test_buffer_and_queue(model: Path, tmp_path: Path) -> None:
    """Stated in the file, in a fold's text and in report.json; what is as usual is not written."""
    made, file = good(model), tmp_path / "p.json"
    made["layers"][1] |= {"buffer": 2, "queue": 3}
    made["layers"][2] |= {"queue": 1}
    file.write_text(json.dumps(made))
    fold = "4x6:b2:q3,unrolled,1x6:lut:q1@6"
    assert settled(file.read_text(), threshc.load(model)) == fold
    run("plan", model, "--target", "up5k-sg48", "--fold", file, "-o", tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text())
    assert [[layer.get(key) for key in ("buffer", "queue")] for layer in again["layers"]] == [
        [2, 3],
        [None] * 2,
        [None, 1],
    ]
    assert str(plan(model, target="up5k-sg48", fold=str(tmp_path / "again.json")).plan) == fold
    assert plan(model, target="up5k-sg48", fold=fold).plan.file.pretty() == (tmp_path / "again.json").read_text()
    out = tmp_path / "out"
    threshc.compile(model, out, fold=str(file), samples=20, simulator="amaranth")
    assert json.loads((out / "report.json").read_text())["options"]["circuit"]["fold"] == fold
    circuit = build(threshc.load(model), recorded(out).circuit)
    assert isinstance(circuit, FoldedChain)
    assert [(unit.places, unit.queue) for unit in circuit.units] == [(2, 3), (2, 1)]
    need_yosys()
    assert "byte for byte" in str(threshc.prove(out))


@pytest.mark.parametrize("busy", [True, False])
@pytest.mark.parametrize(
    "fold", ["4x6:b2:q1,3x8:b1:q1,1x6:b1:q1", "4x6:b3:q2,3x2:b4:q9,1x3:b5", "5x5:b4:q1,4x3:b4,1x4:b2:q1"]
)
def test_any_buffer_and_queue_is_exact(model: Path, fold: str, busy: bool) -> None:
    """The smallest ones too: every transfer as the cycle model says, and every answer right."""
    exact(np.random.default_rng(1), threshc.load(model), fold, 6, busy=busy)


def changed(model: Path, what: str, **values: object) -> object:
    made = good(model)
    if what == "layer":
        made["layers"][1] |= values
    elif what == "unrolled":
        made["layers"][0] |= values
    else:
        made |= values
    return made


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda m: [], "the plan is not an object"),
        (lambda m: 3, "the plan is not an object"),
        (lambda m: {}, "the plan has no layers"),
        (lambda m: changed(m, "", layers=[]), "the plan has no layers"),
        (lambda m: changed(m, "", layers={}), "the plan has no layers"),
        (lambda m: changed(m, "", layers=[3]), r"layers\[0\] is not an object"),
        (lambda m: changed(m, "", layer=[]), "the plan has the key 'layer'"),
        (lambda m: changed(m, "", entry=0), "the plan has entry 0"),
        (lambda m: changed(m, "", entry="6"), "the plan has entry '6'"),
        (lambda m: changed(m, "", entry=True), "the plan has entry True"),
        (lambda m: changed(m, "", entry=13), "a beat of 13 features: the network has 12"),
        (lambda m: changed(m, "layer", speed=1), r"layers\[1\] has the key 'speed'"),
        (lambda m: changed(m, "layer", layer=None), r"layers\[1\] names no layer"),
        (lambda m: changed(m, "layer", layer="nosuch"), "the network has no layer 'nosuch' to fold"),
        (lambda m: changed(m, "layer", layer=names(m)[1]), "names layer .* twice"),
        (lambda m: changed(m, "", layers=good(m)["layers"][:2]), "the plan does not name layer"),
        (lambda m: changed(m, "layer", kind="fold"), "has kind 'fold'"),
        (lambda m: changed(m, "layer", kind=None), "has kind None"),
        (lambda m: changed(m, "layer", kind=[]), r"has kind \[\]"),
        (lambda m: changed(m, "layer", pe=0), "has pe 0"),
        (lambda m: changed(m, "layer", pe=4.0), "has pe 4.0"),
        (lambda m: changed(m, "layer", simd=-6), "has simd -6"),
        (lambda m: changed(m, "layer", simd=10**9), "has simd 1000000000"),
        (lambda m: changed(m, "layer", simd=None), "has simd None"),
        (lambda m: changed(m, "layer", store="tape"), "has store 'tape'"),
        (lambda m: changed(m, "layer", store=["lut"]), r"has store \['lut'\]"),
        (lambda m: changed(m, "layer", kind="unrolled"), "which a layer of kind 'unrolled' has not"),
        (lambda m: changed(m, "unrolled", kind="folded"), "has no pe"),
        (lambda m: changed(m, "unrolled", store="block"), "which a layer of kind 'unrolled' has not"),
        (lambda m: changed(m, "unrolled", queue=2), "has queue, which a layer of kind 'unrolled' has not"),
        (lambda m: changed(m, "layer", buffer=0), "has buffer 0"),
        (lambda m: changed(m, "layer", queue="2"), "has queue '2'"),
        (lambda m: changed(m, "layer", buffer=1), "a buffer of 1 chunks is too small"),
        (lambda m: changed(m, "layer", simd=5, buffer=2), "a buffer of 2 chunks is too small"),
        (lambda m: changed(m, "layer", queue=1025), "a queue of 1,025 places is too long"),
        (lambda m: changed(m, "layer", pe=9), "PE 9 is not from 1 to 8"),
    ],
)
def test_malformed_plans(model: Path, tmp_path: Path, make: Any, said: str) -> None:
    (tmp_path / "p.json").write_text(json.dumps(make(model)))
    with pytest.raises(CompileError, match=said) as caught:
        plan(model, target="up5k-sg48", fold=str(tmp_path / "p.json"))
    assert all(f"\n  {part}: " in str(caught.value) for part in ("where", "try"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "the plan is not JSON"),
        (b"{", "the plan is not JSON"),
        (b"\xff{}", "the plan is not JSON"),
        (b'{"entry": NaN}', "the plan is not JSON"),
        (b'{"entry": 1, "entry": 2}', "the plan is not JSON"),
        (b"[" * 5000, "nested too deeply"),
    ],
)
def test_texts_that_are_no_plan(model: Path, tmp_path: Path, text: bytes, said: str) -> None:
    (tmp_path / "p.json").write_bytes(text)
    with pytest.raises(CompileError, match=said):
        threshc.compile(model, tmp_path / "o", fold=str(tmp_path / "p.json"))
    assert not (tmp_path / "o").exists()


def test_files_that_are_none(model: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path / "folder.json"):
        result = CliRunner().invoke(app, ["plan", str(model), "--target", "icebreaker", "--fold", str(path)])
        assert result.exit_code == 1
        assert "the plan cannot be read" in str(result.exception) or "not a regular file" in str(result.exception)
        (tmp_path / "folder.json").mkdir(exist_ok=True)
