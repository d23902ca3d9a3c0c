"""Real models that others made, against what their README states: labels, scores and every hidden bit."""

from __future__ import annotations

import gzip
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import Affine
from threshc.compiler.frontend.float_model import run_float
from threshc.compiler.frontend.load import load, lower_model
from threshc.compiler.passes.pipeline import optimize
from threshc.hdl.chain import build
from threshc.hdl.options import CircuitOptions
from threshc.sim import packed, reference, rtl
from threshc.sim.inputs import encode
from threshc.tasks.compare import against_onnx, compare_results

SHARED = Path(__file__).resolve().parents[2] / "shared"
MODELS = SHARED / "models"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not MODELS.is_dir(), reason="needs ../shared/models")]


@dataclass(frozen=True)
class Case:
    """A model, the encoding of its input, where its samples are, and how many have their hidden bits compared."""

    file: str
    input: str | None
    archive: str
    hidden: int = 256

    def samples(self) -> np.ndarray:
        """(N, features): integers where the encoding is affine, float32 otherwise."""
        with np.load(MODELS / self.archive) as data:
            name = next((k for k in ("inputs", "x") if k in data.files), None)
            x = mnist() if name is None else data[name].reshape(len(data[name]), -1)
        if self.input == "bit":
            return (x > 127).astype(np.uint8)
        if self.input == "int16*0.001":
            return np.rint(x / 0.001).astype(np.int64)
        return x if self.input is None else x.astype(np.int64)

    def array(self, name: str) -> np.ndarray:
        """An array of the archive."""
        with np.load(MODELS / self.archive) as data:
            found: np.ndarray = data[name]
        return found


def mnist() -> np.ndarray:
    """The 10,000 test images, (10000, 784) uint8."""
    path = SHARED / "data" / "mnist" / "t10k-images-idx3-ubyte.gz"
    with gzip.open(path) as stream:
        return np.frombuffer(stream.read(), np.uint8, offset=16).reshape(-1, 784)


LABELLED = (
    Case("qonnx/TFC_1W1A.onnx", "uint8/255", "golden/TFC_1W1A.npz"),
    Case("qonnx/TFC_2W2A.onnx", "uint8/255", "golden/TFC_2W2A.npz"),
    Case("qonnx/finn_tfc_w1a1_topk.onnx", "uint8", "golden/FINN_tfc_w1a1_topk.npz"),
    Case("other/tt_mnist_bnn_larq_cnn.onnx", "bit", "golden/tt_mnist_bnn_larq_cnn.npz"),
    Case("other/iris_bnn_4_8_8_3.onnx", "uint8", "golden/iris_bnn_4_8_8_3.npz"),
)
SCORED = (
    *(Case(f"qonnx/{n}.qonnx.onnx", None, f"qonnx/{n}.npz") for n in ("bv_mlp_w1a1_default", "bv_cnn_w1a1_scale1")),
    *(
        Case(f"torch/{n}.{kind}.onnx", None, f"torch/{n}.npz")
        for n, kind in itertools.product(("mlp_sign_ste", "mlp_where_scalar", "mlp_ge_affine_pm1"), ("ts", "dynamo"))
    ),
)
FIXED_POINT = tuple(
    Case(f"torch/{n}.{kind}.onnx", "int16*0.001", f"torch/{n}.npz")
    for n, kind in itertools.product(("cnn_sign_ste_pool_bn_sign", "mlp_float_w_ge_cast"), ("ts", "dynamo"))
)
GTSRB = Case("other/gtsrb30_larq.onnx.gz", "uint8", "golden/GTSRB_bnn_30.npz", 64)
SKLEARN = Case("other/skl_binarizer_perceptron_digits.onnx", None, "other/skl_binarizer_perceptron_digits.npz")
ALL = (*LABELLED, *SCORED, *FIXED_POINT, GTSRB, SKLEARN)


def file_of(case: Case) -> str:
    """A case's name in reports."""
    return case.file


@pytest.mark.parametrize("case", ALL, ids=file_of)
def test_hidden_bits(case: Case) -> None:
    """float32 evaluator = reference = packed, in every hidden bit and output."""
    lowered = lower_model(MODELS / case.file, input=case.input)
    network, x = lowered.network, case.samples()[: case.hidden]
    tensors = list(dict.fromkeys([*(p.tensor for p in lowered.probes), *lowered.graph.outputs]))
    encoded = encode(network, x)
    affine = network.input.encoding
    real = affine.real(encoded) if isinstance(affine, Affine) else x
    seen = run_float(lowered.graph, real.reshape(len(x), *network.input.model_shape), tensors)
    values = reference.evaluate(network, encoded)
    law = against_onnx(lowered, dict(zip(tensors, seen, strict=True)), values, "float32 evaluator")
    assert law.equal, law
    assert law.bits > 0
    small = optimize(network)
    check = compare_results("reference = packed", reference.run(small, x), packed.run(small, x), encode(small, x))
    assert check.equal, check


@pytest.mark.parametrize("case", LABELLED, ids=file_of)
def test_every_label(case: Case) -> None:
    network = optimize(load(MODELS / case.file, input=case.input))
    x, wanted = case.samples(), case.array("pred")
    assert len(x) == len(wanted) >= 30
    assert np.array_equal(packed.run(network, x, bits=False).labels, wanted)
    assert np.array_equal(reference.run(network, x[:500]).labels, wanted[:500])


@pytest.mark.parametrize(
    ("case", "percent"), [*zip(LABELLED[:4], (92.96, 96.60, 92.96, 82.84), strict=True)], ids=lambda v: str(v)[:40]
)
def test_accuracy_on_mnist(case: Case, percent: float) -> None:
    network = optimize(load(MODELS / case.file, input=case.input))
    labels = packed.run(network, case.samples(), bits=False).labels
    assert round(100 * float((labels == case.array("true")).mean()), 2) == percent


@pytest.mark.parametrize("case", SCORED, ids=file_of)
def test_scores_of_exported_models(case: Case) -> None:
    """Classes equal the exporter's; exactly equal outputs may be ordered by its own rounding, so ties may differ."""
    network = optimize(load(MODELS / case.file, input=case.input))
    result, wanted = packed.run(network, case.samples()), case.array("y")
    assert np.array_equal(result.labels, wanted.argmax(axis=1))


@pytest.mark.parametrize("case", FIXED_POINT, ids=file_of)
def test_classes_on_fixed_point_inputs(case: Case) -> None:
    """The stored outputs belong to inputs that are not rounded; the classes agree here all the same."""
    network = optimize(load(MODELS / case.file, input=case.input))
    assert np.array_equal(packed.run(network, case.samples()).labels, case.array("y").argmax(axis=1))


def test_gtsrb_labels_and_order_of_logits() -> None:
    network = optimize(load(MODELS / GTSRB.file, input=GTSRB.input))
    result, logits = packed.run(network, GTSRB.samples(), bits=False), GTSRB.array("logits_first")
    assert len(logits) == 400
    assert np.array_equal(result.labels, GTSRB.array("pred")[:400])
    scores = result.scores
    assert scores is not None
    order = np.argsort(-scores, axis=1, kind="stable")
    sorted_logits = np.take_along_axis(logits, order, axis=1)
    assert (np.diff(sorted_logits, axis=1) <= 0).all()  # probabilities may tie where scores do not: they round to 0


def test_iris_scores_are_the_logits() -> None:
    case = LABELLED[4]
    result = packed.run(optimize(load(MODELS / case.file, input=case.input)), case.samples())
    assert np.array_equal(result.scores, case.array("logits"))


def test_sklearn_labels() -> None:
    network = optimize(load(MODELS / SKLEARN.file))
    assert np.array_equal(packed.run(network, SKLEARN.samples()).labels, SKLEARN.array("label"))


def test_one_layer_exhaustively() -> None:
    lowered = lower_model(MODELS / "qonnx/bnn_model_fc_1layer.onnx", input="bipolar")
    x = np.array(list(itertools.product((-1.0, 1.0), repeat=3)), np.float32)
    (wanted,) = run_float(lowered.graph, x, lowered.graph.outputs)
    small = optimize(lowered.network)
    (output,) = small.outputs
    for result in (reference.run(small, x), packed.run(small, x)):
        assert np.array_equal(output.offset + output.scale * result.values[0], wanted)


def test_lost_sign_is_refused_with_its_reason() -> None:
    with pytest.raises(CompileError) as caught:
        load(MODELS / "torch/mlp_data_trick_binarynet.ts.onnx", input="uint8")
    message = str(caught.value)
    assert "a layer's input is not binary" in message
    assert "the Sign was lost on export" in message
    assert "torch.where" in message


def test_every_file_of_the_folder_is_tested() -> None:
    files = {str(p.relative_to(MODELS)) for p in MODELS.rglob("*.onnx*") if not p.name.endswith(".data")}
    named = {c.file for c in ALL} | {"qonnx/bnn_model_fc_1layer.onnx", "torch/mlp_data_trick_binarynet.ts.onnx"}
    assert files <= named, files - named


def test_tt_mnist_folded_over_positions() -> None:
    """Every hidden bit of images, of the convolutions and poolings as circuits of one position and of PE x SIMD."""
    case = LABELLED[3]
    if missing := rtl.available()["verilator"]:
        pytest.skip(missing)
    network = optimize(load(MODELS / case.file, input=case.input))
    x = encode(network, case.samples()[:8])
    circuit = build(network, CircuitOptions(fold="position,position,position,pool,1x4"))
    want = reference.run(network, x)
    got = rtl.run(circuit.probed(), x, simulator="verilator", stall=True)
    for one, other in zip(got.bits, want.bits, strict=True):
        assert np.array_equal(one, other)
    assert np.array_equal(got.values[-1].ravel(), case.array("pred")[:8])
    assert circuit.interface.timing.interval == 813
