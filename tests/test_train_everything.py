"""Every trainer on every data set: exported, compiled, simulated packed and in Verilog, every label that of `predict`.

Networks are small, so that the whole table takes a minute; what they learn is judged in the trainers' own tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import threshc
import threshc.train

pytest.importorskip("sklearn", reason="needs scikit-learn")

from trained import Data, bundled, pmlb

from threshc.compiler.encoding import Affine
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.unit import UnrolledUnit
from threshc.sim import rtl

pytestmark = pytest.mark.slow

BUNDLED = ("digits", "breast_cancer", "iris", "wine")
TABLES = ("monk1", "mushroom", "dna")
SAMPLES, IN_VERILOG = 400, 200

SMALL: dict[str, Any] = {"levels": 2, "columns": 60, "rounds": 0, "fan_in": 3, "beta": 0.05, "output_bits": 5}
DEEP: dict[str, Any] = {"hidden": (8,), "levels": 2, "epochs": 2, "encoding": "thermometer"}
ESTIMATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "convex, a LASSO per class": ("ConvexThresholdClassifier", SMALL),
    "convex, group LASSO": ("ConvexThresholdClassifier", {**SMALL, "multiclass": "group", "refit": 1.0}),
    "convex, three layers": ("ConvexThresholdClassifier", {**SMALL, "layers_below": (10,)}),
    "convex, values": ("ConvexThresholdRegressor", SMALL),
    "shattered": ("ShatteredThresholdClassifier", {"levels": 3}),
    "straight-through": ("StraightThroughClassifier", {"hidden_units": 8, "levels": 2, "fan_in": 4, "epochs": 4}),
    "straight-through, PyTorch": ("DeepStraightThroughClassifier", {**DEEP, "fan_in": 4}),
    "FTPROP": ("FTPROPClassifier", {**DEEP, "fan_in": 4}),
    "look-up tables": ("LookupThresholdClassifier", {**DEEP, "hidden": (60, 30), "fan_in": 4, "batch_size": 32}),
    "RVSCGD": ("RVSCGDClassifier", {**DEEP, "lam": 1e-6, "batch_size": 32}),
}
NEED_TORCH = (
    "DeepStraightThroughClassifier",
    "FTPROPClassifier",
    "LookupThresholdClassifier",
    "RVSCGDClassifier",
)


def data(name: str, request: pytest.FixtureRequest) -> Data:
    x, y = bundled(name) if name in BUNDLED else pmlb(request.getfixturevalue("shared"), name, SAMPLES)
    order = np.random.default_rng(0).permutation(len(x))[:SAMPLES]
    return x[order], y[order]


def simulator() -> rtl.Simulator:
    """Icarus is the quickest to start; Verilator where it is missing."""
    lacking = rtl.available()
    for name in ("icarus", "verilator"):
        if not lacking[name]:
            return name  # type: ignore[return-value]
    pytest.skip(f"no Verilog simulator: {lacking}")


@pytest.mark.parametrize("name", BUNDLED + TABLES)
@pytest.mark.parametrize("trainer", ESTIMATORS)
def test_every_label(trainer: str, name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    kind, settings = ESTIMATORS[trainer]
    if kind in NEED_TORCH:
        pytest.importorskip("torch", reason="needs PyTorch")
    x, y = data(name, request)
    if trainer == "shattered":
        x, y = x[:40], y[:40]
    estimator = getattr(threshc.train, kind)(**settings).fit(x, y)
    estimator.export_onnx(tmp_path / "m.onnx")
    network = threshc.load(tmp_path / "m.onnx")
    samples = x.astype(np.int64 if isinstance(network.input.encoding, Affine) else np.float32)
    if trainer == "convex, values":
        expected = estimator.network_.scores(x) - estimator.network_.bias
    else:
        expected = np.searchsorted(estimator.classes_, estimator.predict(x))[:, None]
    np.testing.assert_array_equal(answers(threshc.simulate(network, samples)), expected)
    design = build_design(network, CircuitOptions(scores=trainer == "convex, values"))
    found = rtl.run(UnrolledUnit(design), samples[:IN_VERILOG], simulator=simulator())
    np.testing.assert_array_equal(answers(found), expected[:IN_VERILOG])


def answers(result: Any) -> NDArray[np.integer]:
    """Labels, or the only score, as (N, 1)."""
    found = result.labels if result.labels is not None else result.scores
    return np.asarray(found).reshape(len(found), -1)
