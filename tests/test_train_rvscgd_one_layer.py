"""The one-layer network of Dinh, Xin 2020: figure 4 against closed forms (target C1), and its circuit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import threshc
from threshc.train.one_layer import (
    Relaxation,
    angle,
    counts,
    descend,
    expected_angle,
    normalized,
    population_gradient,
    population_risk,
    sampled_gradient,
)
from threshc.train.penalties import PENALTIES, Penalty

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]

RUNS, K, D, NONZERO = 20, 20, 50, 5


def teachers() -> tuple[Floats, Floats]:
    """Teachers (RUNS, D) of 5 entries, each above .25, and starts (RUNS, D), all of norm 1."""
    teacher, start = np.zeros((2, RUNS, D))
    for run in range(RUNS):
        rng = np.random.default_rng(run)
        places = rng.choice(D, NONZERO, replace=False)
        teacher[run, places] = rng.uniform(0.35, 0.6, NONZERO) * rng.choice([-1, 1], NONZERO)
        start[run] = rng.standard_normal(D)
    return normalized(teacher), normalized(start)


@pytest.mark.parametrize(
    ("kind", "rate", "checked"),
    [
        ("l0", 1e-5, (25_000, 50_000, 100_000)),  # figure 4 itself
        ("l1", 1e-4, (2_500, 5_000, 10_000, 15_000)),  # ten of its steps at once
        ("tl1", 1e-4, (2_500, 5_000, 10_000, 15_000)),
        ("l0", 1e-4, (2_500, 5_000, 10_000, 15_000)),
    ],
)
def test_figure_4(kind: str, rate: float, checked: tuple[int, ...]) -> None:
    """The angle follows the closed form within 5 %; it and L_beta never rise; the support is found exactly."""
    teacher, start = teachers()
    assert np.abs(teacher[teacher != 0]).min() > 0.25
    relaxation = Relaxation(Penalty(kind), lam=1e-4, beta=4e-3, rate=rate)
    angles: dict[int, Floats] = {}
    values = []

    def told(step: int, w: Floats) -> None:
        angles[step] = angle(w, teacher)
        values.append(relaxation.lagrangian(population_risk(angles[step], K), relaxation.sparse(w), w))

    every = checked[0] // 100
    w = descend(start, population_gradient(teacher, K), relaxation, checked[-1], every, told)
    for step in checked:
        np.testing.assert_allclose(angles[step], expected_angle(angles[0], K, rate, step), rtol=0.05)
    assert (np.diff(values, axis=0) <= 1e-12).all()
    assert (np.diff(list(angles.values()), axis=0) <= 1e-12).all()
    u = relaxation.sparse(w)
    np.testing.assert_array_equal(u != 0, np.abs(teacher) > relaxation.threshold)
    np.testing.assert_array_equal(u != 0, teacher != 0)


def test_the_sampled_gradient_has_the_expected_mean() -> None:
    rng = np.random.default_rng(0)
    teacher, w = normalized(rng.standard_normal((2, 10)))
    z = rng.standard_normal((200_000, 5, 10)).astype(np.float32)
    sampled = sampled_gradient(z, counts(z, teacher).astype(np.float32), w)
    expected = population_gradient(teacher[None], 5)(w[None])[0]
    assert np.linalg.norm(sampled - expected) < 0.03 * np.linalg.norm(expected)


def test_half_the_mean_squared_error_is_the_population_risk() -> None:
    rng = np.random.default_rng(1)
    teacher, w = normalized(rng.standard_normal((2, 10)))
    z = rng.standard_normal((100_000, 5, 10))
    risk = 0.5 * ((counts(z, w) - counts(z, teacher)) ** 2).mean()
    np.testing.assert_allclose(risk, population_risk(angle(w, teacher), 5), rtol=0.02)


def test_small_angles_are_exact() -> None:
    assert angle(np.array([1.0, 0.0]), np.array([1.0, 1e-9])) == pytest.approx(1e-9)
    assert angle(np.array([0.0, 0.0]), np.array([1.0, 0.0])) == pytest.approx(np.pi / 2)


def problem(n: int, *, whole: bool) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Patches (n, 8, 12), their counts, and the teacher (12,) of 3 entries."""
    rng = np.random.default_rng(5)
    teacher = normalized(np.eye(12)[0] + 0.8 * np.eye(12)[4] - 0.6 * np.eye(12)[9])
    z = rng.standard_normal((n, 8, 12))
    z = np.rint(20 * z) if whole else z
    return z, counts(z, teacher), teacher


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("whole", [True, False])
def test_the_circuit_counts_as_predict_does(penalty: str, whole: bool, tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    from threshc.train import RVSCGDOneLayer

    z, y, teacher = problem(2000, whole=whole)
    rate = 2e-5 if whole else 1e-3
    trained = RVSCGDOneLayer(penalty, lam=1e-4 if penalty == "l0" else 4e-4, learning_rate=rate).fit(z, y)
    np.testing.assert_array_equal(trained.u_ != 0, teacher != 0)
    assert trained.score(z, y) > 0.9
    trained.export_onnx(tmp_path / "m.onnx")
    flat = trained.network_.encode(z).reshape(len(z), -1).astype(np.int64)
    scores = threshc.simulate(threshc.load(tmp_path / "m.onnx"), flat).scores
    np.testing.assert_array_equal(np.asarray(scores).reshape(-1), trained.predict(z))


def test_the_verilog_counts_as_predict_does(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    from threshc.train import RVSCGDOneLayer

    z, y, _ = problem(200, whole=False)
    trained = RVSCGDOneLayer(n_iter=500, input_bits=3, weight_bits=3).fit(z[:, :3], y.clip(0, 3))
    trained.export_onnx(tmp_path / "m.onnx")
    flat = trained.network_.encode(z[:, :3]).reshape(len(z), -1).astype(np.int64)
    scores = threshc.simulate(threshc.load(tmp_path / "m.onnx"), flat[:50], engine="rtl").scores
    np.testing.assert_array_equal(np.asarray(scores).reshape(-1), trained.predict(z[:50, :3]))


def test_wrong_samples_are_refused() -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn")
    from threshc.train import RVSCGDOneLayer

    z, y, _ = problem(20, whole=True)
    with pytest.raises(ValueError, match=r"Z has shape \(20, 96\)"):
        RVSCGDOneLayer().fit(z.reshape(20, -1), y)
    with pytest.raises(ValueError, match="y reaches from 0 to 9; counts of 8 patches are needed"):
        RVSCGDOneLayer().fit(z, np.where(y == y.max(), 9, 0))
    with pytest.raises(ValueError, match="penalty is 'l2'"):
        RVSCGDOneLayer("l2").fit(z, y)
    none = RVSCGDOneLayer(lam=1.0, n_iter=10).fit(z, y)
    assert none.sparsity == 1
    with pytest.raises(threshc.CompileError, match="no weights are left"):
        none.export_onnx("nowhere.onnx")
