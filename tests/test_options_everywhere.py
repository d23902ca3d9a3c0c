"""Every option of models and circuits is in every command, has a help text, reaches report.json, and fails first."""

from __future__ import annotations

import inspect
import json
import pydoc
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import FunctionType
from typing import Any, get_type_hints

import networks
import numpy as np
import pytest
import typer.main
from typer.testing import CliRunner

import threshc
from threshc.cli import chosen
from threshc.cli.app import app
from threshc.cli.errors import flag
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.storage import save
from threshc.hdl.options import CircuitOptions
from threshc.tasks.options import Keywords, ModelKeywords, ModelOptions
from threshc.tasks.recorded import recorded

COMMANDS = ("compile", "build", "prove", "verify")
ELSEWHERE = {"exact_scores": "scores"}
"""Options of models that another flag stands for: `--scores exact`."""
OPTIONS = [f.name for f in (*fields(ModelOptions), *fields(CircuitOptions))]
WRONG: dict[str, object] = {
    "input": "uint99999/x",
    "weight_bits": "some",
    "snap_weights": 0,
    "exact_scores": "yes",
    "raw": "yes",
    "neuron": "magic",
    "pipeline": "fast",
    "scores": "most",
    "family": "ice41",
    "effort": 0,
    "dont_care": "perhaps",
    "cut": "dense",
    "fold": "2by3",
}
"""A wrong value of every option."""
CALLS: dict[str, Callable[..., object]] = {
    "compile": lambda model, **words: threshc.compile(model, Path(model).parent / "out", **words),
    "build": lambda model, **words: threshc.build(
        model, Path(model).parent / "out", **{"target": "icebreaker"} | words
    ),
    "prove": threshc.prove,
    "verify": threshc.verify,
}


def _command(name: str) -> Any:
    return typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]


def test_every_option_is_here() -> None:
    assert list(WRONG) == OPTIONS


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_it_with_help(command: str, name: str) -> None:
    (found,) = (p for p in _command(command).params if p.name == ELSEWHERE.get(name, name))
    assert f"--{found.name.replace('_', '-')}" in found.opts
    assert len(found.help) > 10


def test_flags_keywords_and_fields_are_the_same() -> None:
    assert [*chosen.CIRCUIT] == [f.name for f in fields(CircuitOptions)]
    assert {*chosen.MODEL, *ELSEWHERE} == {f.name for f in fields(ModelOptions)}
    assert list(get_type_hints(ModelKeywords)) == [f.name for f in fields(ModelOptions)]
    assert set(get_type_hints(Keywords)) == set(OPTIONS)


@pytest.mark.parametrize("function", [threshc.compile, threshc.build, threshc.prove, threshc.verify])
def test_no_code_repeats_them_and_help_lists_them(function: FunctionType) -> None:
    code = function.__code__
    assert not set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]) & set(OPTIONS)
    listed = inspect.signature(function).parameters
    usual = {f.name: f.default for f in (*fields(ModelOptions), *fields(CircuitOptions))}
    assert {name: listed[name].default for name in OPTIONS} == usual
    assert "neuron: 'str' = 'auto'" in pydoc.plain(pydoc.render_doc(function))


@pytest.mark.parametrize(("name", "value"), WRONG.items())
@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_one_fails_before_the_model_is_read(command: str, name: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        CALLS[command](str(tmp_path / "no-such-model.onnx"), **{name: value})
    assert "no-such-model" not in str(caught.value)
    assert f"{name}=" in str(caught.value) or name == "input"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "words", "said"),
    [
        (c, w, s)
        for w, s in [
            ({"jobs": 0}, "0 jobs are not understood\n  where: jobs="),
            ({"jobs": True}, "True jobs are not understood"),
            ({"target": "icebraker"}, "did you mean 'icebreaker'?"),
            ({"family": "ecp5", "target": "icebreaker"}, "icebreaker is of the device family 'ice40', not 'ecp5'"),
        ]
        for c in COMMANDS
    ]
    + [
        (c, w, s)
        for w, s in [
            ({"simulator": "modelsim"}, "simulator 'modelsim' is not known\n  where: simulator="),
            ({"samples": 0}, "0 samples cannot be simulated\n  where: samples="),
            ({"samples": 2.5}, "2.5 samples cannot be simulated"),
        ]
        for c in ("compile", "build", "verify")
    ]
    + [
        ("verify", {"rtl_samples": 0}, "0 samples cannot be simulated\n  where: rtl_samples="),
        ("prove", {"check": True}, "there is no certificate to check\n  where: check="),
        ("prove", {"layer": "a", "netlist": "b"}, "a netlist is of the whole network\n  where: layer="),
        ("prove", {"layer": "a", "cut": ["b"]}, "layer= is not proved of a network that is cut\n  where: cut="),
        ("build", {"verify": "proof", "cut": ["b"]}, "netlists of several units are not proved\n  where: verify="),
        ("prove", {"netlist": "no-such-netlist"}, "the netlist cannot be read\n  where: no-such-netlist"),
        ("build", {"verify": "all"}, "there is no verification 'all'\n  where: verify="),
        ("build", {"freq": 5.0}, "a frequency of 5 Hz is not possible\n  where: freq="),
        ("build", {"freq": "fast"}, "a frequency of 'fast' Hz is not possible"),
        ("build", {"target_fmax": float("nan")}, "a frequency of nan Hz is not possible\n  where: target_fmax="),
        ("build", {"target_fmax": 9e7, "freq": 9e7}, "target_fmax= and freq= cannot be together"),
        ("build", {"target_fmax": 9e7, "pipeline": 3}, "target_fmax= and pipeline= cannot be together"),
        ("build", {"target": "xilinx7", "freq": 9e7}, "there is no place and route for"),
        ("build", {"target": "xilinx7", "target_fmax": 9e7}, "there is no place and route for"),
        ("build", {"seed": -1}, "seed -1 is not understood\n  where: seed="),
        ("build", {"seed": "x"}, "seed 'x' is not understood"),
        ("build", {"baud": 5_000_000}, "a 12 MHz clock cannot make 5000000 baud\n  where: baud="),
    ],
)
def test_other_wrong_options_fail_before_the_model_too(
    command: str, words: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(CompileError) as caught:
        CALLS[command](str(tmp_path / "no-such-model.onnx"), **words)
    assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_huge_model_is_not_looked_at(command: str, tmp_path: Path) -> None:
    """4 TB of a sparse file: reading it would end in another error."""
    model = tmp_path / "huge.onnx"
    with open(model, "wb") as file:
        file.truncate(1 << 42 if _holds(file, 1 << 42) else 1 << 32)
    where = ["--target", "icebreaker"] if command == "build" else []
    result = CliRunner().invoke(app, [command, str(model), "--neuron", "magic", *where])
    assert "there is no neuron architecture 'magic'\n  where: --neuron" in str(result.exception)


def _holds(file: Any, size: int) -> bool:
    try:
        file.truncate(size)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_keyword_is_a_type_error(command: str) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'nueron'"):
        CALLS[command]("no-such-model.onnx", nueron="tree")


@pytest.mark.parametrize("command", COMMANDS)
def test_objects_and_keywords_are_not_mixed(command: str) -> None:
    with pytest.raises(CompileError, match="options are given twice, in options= and beside it\n  where: neuron="):
        CALLS[command]("no-such-model.onnx", options=CircuitOptions(), neuron="tree")
    with pytest.raises(CompileError, match="options are given twice, in reading= and beside it\n  where: input="):
        CALLS[command]("no-such-model.onnx", reading=ModelOptions(), input="bit")


def test_they_reach_the_report_and_come_back(tmp_path: Path) -> None:
    """Every option as another value than usual, so that none may be lost."""
    circuit = CircuitOptions("tree", 3, True, "ecp5", 2, True, ("%2",))
    reading = ModelOptions("bit", None, 1, True, True)
    small = ModelOptions("bit", "min", exact_scores=True)
    usual = [f.name for f in fields(CircuitOptions) if getattr(circuit, f.name) == f.default]
    assert usual == ["fold"]  # with it most others would have no effect: tests/test_folded_commands.py
    assert CircuitOptions.from_json(CircuitOptions(fold="2x3@4").to_json(), "x").fold == "2x3@4"
    given = {name for made in (reading, small) for name in _changed(made)}
    assert given == {f.name for f in fields(ModelOptions)}
    model = networks.random_dense(np.random.default_rng(1), (5, 4, 3), "int", "bit")
    report = threshc.compile(
        model, tmp_path / "out", options=circuit, reading=ModelOptions("bit"), simulator="amaranth"
    )
    assert (report.options, report.reading) == (circuit, ModelOptions("bit"))
    assert recorded(tmp_path / "out").circuit == circuit
    path = tmp_path / "out" / "report.json"
    data = json.loads(path.read_text())
    assert data["format"] == 2
    assert data["options"]["circuit"] == circuit.to_json()
    for made in (reading, small):
        data["options"]["model"] = made.to_json()
        path.write_text(json.dumps(data))
        assert recorded(tmp_path / "out").model == made
    assert (
        "Options: neuron tree, pipeline 3, scores true, family ecp5, effort 2, dont\\_care true, cut %2"
        in (tmp_path / "out" / "report.md").read_text()
    )


def _changed(made: ModelOptions) -> list[str]:
    return [f.name for f in fields(made) if getattr(made, f.name) != f.default]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A folder with a circuit that no usual options make."""
    folder = tmp_path_factory.mktemp("made") / "out"
    words: dict[str, Any] = {"neuron": "tree", "pipeline": 2, "dont_care": True, "simulator": "amaranth"}
    threshc.compile(root / "examples/xor/xor.onnx", folder, input="bit", **words)
    return folder


def test_a_folder_is_verified_and_proved_with_its_own_options(out: Path) -> None:
    report = threshc.verify(out, samples=8, simulator="amaranth")
    names = [c.name for c in report.checks]
    assert report.ok
    assert names == ["reference = packed", "reference = RTL", "reference = RTL without hidden bits"]
    assert report.checks[-1].note.endswith("network_xor.v is the Verilog of this circuit, byte for byte")
    assert "is the Verilog of this circuit, byte for byte" in str(threshc.prove(out))
    assert threshc.verify(out, samples=8, simulator="amaranth", neuron="tree", pipeline=2).ok  # the same ones


@pytest.mark.parametrize(
    ("words", "where"),
    [
        ({"neuron": "table"}, "neuron="),
        ({"pipeline": 3, "effort": 2}, "pipeline=, effort="),
        ({"weight_bits": "min"}, "weight_bits="),
        ({"target": "icebreaker"}, "target="),
    ],
)
@pytest.mark.parametrize("command", ["prove", "verify"])
def test_other_options_than_a_folders_own_are_refused(
    out: Path, command: str, words: dict[str, Any], where: str
) -> None:
    with pytest.raises(CompileError) as caught:
        CALLS[command](out, **words)
    assert f"an option would have no effect\n  where: {where}\n  why: the network and the circuit of a folder" in str(
        caught.value
    )


def test_verify_refuses_a_folder_with_another_circuit(out: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for file in out.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    report = json.loads((other / "report.json").read_text())
    report["options"]["circuit"]["pipeline"] = "none"
    (other / "report.json").write_text(json.dumps(report))
    with pytest.raises(CompileError, match="the folder's Verilog is not its own circuit"):
        threshc.verify(other, samples=8, simulator="amaranth")
    report["format"] = 3
    (other / "report.json").write_text(json.dumps(report))
    for act in (threshc.verify, threshc.prove):
        with pytest.raises(CompileError, match="it has format 3, this version reads up to 2"):
            act(other)


def test_reports_of_the_former_format_are_read(out: Path, tmp_path: Path) -> None:
    """Their options were texts; boards that hold their bitstreams go on working."""
    report = json.loads((out / "report.json").read_text())
    del report["format"]
    report["options"] = {"neuron": "mdfa", "pipeline": "4", "scores": "true", "effort": "3", "dont_care": "true"}
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert recorded(tmp_path).circuit == CircuitOptions("mdfa", 4, True, None, 3, True)
    report["options"]["speed"] = "high"
    (tmp_path / "report.json").write_text(json.dumps(report))
    with pytest.raises(CompileError, match="option 'speed' is 'high', which this version does not know"):
        recorded(tmp_path)


def test_a_target_makes_the_circuit_that_build_makes(tmp_path: Path) -> None:
    network = networks.xor()
    made = threshc.compile(network, tmp_path / "out", target="icebreaker", simulator="amaranth").options
    assert made == CircuitOptions(pipeline=12, family="ice40")
    assert "cells of ice40, each equal to its node" in str(threshc.prove(network, target="icebreaker"))
    assert threshc.verify(network, samples=4, target="icebreaker", simulator="amaranth").ok


@pytest.mark.parametrize(
    ("reading", "note"),
    [
        (ModelOptions(weight_bits="min"), "proved equal on all inputs"),
        (ModelOptions(weight_bits=2), "weights of at most 2 bits: "),
        (ModelOptions(exact_scores=True), ""),
        (ModelOptions(raw=True), ""),
    ],
)
def test_verify_reads_models_as_build_does(reading: ModelOptions, note: str, root: Path) -> None:
    """Rounded weights are another network: it is compared with itself, and how far it is from the model is said."""
    made = {"samples": 32, "rtl_samples": 4, "pipeline": "none", "neuron": "compressor"}
    report = threshc.verify(root / "examples/rvscgd/digits.onnx", reading=reading, **made)  # type: ignore[arg-type]
    assert report.ok, str(report)
    assert any(note in text for text in report.notes) or not note
    assert "reference before passes = after passes" in [c.name for c in report.checks]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sim --engine fast --data x.npy", "there is no engine 'fast'\n  where: --engine"),
        ("sim --snap-weights 0 --data x.npy", "snap_weights 0 is not understood\n  where: --snap-weights"),
        ("sim --input uint99 --data x.npy", "'uint99' is not understood"),
        ("show --weight-bits x", "weight_bits 'x' is not understood\n  where: --weight-bits"),
        ("show --raw --weight-bits 3", "an option would have no effect\n  where: --weight-bits"),
        ("run --baud 0 --port /dev/null --data x.npy", "0 baud are not possible\n  where: --baud"),
        ("run --input uint99 --port /dev/null --data x.npy", "'uint99' is not understood"),
    ],
)
def test_commands_without_a_circuit_refuse_first_too(line: str, said: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 2), np.uint8))
    command, *words = line.replace("x.npy", str(tmp_path / "x.npy")).split()
    result = CliRunner().invoke(app, [command, str(tmp_path / "no-such-model.onnx"), *words])
    assert said in str(result.exception)
    assert "no-such-model" not in str(result.exception)


@pytest.mark.parametrize("command", COMMANDS)
def test_weights_that_an_architecture_does_not_take_fail_before_the_search(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object, **__: object) -> None:
        raise AssertionError("a circuit is made")

    for place in ("unrolled.build.build_design", "unrolled.layers.Builder.run"):
        monkeypatch.setattr(f"threshc.hdl.{place}", build)
    network = networks.random_dense(np.random.default_rng(8), (9, 4, 3))
    save(network, tmp_path / "wide.thresh")
    with pytest.raises(CompileError, match="'table' takes up to 6 inputs, a neuron here has 9\n  where: neuron="):
        CALLS[command](tmp_path / "wide.thresh", neuron="table")


@pytest.mark.parametrize("more", [["--target", "icebreaker"], ["--family", "ice40"]])
@pytest.mark.parametrize("command", COMMANDS)
def test_all_right_flags_together_lead_to_the_model(command: str, more: list[str], tmp_path: Path) -> None:
    given = {
        "input": "bit",
        "weight_bits": "3",
        "snap_weights": "4",
        "scores": "exact",
        "neuron": "tree",
        "pipeline": "3",
        "effort": "2",
        "dont_care": "",
    }
    assert {*given, "raw", "family", "cut", "fold"} == {*chosen.MODEL, *chosen.CIRCUIT}
    words = [word for name, value in given.items() for word in (flag(name), value) if word]
    target = ["--target", "icebreaker"] if command == "build" and more[0] != "--target" else []
    missing = str(tmp_path / "no-such-model.onnx")
    for rest in (words, ["--raw"]):
        result = CliRunner().invoke(app, [command, missing, *rest, *more, *target, "--jobs", "1"])
        assert isinstance(result.exception, CompileError), result.output
        assert "no-such-model.onnx" in str(result.exception)
