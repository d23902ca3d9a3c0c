"""`verify` can fail: with any kernel broken, an evaluator that is not ours says so; rounding is shown, not presumed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_models import QONNX, Model
from patterns import PATTERNS, Pattern, bits, conv, pm1
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.graph import Node, build_graph
from threshc.compiler.frontend.kernels import registry
from threshc.compiler.frontend.kernels.linear import _dot
from threshc.compiler.frontend.load import lower_model
from threshc.sim import reference
from threshc.sim.inputs import encode
from threshc.sim.peers import reference_peer
from threshc.tasks.second_opinion import second_opinion

pytestmark = pytest.mark.slow

Args = Sequence[Any]
Break = Callable[[Node, Args], list[np.ndarray]]
RNG = np.random.default_rng(5)


def network(step: Callable[[Model, str], str]) -> Callable[[Model], str]:
    """+-1 features, a layer, what stands under test, a layer."""

    def make(m: Model) -> str:
        x = m.op("MatMul", bits(m, m.input), m.const(pm1(RNG, 6, 8)))
        return m.op("MatMul", step(m, x), m.const(pm1(RNG, 8, 4)))

    return make


def where(m: Model, x: str, op: str = "GreaterOrEqual") -> str:
    return m.op("Where", m.op(op, x, m.const(0.0)), m.const(1.0), m.const(-1.0))


def maps(m: Model) -> str:
    x = m.op("Reshape", bits(m, m.input), m.const([-1, 1, 2, 3], np.int64))
    x = m.op("MaxPool", where(m, conv(m, x, RNG, 4, 1, 2, 2)), kernel_shape=[1, 2])
    return m.op("Gemm", m.op("Flatten", x), m.const(pm1(RNG, 4, 4)))


def normalized(m: Model, x: str) -> str:
    return where(m, m.batch_norm(x, np.random.default_rng(1), 8))


def quantized(m: Model, x: str) -> str:
    return m.op("Quant", x, m.const(0.7), m.const(0.0), m.const(3.0), domain=QONNX, signed=1, narrow=0)


def linear(m: Model, x: str) -> str:
    scale, zero = m.const(3.0), m.const(0, np.int8)
    return m.op("DequantizeLinear", m.op("QuantizeLinear", x, scale, zero), scale, zero)


def old_bipolar(node: Node, a: Args) -> list[np.ndarray]:
    return [np.where(a[0] / a[1] >= 0, np.float32(1), np.float32(-1)) * a[1]]


def steps(node: Node, a: Args) -> list[np.ndarray]:
    return [(a[0][..., None] > a[1][0]).sum(axis=-1).astype(np.float32)]


def no_epsilon(node: Node, a: Args) -> list[np.ndarray]:
    return [((a[0] - a[3]) * a[1] + a[2]).astype(np.float32)]


def floored(node: Node, a: Args) -> list[np.ndarray]:
    return [np.clip(np.floor(a[0] / a[1]), -128, 127).astype(np.int8)]


def second(node: Node, a: Args) -> list[np.ndarray]:
    x = a[0].copy()
    x[:, 0] = x[:, 1]
    return [np.argmax(x, axis=1)[:, None]]


def add_half(m: Model, x: str) -> str:
    return where(m, m.op("Add", x, m.const(np.linspace(-3, 3, 8))))


def ternary(m: Model, x: str) -> str:
    return m.op("MultiThreshold", x, m.const([[-2.0, 0.0, 2.0]]), domain=QONNX)


BROKEN: list[tuple[str, Break, Callable[[Model], str]]] = [
    ("Add", lambda n, a: [a[0] - a[1]], network(add_half)),
    ("Sub", lambda n, a: [a[0] + a[1]], network(lambda m, x: where(m, m.op("Sub", x, m.const([1.0, -2.0] * 4))))),
    ("Mul", lambda n, a: [a[0]], network(lambda m, x: where(m, m.op("Mul", x, m.const([1.0, -1.0] * 4))))),
    ("Neg", lambda n, a: [a[0]], network(lambda m, x: where(m, m.op("Neg", x)))),
    ("BatchNormalization", no_epsilon, network(normalized)),
    ("Sign", lambda n, a: [np.where(a[0] >= 0, np.float32(1), np.float32(-1))], network(lambda m, x: m.op("Sign", x))),
    ("GreaterOrEqual", lambda n, a: [a[0] > a[1]], network(where)),
    ("Greater", lambda n, a: [a[0] >= a[1]], network(lambda m, x: where(m, x, "Greater"))),
    ("Less", lambda n, a: [a[0] <= a[1]], network(lambda m, x: where(m, x, "Less"))),
    ("Where", lambda n, a: [np.where(a[0], a[2], a[1])], network(where)),
    ("Clip", lambda n, a: [a[0]], network(lambda m, x: m.op("Clip", m.op("Floor", x), m.const(-1.0), m.const(1.0)))),
    ("Round", lambda n, a: [np.floor(a[0])], network(lambda m, x: m.op("Round", m.op("Mul", x, m.const(0.3))))),
    ("QuantizeLinear", floored, network(linear)),
    ("quant:Quant", lambda n, a: [np.clip(np.floor(a[0] / a[1]), -4, 3) * a[1]], network(quantized)),
    ("quant:BipolarQuant", old_bipolar, network(lambda m, x: m.op("BipolarQuant", x, m.const(-0.5), domain=QONNX))),
    ("quant:MultiThreshold", steps, network(ternary)),
    ("MatMul", lambda n, a: [_dot(np.abs(a[0]), a[1])], network(where)),
    ("Conv", lambda n, a: [np.zeros((len(a[0]), 4, 1, 2), np.float32)], maps),
    ("MaxPool", lambda n, a: [a[0].min(axis=3, keepdims=True)], maps),
    ("Gemm", lambda n, a: [_dot(a[0], a[1]) + a[0].sum(axis=1, keepdims=True) * np.float32([3, 2, 1, 0])], maps),
    ("ArgMax", second, lambda m: m.op("ArgMax", network(where)(m), axis=1, keepdims=1)),
]


def broken(monkeypatch: pytest.MonkeyPatch, name: str, compute: Break) -> None:
    domain, _, op = name.rpartition(":")
    table = registry.kernels()
    monkeypatch.setitem(table, (domain, op), replace(table[domain, op], compute=compute))


def needs_peer(model: onnx.ModelProto) -> None:
    if any(node.domain == QONNX for node in model.graph.node):
        pytest.importorskip("qonnx", reason="qonnx is not installed")


@pytest.mark.parametrize(("name", "compute", "make"), BROKEN, ids=[b[0] for b in BROKEN])
def test_a_broken_kernel_makes_verify_fail(
    name: str, compute: Break, make: Callable[[Model], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    m = Model(["batch", 6])
    model = m.build(make(m))
    needs_peer(model)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    command = ["verify", str(tmp_path / "m.onnx"), "--no-rtl", "--quiet"]
    fine = CliRunner().invoke(app, command)
    assert fine.exit_code == 0, fine.output
    assert "DIFFERENT" not in fine.output
    broken(monkeypatch, name, compute)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "DIFFERENT" in result.output, result.output
    assert "operator by operator: " in result.output


def kernels_of(p: Pattern) -> set[tuple[str, str]]:
    return {(node.domain, node.op) for node in build_graph(p.build(), None).nodes}


FIRST = {key: p for p in reversed(PATTERNS) for key in sorted(kernels_of(p))}


def spoiled(kernel: registry.Kernel, moves: bool) -> Break:
    """The same kernel with wrong results: elements in other places if it moves elements, else other values."""

    def wrong(node: Node, args: Args) -> list[np.ndarray]:
        made = [np.asarray(y) for y in kernel.compute(node, args)]
        if moves:
            return [np.flip(y, axis=tuple(range(min(1, y.ndim - 1), y.ndim))) if y.ndim else y + 1 for y in made]
        return [~y if y.dtype == bool else y[::-1] + y.dtype.type(1) for y in made]

    return wrong


@pytest.mark.parametrize("key", sorted(FIRST), ids=lambda k: f"{k[0]}:{k[1]}" if k[0] else k[1])
def test_every_kernel_is_watched(key: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first model of the table of patterns that has the operator, with the operator's kernel spoiled."""
    p = FIRST[key]
    if any(domain == "quant" for domain, _ in kernels_of(p)):
        pytest.importorskip("qonnx", reason="qonnx is not installed")
    kernel = registry.kernels().get(key)
    if kernel is None:
        pytest.skip("lowered without a kernel")
    moves = kernel.kind is registry.Kind.STRUCTURE or key[1] in ("Split", "Concat", "Im2Col")
    broken(monkeypatch, ":".join(key), spoiled(kernel, moves))
    try:
        report = threshc.verify(p.build(), input=p.input, samples=64, rtl=False)
    except CompileError:
        return  # what the spoiled kernel made is not a threshold network, or nothing: exit code 1 too
    assert not report.ok


@pytest.mark.parametrize("p", PATTERNS, ids=lambda p: f"{p.group}: {p.name}")
def test_no_false_alarm(p: Pattern) -> None:
    """Every model of the table: compared with an evaluator that is not ours, and fine."""
    if any(domain == "quant" for domain, _ in kernels_of(p)):
        pytest.importorskip("qonnx", reason="qonnx is not installed")
    report = threshc.verify(p.build(), input=p.input, samples=64, rtl=False)
    assert report.ok, str(report)
    assert report.peer is not None, str(report)


def simple(domain: str = "") -> onnx.ModelProto:
    m = Model(["batch", 6])
    step = where if not domain else lambda m, x: m.op("BipolarQuant", x, m.const(1.0), domain=domain)
    return m.build(network(step)(m))


def test_onnxruntime_is_asked_first() -> None:
    import onnxruntime

    report = threshc.verify(simple(), samples=16, rtl=False)
    assert report.peer == f"onnxruntime {onnxruntime.__version__}"
    assert not report.notes


def test_a_missing_onnxruntime_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it raises ImportError
    report = threshc.verify(simple(), samples=16, rtl=False)
    assert report.peer == f"onnx's reference evaluator {onnx.__version__}"
    assert "note: onnxruntime is not installed (pip install 'threshc[verify]')" in str(report)
    assert report.ok


def test_qonnx_models_are_compared_with_qonnx() -> None:
    qonnx = pytest.importorskip("qonnx", reason="qonnx is not installed")
    assert qonnx
    report = threshc.verify(simple(QONNX), samples=16, rtl=False)
    assert report.peer is not None
    assert " with qonnx " in report.peer
    assert "note: onnxruntime" in str(report)


def test_no_second_opinion_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reference_peer, "_qonnx_version", lambda: None)
    (tmp_path / "m.onnx").write_bytes(simple(QONNX).SerializeToString())
    command = ["verify", str(tmp_path / "m.onnx"), "--no-rtl", "--quiet", "--json", str(tmp_path / "r.json")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0
    assert "the ONNX model was not compared with anything but our own evaluator" in result.output
    assert "qonnx is not installed (pip install 'threshc[qonnx]')" in result.output
    assert json.loads((tmp_path / "r.json").read_text())["peer"] is None


def test_the_report_names_peer_and_version(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(simple().SerializeToString())
    command = ["verify", str(tmp_path / "m.onnx"), "--no-rtl", "--quiet", "--json", str(tmp_path / "r.json")]
    assert CliRunner().invoke(app, command).exit_code == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["ok"]
    assert report["peer"].startswith("onnxruntime ")
    assert all(check["equal"] for check in report["checks"])


def ties(head: Callable[[Model, str, np.random.Generator], str]) -> tuple[onnx.ModelProto, np.ndarray]:
    """Real weights whose sum plus bias is exactly 0 in float32, for neuron k in sample k: other orders of summation
    end on either side."""
    r = np.random.default_rng(3)
    x = r.choice(np.float32([-1, 1]), (120, 64))
    w = r.normal(size=(64, 40)).astype(np.float32)
    b = -np.diag(x[:40].astype(np.float64) @ w.astype(np.float64)).astype(np.float32)
    m = Model(["batch", 64])
    u = m.op("Add", m.op("MatMul", bits(m, m.input), m.const(w)), m.const(b))
    return m.build(head(m, where(m, u), r)), x


def equal_scores() -> tuple[onnx.ModelProto, np.ndarray]:
    """Every neuron twice, and two classes that weigh the two copies the other way round: their scores are equal."""
    r = np.random.default_rng(4)
    x = r.choice(np.float32([-1, 1]), (120, 24))
    w = np.repeat(pm1(r, 24, 32), 2, axis=1)
    one = r.normal(size=64).astype(np.float32)
    other = one.reshape(-1, 2)[:, ::-1].ravel()
    m = Model(["batch", 24])
    d = where(m, m.op("MatMul", bits(m, m.input), m.const(w)))
    return m.build(m.op("MatMul", d, m.const(np.stack([one, other], axis=1)))), x


def test_rounding_of_a_bit_is_shown() -> None:
    model, x = ties(lambda m, d, r: m.op("MatMul", d, m.const(pm1(r, 40, 3))))
    report = threshc.verify(model, x, rtl=False)
    check = report.checks[2]
    assert report.ok, str(report)
    assert check.advisory
    assert check.different > 1
    assert "rounding, shown for " in check.note
    assert "tensor 't3_Add' can be -" in check.note  # up to a positive number: the step lies between
    assert "(sum " in str(check.divergence)


def test_rounding_of_a_label_is_shown() -> None:
    model, x = equal_scores()
    report = threshc.verify(model, x, rtl=False)
    check = report.checks[2]
    assert report.ok, str(report)
    assert check.advisory
    assert check.different > 10
    assert "the scores of 1 and 0 can be " in check.note


@pytest.mark.parametrize("flip", ["bit", "class"])
def test_what_rounding_cannot_make_is_a_failure(flip: str) -> None:
    """A network with one wrong bit or class, among bits that do differ by rounding."""
    model, x = ties(lambda m, d, r: m.op("MatMul", d, m.const(pm1(r, 40, 3))))
    lowered = lower_model(model)
    network = lowered.network
    values = [v.copy() for v in reference.evaluate(network, encode(network, x))]
    value = lowered.probes[-1].value if flip == "bit" else next(o.value for o in network.outputs if o.kind == "scores")
    values[value][119, 0] = 1 - values[value][119, 0] if flip == "bit" else values[value].max() + 1
    tensors = list(dict.fromkeys([*(p.tensor for p in lowered.probes), *lowered.graph.outputs]))
    checks = second_opinion(model, None, lowered, x, tensors, values).checks
    assert checks[0].equal
    assert not checks[1].equal
    assert not checks[1].advisory
    assert "sample 119" in str(checks[1])
    assert "rounding explains no other" in str(checks[1])


def test_small_errors_are_not_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum that is off by one part in a hundred thousand, where rounding explains one in a million."""
    kernel = registry.kernels()["", "MatMul"]
    off = np.float32(1 + 1e-5)
    broken(monkeypatch, "MatMul", lambda n, a: [kernel.compute(n, a)[0] * off])
    model, x = ties(lambda m, d, r: m.op("MatMul", d, m.const(pm1(r, 40, 3))))
    report = threshc.verify(model, x, rtl=False)
    assert not report.ok
    assert "DIFFERENT: onnxruntime" in str(report)
    assert "and rounding explains " in str(report)


def test_a_network_without_its_model_says_so() -> None:
    report = threshc.verify(threshc.load(simple()), samples=16, rtl=False)
    assert report.peer is None
    assert "there is no ONNX model here to compare with" in str(report)


REAL = [
    ("qonnx/TFC_1W1A.onnx", "uint8/255", 64),
    ("qonnx/TFC_2W2A.onnx", "uint8/255", 64),
    ("qonnx/finn_tfc_w1a1_topk.onnx", None, 64),
    ("qonnx/bv_cnn_w1a1_scale1.qonnx.onnx", None, 32),
    ("qonnx/bv_mlp_w1a1_default.qonnx.onnx", None, 64),
    ("torch/mlp_float_w_ge_cast.dynamo.onnx", "int6*0.1", 256),
    ("torch/cnn_sign_ste_pool_bn_sign.ts.onnx", "int6*0.1", 32),
    ("other/tt_mnist_bnn_larq_cnn.onnx", "bit", 32),
    ("other/skl_binarizer_perceptron_digits.onnx", None, 64),
]


@pytest.mark.parametrize(("name", "encoding", "samples"), REAL)
def test_real_models(name: str, encoding: str | None, samples: int, shared: Path) -> None:
    if name.startswith("qonnx"):
        pytest.importorskip("qonnx", reason="qonnx is not installed")
    report = threshc.verify(shared / "models" / name, input=encoding, samples=samples, rtl=False)
    assert report.ok, str(report)
    assert report.peer is not None, str(report)


def test_models_as_they_come() -> None:
    """Nodes out of order, the default domain under its long name: no peer takes them so."""
    model = simple()
    nodes = [*reversed(model.graph.node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    for entry in (*model.graph.node, *model.opset_import):
        entry.domain = "ai.onnx"
    report = threshc.verify(model, samples=16, rtl=False)
    assert report.ok
    assert str(report.peer).startswith("onnxruntime ")
    assert not report.notes


def test_no_samples() -> None:
    with pytest.raises(CompileError, match="there are no samples"):
        threshc.verify(simple(), np.zeros((0, 6), np.float32), rtl=False)
