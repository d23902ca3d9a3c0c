"""RVSCGD for deep networks: sparse weights, the path, the refit, checkpoints, and circuits that equal predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import threshc

pytest.importorskip("sklearn", reason="needs scikit-learn")
pytest.importorskip("torch", reason="needs torch")

import torch
from sklearn.utils.estimator_checks import check_estimator
from trained import assert_circuit_equals_predict, bundled, pmlb

from threshc.train import RVSCGDClassifier, rvscgd_path

pytestmark = pytest.mark.slow

SMALL: dict[str, dict[str, Any]] = {
    "iris": {"hidden": (16, 8), "batch_size": 16, "epochs": 40},
    "wine": {"penalty": "l1", "lam": 1e-3, "beta": 0.1, "batch_size": 16, "epochs": 30},
    "breast_cancer": {"penalty": "tl1", "lam": 3e-4, "beta": 0.1, "batch_size": 16, "batch_norm": True},
    "digits": {"hidden": "conv6k3p1-pool2-fc24", "image_shape": (8, 8), "encoding": "integer", "refit_epochs": 2},
}


@pytest.mark.parametrize("name", SMALL)
def test_circuit_equals_predict(name: str, tmp_path: Path) -> None:
    x, y = bundled(name)
    settings = {"hidden": (24,), "epochs": 8, "batch_size": 32, **SMALL[name]}
    classifier = RVSCGDClassifier(**settings).fit(x, y)
    assert classifier.score(x, y) > 0.85
    assert 0.1 < classifier.sparsity_ <= classifier.network_.sparsity
    noisy = x if name == "digits" else x + np.random.default_rng(0).normal(0, x.std(axis=0), x.shape)
    assert_circuit_equals_predict(classifier, noisy, tmp_path / "m.onnx")


def test_verilog_equals_predict(tmp_path: Path) -> None:
    x, y = bundled("iris")
    classifier = RVSCGDClassifier((8, 6), epochs=20, batch_size=16, weights="int4").fit(x, y)
    classifier.export_onnx(tmp_path / "m.onnx")
    labels = threshc.simulate(threshc.load(tmp_path / "m.onnx"), x[::3].astype(np.float32), engine="rtl").labels
    np.testing.assert_array_equal(classifier.classes_[labels], classifier.predict(x[::3]))


@pytest.mark.parametrize("name", ["monk1", "mushroom", "dna"])
def test_circuit_equals_predict_on_tables(name: str, shared: Path, tmp_path: Path) -> None:
    x, y = pmlb(shared, name, 300)
    classifier = RVSCGDClassifier((16,), epochs=3).fit(x, y)
    assert_circuit_equals_predict(classifier, x, tmp_path / "m.onnx")


@pytest.mark.parametrize("penalty", ["l0", "l1", "tl1"])
def test_larger_lambdas_leave_fewer_weights(penalty: str) -> None:
    x, y = bundled("digits")
    told: list[float] = []
    classifier = RVSCGDClassifier((24,), penalty=penalty, beta=0.1, epochs=2, batch_size=32)
    path = rvscgd_path(classifier, x, y, [1e-3, 1e-4, 4e-3], callback=lambda point: told.append(point.lam))
    assert told == [point.lam for point in path] == [1e-4, 1e-3, 4e-3]
    assert path[0].sparsity < path[1].sparsity < path[2].sparsity
    assert path[0].nonzero > path[1].nonzero > path[2].nonzero
    for point in path:
        assert point.accuracy == point.classifier.score(x, y)
        assert abs(point.accuracy - point.real_accuracy) < 0.05  # 8-bit weights
    assert path[0].accuracy > 0.8


def test_the_path_is_warm_started() -> None:
    x, y = bundled("wine")
    classifier = RVSCGDClassifier((12,), epochs=1, learning_rate=1e-9, batch_size=32)
    first, second = rvscgd_path(classifier, x, y, [1e-5, 1e-4])
    for a, b in zip(first.classifier.module_.layers, second.classifier.module_.layers, strict=True):
        torch.testing.assert_close(a.weight, b.weight, atol=1e-6, rtol=0)
        assert a.weight.detach().bool().all()  # w, not u


def test_the_refit_keeps_the_zeros_and_improves_the_rest() -> None:
    x, y = bundled("digits")
    settings: dict[str, Any] = {"penalty": "tl1", "lam": 1e-3, "beta": 0.1, "batch_size": 16, "weights": "int4"}
    plain = RVSCGDClassifier((32,), epochs=6, **settings).fit(x, y)
    refitted = RVSCGDClassifier((32,), epochs=6, refit_epochs=4, **settings).fit(x, y)
    assert refitted.sparsity_ == plain.sparsity_ > 0.5
    with plain._splitting().evaluating(plain.module_):
        for u, v in zip(plain.module_.layers, refitted.module_.layers, strict=True):
            assert ((u.weight == 0) == (v.weight == 0)).all()
    assert refitted.score(x, y) > plain.score(x, y)
    assert refitted.real_score(x, y) > 0.9


class Killed(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("last", [1, 2, 3])
def test_a_killed_training_goes_on_as_if_nothing_had_happened(last: int, tmp_path: Path) -> None:
    """In the first phase, at its end, and in the refit."""
    x, y = bundled("wine")
    settings: dict[str, Any] = {"epochs": 2, "refit_epochs": 2, "batch_size": 16, "penalty": "l1", "lam": 1e-4}
    whole = RVSCGDClassifier((12,), **settings).fit(x, y)
    epochs: list[object] = []

    def kill(epoch: object) -> None:
        epochs.append(epoch)
        if len(epochs) == last:
            raise Killed

    file = tmp_path / "c.pt"
    with pytest.raises(Killed):
        RVSCGDClassifier((12,), **settings, checkpoint=file, callback=kill).fit(x, y)
    again = RVSCGDClassifier((12,), **settings, checkpoint=file).fit(x, y)
    assert [str(e) for e in again.history_.epochs] == [str(e) for e in whole.history_.epochs]
    for a, b in zip(whole.module_.layers, again.module_.layers, strict=True):
        torch.testing.assert_close(a.weight, b.weight, atol=0, rtol=0)
    other = RVSCGDClassifier((12,), **{**settings, "lam": 2e-4}, checkpoint=file)
    with pytest.raises(threshc.CompileError, match="the checkpoint belongs to another training"):
        other.fit(x, y)


def test_a_killed_path_goes_on_where_it_was(tmp_path: Path) -> None:
    x, y = bundled("wine")
    settings: dict[str, Any] = {"epochs": 2, "batch_size": 16}
    whole = rvscgd_path(RVSCGDClassifier((12,), **settings), x, y, [1e-5, 1e-4])
    epochs: list[object] = []

    def kill(epoch: object) -> None:
        epochs.append(epoch)
        if len(epochs) == 3:
            raise Killed

    file = tmp_path / "c.pt"
    with pytest.raises(Killed):
        rvscgd_path(RVSCGDClassifier((12,), **settings, checkpoint=file, callback=kill), x, y, [1e-5, 1e-4])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.0.pt", "c.1.pt"]
    again = rvscgd_path(
        RVSCGDClassifier((12,), **settings, checkpoint=file, callback=epochs.append), x, y, [1e-5, 1e-4]
    )
    assert len(epochs) == 4
    assert [(p.sparsity, p.accuracy) for p in again] == [(p.sparsity, p.accuracy) for p in whole]


def test_labels_that_were_not_learned_are_wrong() -> None:
    x, y = bundled("iris")
    trained = RVSCGDClassifier((8,), epochs=2).fit(x, y)
    assert trained.real_score(x, np.full(len(x), 7)) == 0


def test_scikit_learn_conventions() -> None:
    check_estimator(RVSCGDClassifier(16, epochs=8, batch_size=8, learning_rate=0.05), on_skip=None)


def test_wrong_parameters_are_named() -> None:
    for parameter, value, message in (
        ("penalty", "l2", "penalty is 'l2'; it must be one of l0, l1, tl1"),
        ("lam", 0, "lam is 0; it must be a number above 0"),
        ("beta", -1.0, "beta is -1.0; it must be a number above 0"),
        ("refit_epochs", -1, "refit_epochs is -1; it must be a whole number of at least 0"),
        ("surrogate", "tanh", "surrogate is 'tanh'"),
        ("optimizer", "bop", "optimizer is 'bop'; it must be one of sgd, adam"),
        ("weights", "ternary", "weights is 'ternary'; sparse weights are rounded to int3 to int16"),
    ):
        with pytest.raises(ValueError, match=message):
            RVSCGDClassifier(**{parameter: value}).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="lams is empty"):
        rvscgd_path(RVSCGDClassifier(), [[0.0], [1.0]], [0, 1], [])
