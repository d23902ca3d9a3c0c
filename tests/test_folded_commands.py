"""Folded circuits by the commands: planned, compiled, verified with every hidden bit, proved, built, refused."""

from __future__ import annotations

import json
from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from test_folded_network import signs_network, sparse_network
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.layers import layers
from threshc.compiler.ir.storage import save
from threshc.hdl.chain import build
from threshc.hdl.flow import tools
from threshc.hdl.flow.prove_folded import prove_chain
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.fold import Fold
from threshc.hdl.folded.network import named_layers
from threshc.hdl.options import CircuitOptions
from threshc.sim import rtl
from threshc.tasks.plan import plan

FOLD = "4x6,3x8,1x6@6"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    network = signs_network(np.random.default_rng(3), (12, 8, 6, 5), pixels=True)
    save(network, tmp_path / "m.thresh")
    return tmp_path / "m.thresh"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["amaranth", "icarus", "verilator"])
def test_verify_compares_every_hidden_bit(model: Path, simulator: str) -> None:
    missing = rtl.available()[simulator]  # type: ignore[index]
    if missing:
        pytest.skip(missing)
    report = threshc.verify(model, samples=40, fold=FOLD, simulator=simulator)
    (check,) = [c for c in report.checks if c.name == "reference = RTL"]
    assert check.equal
    assert check.bits == min(64, check.samples) * (12 + 8 + 6)


@pytest.mark.slow
@pytest.mark.parametrize("thresholds", [(64, 192), (3, 100, 200)])
def test_verify_compares_what_inputs_are_compared_with(tmp_path: Path, thresholds: tuple[int, ...]) -> None:
    """Also where the circuit makes more comparisons than the network has."""
    network = sparse_network(np.random.default_rng(2), 6, thresholds, 0.7)
    save(network, tmp_path / "m.thresh")
    report = threshc.verify(tmp_path / "m.thresh", samples=20, fold=f"2x{len(thresholds)},1x2@2", simulator="amaranth")
    (check,) = [c for c in report.checks if c.name == "reference = RTL"]
    assert check.equal
    assert check.bits == 20 * (network.types[1].shape[0] + 8)


@pytest.mark.slow
def test_a_folder(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = run("compile", model, "-o", out, "--fold", FOLD, "--samples", "20", "--simulator", "amaranth")
    assert "1 sample per 5 cycles" in said
    files = {p.name for p in out.iterdir()}
    assert {"signs.v", *(f"signs_layer{k}_weights.mem" for k in range(3))} <= files
    assert json.loads((out / "report.json").read_text())["options"]["circuit"]["fold"] == FOLD
    report = threshc.verify(out, samples=20, simulator="amaranth")
    assert report.ok
    assert any("is the Verilog of this circuit" in str(c) for c in report.checks)
    memory = out / "signs_layer1_weights.mem"
    memory.write_text(memory.read_text().replace("0", "1", 1))
    with pytest.raises(CompileError, match=r"weights are not of its own circuit\n  where: .*signs_layer1_weights\.mem"):
        threshc.verify(out, samples=20, simulator="amaranth")
    memory.unlink()
    with pytest.raises(CompileError, match=r"where: .*signs_layer1_weights\.mem\n  why: No such file"):
        threshc.verify(out, samples=20, simulator="amaranth")
    run("compile", model, "-o", out, "--samples", "20", "--simulator", "amaranth")  # takes the memories away again
    assert not list(out.glob("*.mem"))


def test_plan(model: Path) -> None:
    wide = signs_network(np.random.default_rng(3), (96, 64, 32, 10), pixels=True)
    fast = plan(wide, target="up5k-sg48")
    slow = plan(wide, target="up5k-sg48", target_fps=fast.clock_hz / 500)
    assert fast.plan.interval < slow.plan.interval <= 500
    assert slow.plan.luts < fast.plan.luts
    assert fast.samples_per_second == fast.clock_hz / fast.plan.interval
    made = plan(model, target="up5k-sg48", fold=FOLD)
    assert (str(made.plan), made.plan.interval) == (FOLD, 5)
    told = json.loads(run("plan", model, "--target", "icebreaker", "--json", "--fold", FOLD))
    assert told["clock_hz"] == 12_000_000
    assert not told["clock_assumed"]
    assert [layer["cycles"] for layer in told["layers"]] == [
        layer["inputs"] // layer["simd"] * (layer["neurons"] // layer["pe"]) for layer in told["layers"]
    ]
    assert "samples a second at 12 MHz (of the board)" in run("plan", model, "--target", "icebreaker")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fold": "4x6"}, "the network has 3 layers to fold, not 1"),
        ({"fold": 4}, "fold 4 is not understood"),
        ({"fold": None}, "fold None is not understood"),
        ({"fold": FOLD + ",1x1"}, "is not a number of features"),
        ({"fold": "4x6,3x8,1x6,1x1"}, "the network has 3 layers to fold, not 4"),
        ({"fold": "9x6,3x8,1x6"}, "PE 9 is not from 1 to 8"),
        ({"fold": "4x24,3x8,1x6"}, "SIMD 24 is not from 1 to 12"),
        ({"fold": "4x6,3x8,1x6@13"}, "a beat of 13 features: the network has 12"),
        ({"target_fps": -1.0}, "cannot be"),
        ({"target_fps": float("nan")}, "cannot be"),
        ({"clock": float("inf")}, "cannot be"),
        ({"clock": "12"}, "clock '12' is not understood"),
        ({"target_fps": True}, "target_fps True is not understood"),
        ({"target_fps": 10**400}, "is not understood"),
        ({"target": None}, "target None is not known"),
    ],
)
def test_plans_that_are_none(model: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(CompileError, match=said) as caught:
        plan(model, **({"target": "up5k-sg48"} | options))  # type: ignore[arg-type]
    assert "\n  try: " in str(caught.value)


@pytest.mark.parametrize("text", ["--netlist", "--circuit"])
def test_only_unrolled_circuits_in_one_piece_have_a_text(model: Path, tmp_path: Path, text: str) -> None:
    threshc.compile(model, tmp_path / "o", samples=5, fold=FOLD, simulator="amaranth")
    first = layers(threshc.load(model))[0].name
    for options in ([model, "--fold", FOLD], [model, "--cut", first], [tmp_path / "o"]):
        result = CliRunner().invoke(app, ["show", text, *map(str, options)])
        assert result.exit_code == 1
        assert "only an unrolled circuit in one piece has this text" in str(result.exception or result.output)


def test_the_text_of_a_folder_is_of_its_own_circuit(model: Path, tmp_path: Path) -> None:
    threshc.compile(model, tmp_path / "o", samples=5, pipeline="none", simulator="amaranth")
    assert run("show", tmp_path / "o", "--circuit") == run("show", model, "--circuit", "--pipeline", "none")
    assert run("show", tmp_path / "o", "--circuit") != run("show", model, "--circuit")


def test_one_text_is_shown(model: Path) -> None:
    result = CliRunner().invoke(app, ["show", str(model), "--ir", "--circuit"])
    assert result.exit_code == 2
    assert "give one of them" in result.output


def test_the_slowest_plan() -> None:
    wide = signs_network(np.random.default_rng(3), (96, 64, 32, 32), pixels=True)
    slowest = plan(wide, target="up5k-sg48", target_fps=5e-324)
    assert all(isinstance(fold, Fold) and fold.pe == 1 for fold in slowest.plan.folds)


@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["amaranth", "icarus", "verilator"])
@pytest.mark.parametrize("fold", ["8x12,6x8,1x6", "8x12:lut,6x8:lut,5x6:lut"])
def test_memories_of_one_word(model: Path, fold: str, simulator: str) -> None:
    missing = rtl.available()[simulator]  # type: ignore[index]
    if missing:
        pytest.skip(missing)
    assert threshc.verify(model, samples=20, fold=fold, simulator=simulator).ok


def test_auto_is_the_plan(model: Path, tmp_path: Path) -> None:
    wanted = str(plan(model, target="up5k-sg48").plan)
    run("compile", model, "-o", tmp_path / "o", "--fold", "auto", "--target", "up5k-sg48", "--samples", "5")
    circuit = json.loads((tmp_path / "o/report.json").read_text())["options"]["circuit"]
    assert (circuit["fold"], circuit["family"]) == (wanted, "ice40")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fold": "auto"}, "needs a device to fit"),
        ({"fold": "4x6"}, "the network has 3 layers to fold, not 1"),
        ({"fold": "4x13,3x8,1x6"}, "SIMD 13 is not from 1 to 12"),
        ({"fold": "what"}, "is not the folding of a layer"),
        ({"fold": FOLD, "effort": 3}, "an option would have no effect"),
        ({"fold": FOLD, "neuron": "tree"}, "an option would have no effect"),
        ({"fold": FOLD, "dont_care": True}, "an option would have no effect"),
        ({"fold": FOLD, "cut": ["a"]}, "an option would have no effect"),
        ({"fold": FOLD, "pipeline": "none"}, "an option would have no effect"),
        ({"fold": FOLD, "scores": True}, "folded circuits output the class alone"),
        ({"fold": 4}, "is not understood"),
    ],
)
def test_refusals(model: Path, tmp_path: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(CompileError, match=said):
        threshc.compile(model, tmp_path / "o", samples=5, **options)  # type: ignore[arg-type]
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"verify": "proof"}, "netlists of folded circuits are not proved"),
        ({"target_fmax": 5e7}, "the registers of folded circuits are not searched for"),
    ],
)
def test_what_build_does_with_unrolled_circuits_alone(model: Path, tmp_path: Path, words: dict, said: str) -> None:
    with pytest.raises(CompileError, match=said) as caught:
        threshc.build(model, tmp_path / "o", target="up5k-sg48", fold=FOLD, **words)
    assert "try: " in str(caught.value)


def test_poolings_have_a_name_of_their_own(tmp_path: Path) -> None:
    network = networks.random_conv(np.random.default_rng(0))
    save(network, tmp_path / "c.thresh")
    named = named_layers(network)
    with pytest.raises(CompileError, match="1x1 is not what this layer can be"):
        threshc.compile(tmp_path / "c.thresh", tmp_path / "o", fold=",".join(["1x1"] * len(named)))
    fold = ",".join("pool" if layer.kind == "pool" else "1x1" for layer in named)
    threshc.compile(tmp_path / "c.thresh", tmp_path / "o", fold=fold)
    assert "pool" in fold.split(",")


def _integers(path: Path) -> Path:
    """An ONNX model: bytes weighed with -7 to 7, then ternary weights, then -4 to 3, and the arg-max."""
    rng, f = np.random.default_rng(0), onnx.TensorProto.FLOAT
    weights = [rng.integers(-7, 8, (16, 6)), rng.integers(-1, 2, (6, 4)), rng.integers(-4, 4, (4, 3))]
    biases = [rng.integers(-900, 900, 6) + 0.5, rng.integers(-1, 2, 4) - 0.5, rng.integers(-2, 3, 3)]
    nodes, given, made = [], "x", [onnx.numpy_helper.from_array(np.zeros((), np.float32), "zero")]
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        made += [onnx.numpy_helper.from_array(a.astype(np.float32), f"{name}{k}") for name, a in (("w", w), ("b", b))]
        nodes.append(onnx.helper.make_node("Gemm", [given, f"w{k}", f"b{k}"], [f"s{k}"]))
        nodes.append(onnx.helper.make_node("GreaterOrEqual", [f"s{k}", "zero"], [f"g{k}"]))
        nodes.append(onnx.helper.make_node("Cast", [f"g{k}"], [f"c{k}"], to=f))
        given = f"c{k}"
    nodes[-2:] = [onnx.helper.make_node("ArgMax", ["s2"], ["y"], axis=1, keepdims=0)]
    ends = (
        [onnx.helper.make_tensor_value_info("x", f, [1, 16])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.INT64, [1])],
    )
    graph = onnx.helper.make_graph(nodes, "integers", *ends, made)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.mark.slow
def test_integers_from_onnx(tmp_path: Path) -> None:
    """Compared with onnxruntime where it is there, simulated, proved."""
    path = _integers(tmp_path / "integers.onnx")
    report = threshc.verify(path, input="uint8", samples=30, fold="2x4,2x2,1x2@2", simulator="amaranth")
    assert report.ok
    (check,) = [c for c in report.checks if c.name == "reference = RTL"]
    assert check.bits == 30 * 10
    network = threshc.load(path, input="uint8")
    for family in ("ecp5", "xilinx"):
        made = build(network, CircuitOptions(fold="2x4,2x2,1x2@2", family=family))
        assert isinstance(made, FoldedChain)
        assert prove_chain(made, family=family, induction=False).weights == 96 + 24 + 12


@pytest.mark.slow
def test_ternary_weights(digits: Path) -> None:
    report = threshc.verify(digits / "digits.onnx", samples=20, fold="61x8:lut,1x61@4", simulator="amaranth")
    (check,) = [c for c in report.checks if c.name == "reference = RTL"]
    assert check.equal
    assert check.bits == 20 * 122


@pytest.mark.slow
def test_prove(model: Path) -> None:
    try:
        tools.find_tools((tools.YOSYS,))
    except CompileError as problem:
        pytest.skip(str(problem))
    proof = str(threshc.prove(model, fold=FOLD, family="ecp5"))
    assert f"{12 * 8 + 8 * 6 + 6 * 5:,} x weight, read back from the memories" in proof
    with pytest.raises(CompileError, match="proved without"):
        threshc.prove(model, "x.cert", fold=FOLD)


@pytest.mark.slow
def test_a_bitstream_and_its_netlist(model: Path, tmp_path: Path) -> None:
    try:
        tools.find_tools((tools.YOSYS, "nextpnr-ice40", "icepack"))
    except CompileError as problem:
        pytest.skip(str(problem))
    report = threshc.build(model, tmp_path / "o", target="up5k-sg48", fold=FOLD, samples=30, verify="netlist")
    assert report.build is not None
    assert report.build.interval_cycles == 5
    assert len(report.build.verified) == 2
    assert report.build.network.brams >= 3
    assert {layer.name for layer in report.build.layers} >= {layer.name for layer in report.design.neurons}
    assert (tmp_path / "o/project/signs_layer0_weights.mem").exists()
