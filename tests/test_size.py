"""Circuits and outputs that are too large: refused or announced within seconds, with the figure and what to do."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.compiler.memory import available
from threshc.hdl.options import CircuitOptions
from threshc.hdl.size import Size, predict, refuse_hopeless, refuse_vast, too_big
from threshc.hdl.targets.registry import target
from threshc.hdl.unrolled.build import build_design
from threshc.tasks.prove import prove
from threshc.tasks.run import run

pytestmark = pytest.mark.slow


def network(*sizes: int) -> Network:
    return networks.random_dense(np.random.default_rng(1), sizes, "pm1")


@pytest.mark.parametrize("neuron", ["auto", "compressor", "tree"])
@pytest.mark.parametrize("family", [None, "ice40", "xilinx"])
def test_predictions_are_those_of_the_design(neuron: str, family: str | None) -> None:
    """Nothing is made for them, so they are there before the search."""
    small = networks.random_dense(np.random.default_rng(1), (24, 8, 3), "int")
    options = CircuitOptions(neuron=neuron, family=family)
    size = predict(small, options)
    layers = build_design(small, options).neurons
    assert size.luts == sum(n.estimate.lut6 if family == "xilinx" else n.estimate.lut4 for n in layers)


def test_cells_are_about_those_of_a_large_design() -> None:
    large = network(256, 128, 10)
    assert predict(large).cells == pytest.approx(build_design(large).netlist.count, rel=0.1)


def test_a_circuit_many_times_the_device_is_refused_before_the_search(tmp_path: Path) -> None:
    """784-256-10: 90,000 LUTs for the 5,280 of the iCEBreaker; the search alone would take minutes."""
    with pytest.raises(CompileError, match=r"does not fit the iCE40UP5K(.|\n)*about 9\d,\d{3} LUTs, of 5,280"):
        threshc.build(network(784, 256, 10), tmp_path / "out", target="icebreaker")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("luts", "hint"),
    [
        (20_000, "a bigger target (tang-nano-20k, gw2ar-18c: 20,736 LUTs), smaller weights (weight_bits=), or"),
        (50_000, "a bigger target (ulx3s-85f, ecp5-85f: 83,640 LUTs), smaller weights"),
        (100_000, "a bigger target (xilinx7: 134,600 LUTs, no bitstream), smaller weights"),
        (
            414_368,
            "no known target is so large (the largest, xilinx7, has 134,600 LUTs): smaller weights (weight_bits=)",
        ),
    ],
)
def test_what_could_hold_a_circuit_is_named(luts: int, hint: str) -> None:
    with pytest.raises(CompileError) as caught:
        refuse_hopeless(luts, target("icebreaker").device)
    assert caught.value.diagnostics[0].hint.startswith(hint)


def test_a_circuit_that_nearly_fits_can_be_built_otherwise() -> None:
    device = target("icebreaker").device
    hint = too_big(device, "synthesis", "", 5_300).diagnostics[0].hint
    assert hint.startswith(
        "a bigger target (ice40hx8k-b-evn, hx8k-ct256, lp8k-cm225: 7,680 LUTs), another neuron=, fewer"
    )
    hint = too_big(device, "synthesis", "", 100, 30_000).diagnostics[0].hint  # flip-flops alone
    assert hint.startswith("a bigger target (gatemate-evb, ccgm1a1: 40,960 LUTs), another neuron=, fewer")


def test_a_circuit_that_may_not_fit_is_announced(tmp_path: Path) -> None:
    told: list[str] = []

    class Enough(Exception):
        pass

    def stop(text: str) -> None:
        if text.startswith("circuit of"):
            raise Enough

    with pytest.raises(Enough):
        threshc.build(network(200, 96, 4), tmp_path / "out", target="icebreaker", note=told.append, progress=stop)
    assert len(told) == 1
    assert "may not fit" in told[0]
    assert "of 5,280" in told[0]


def test_vast_circuits_are_refused_with_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threshc.hdl.size.available", lambda: 8_000_000_000)
    told: list[str] = []
    with pytest.raises(CompileError, match=r"about 10,000,000 cells(.|\n)*22\.0 GB of memory and 33 minutes; 8\.0 GB"):
        refuse_vast(Size(1, 10_000_000), told.append)
    assert told == []
    refuse_vast(Size(1, 10_000_000), told.append, large=True)
    refuse_vast(Size(1, 1_000_000), told.append)
    refuse_vast(Size(1, 100_000), told.append)
    assert [t.split(":")[0] for t in told] == ["the circuit is large"] * 2


def test_a_circuit_of_five_million_synapses_in_seconds(tmp_path: Path) -> None:
    """In a process of 6 GiB; `compile` of it ran for seven minutes before it was given up."""
    code = f"""
import sys; sys.path[:0] = {[str(Path(__file__).parent)]!r}
import networks, numpy as np, threshc
n = networks.random_dense(np.random.default_rng(1), (2048, 2400, 64), "pm1")
try:
    threshc.compile(n, {str(tmp_path / "out")!r})
except threshc.CompileError as error:
    print(error)
"""
    limit = 6 << 30
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.stdout.startswith("the circuit is too large for this machine\n  where: about 10,"), done.stderr
    assert "large=True to go on" in done.stdout


def test_memory_that_is_left() -> None:
    left = available()
    assert left is None or left > 0
    code = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
    code += "from threshc.compiler.memory import available; print(available())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 1 << 30


def quantized_map(side: int) -> onnx.ModelProto:
    """A convolution whose map is output through an eight-bit quantizer."""
    rng = np.random.default_rng(1)
    tensors = {
        "w": rng.choice(np.array([-1, 1], np.float32), (8, 1, 3, 3)),
        "s": np.float32(0.05),
        "z": np.uint8(128),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["d"]),
        helper.make_node("QuantizeLinear", ["d", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, side + 2, side + 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, side, side])
    graph = helper.make_graph(nodes, "map", [x], [y], [numpy_helper.from_array(v, k) for k, v in tensors.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_a_map_of_numbers_as_output_is_refused_before_its_identity_is_made() -> None:
    with pytest.raises(CompileError, match=r"its 131,072 numbers become sums of 131,072 x 131,072 weights, 128\.0 GiB"):
        threshc.load(quantized_map(128), input="int8/128")


CIRCUITS = {
    "verify": lambda n, **options: threshc.verify(n, samples=4, rtl_samples=4, **options),
    "prove": lambda n, **options: prove(n, **options),
    "rtl": lambda n, **options: threshc.simulate(n, np.zeros((1, 90), np.int64), engine="rtl", **options),
}


@pytest.mark.parametrize("command", CIRCUITS)
def test_every_command_that_makes_a_circuit_asks_first(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threshc.hdl.size.available", lambda: 1_000_000)
    monkeypatch.setattr("threshc.hdl.size.WORTH_A_WORD", 10)

    class Made(Exception):
        pass

    def make(*_: object, **__: object) -> None:
        raise Made

    monkeypatch.setattr("threshc.hdl.unrolled.build.build_design", make)
    told: list[str] = []
    with pytest.raises(CompileError, match=r"the circuit is too large for this machine(.|\n)*or large=True to go on"):
        CIRCUITS[command](network(90, 40, 3), note=told.append)
    assert told == []
    with pytest.raises(Made):
        CIRCUITS[command](network(90, 40, 3), note=told.append, large=True)
    assert [t.split(":")[0] for t in told] == ["the circuit is large"]


def test_a_board_does_not_make_vast_circuits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threshc.hdl.size.available", lambda: 1_000_000)
    with pytest.raises(CompileError, match="the circuit is too large for this machine"):
        run(network(90, 40, 3), "/dev/null", np.zeros((1, 90), np.int64))


@pytest.mark.parametrize("samples", [3, 3000])
def test_tables_that_do_not_fit(samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threshc.compiler.memory._SMALL", 0)
    monkeypatch.setattr("threshc.compiler.memory.available", lambda: 100_000)
    with pytest.raises(CompileError, match=r"packed simulator, 3,720 weights and 264 values(.|\n)*its tables take"):
        threshc.simulate(network(90, 40, 3), np.zeros((samples, 90), np.int64))


@pytest.mark.parametrize("samples", [100, 3000])
def test_results_that_do_not_fit(samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known before they are asked for: a billion samples' results would be pages that nobody has."""
    n = network(90, 40, 3)
    x = np.zeros((samples, 90), np.int64)
    threshc.simulate(n, x)
    monkeypatch.setattr("threshc.compiler.memory._SMALL", 0)
    monkeypatch.setattr("threshc.compiler.memory.available", lambda: 1_000)
    with pytest.raises(CompileError, match=rf"packed simulator, {samples:,} samples(.|\n)*try: fewer samples"):
        threshc.simulate(n, x)
    with pytest.raises(CompileError, match=rf"reference simulator, {samples:,} samples of(.|\n)*try: fewer samples"):
        threshc.simulate(n, x, engine="reference")


def test_what_is_small_is_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threshc.compiler.memory.available", lambda: 0)
    threshc.simulate(network(90, 40, 3), np.zeros((3, 90), np.int64))


@pytest.mark.skipif(available() is None, reason="the system does not say how much memory is free")
def test_results_of_a_terabyte() -> None:
    n = network(4, 30_000, 1)
    with pytest.raises(CompileError, match=r"their results take about [\d,]+\.\d GB of memory"):
        threshc.simulate(n, np.broadcast_to(np.zeros(4, np.int8), (40_000_000, 4)))
