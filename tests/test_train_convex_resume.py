"""Convex training that goes on: checkpoints, warm starts, early stopping, refit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn")

from trained import assert_circuit_equals_predict, bundled

from threshc.train import ConvexThresholdClassifier, ConvexThresholdRegressor

pytestmark = pytest.mark.slow

SETTINGS: dict[str, Any] = {"beta": 0.003, "levels": 4, "columns": 150, "rounds": 4, "tol": 1e-4}


class Killed(BaseException):
    """In place of the signal."""


def killed_after(rounds: int) -> Any:
    seen = []

    def callback(_: object) -> None:
        seen.append(1)
        if len(seen) == rounds:
            raise Killed

    return callback


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_killed_training_goes_on_to_the_same_network(rounds: int, tmp_path: Path) -> None:
    x, y = bundled("breast_cancer")
    whole = ConvexThresholdClassifier(**SETTINGS).fit(x, y)
    path = tmp_path / "training.npz"
    with pytest.raises(Killed):
        ConvexThresholdClassifier(**SETTINGS, checkpoint=path, callback=killed_after(rounds)).fit(x, y)
    assert [p.name for p in tmp_path.iterdir()] == ["training.npz"]
    turns: list[int] = []
    again = ConvexThresholdClassifier(**SETTINGS, checkpoint=path, callback=lambda c: turns.append(c.rounds)).fit(x, y)
    assert turns == list(range(rounds, 5))
    assert str(again.certificate_) == str(whole.certificate_)
    np.testing.assert_array_equal(again.network_.u, whole.network_.u)
    np.testing.assert_array_equal(again.network_.w, whole.network_.w)


def test_a_finished_checkpoint_takes_more_rounds(tmp_path: Path) -> None:
    x, y = bundled("iris")
    path = tmp_path / "training.npz"
    short = ConvexThresholdClassifier(**{**SETTINGS, "rounds": 1}, checkpoint=path).fit(x, y)
    more = ConvexThresholdClassifier(**SETTINGS, checkpoint=path).fit(x, y)
    assert more.n_iter_ > short.n_iter_
    assert more.certificate_.objective <= short.certificate_.objective


def test_checkpoints_of_others_are_refused(tmp_path: Path) -> None:
    x, y = bundled("iris")
    path = tmp_path / "training.npz"
    ConvexThresholdClassifier(**SETTINGS, checkpoint=path).fit(x, y)
    for other in ({"beta": 0.02}, {"random_state": 1}):
        with pytest.raises(ValueError, match="is of other data or settings; remove it"):
            ConvexThresholdClassifier(**{**SETTINGS, **other}, checkpoint=path).fit(x, y)
    with pytest.raises(ValueError, match="is of other data or settings; remove it"):
        ConvexThresholdClassifier(**SETTINGS, checkpoint=path).fit(x[:-1], y[:-1])
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match="is not a checkpoint of convex training"):
        ConvexThresholdClassifier(**SETTINGS, checkpoint=path).fit(x, y)


def test_a_checkpoint_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = bundled("iris")
    path = tmp_path / "training.npz"
    with pytest.raises(Killed):
        ConvexThresholdClassifier(**SETTINGS, checkpoint=path, callback=killed_after(1)).fit(x, y)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(ValueError, match="cannot be written: No space left on device"):
            ConvexThresholdClassifier(**SETTINGS, checkpoint=path).fit(x, y)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["training.npz"]


def test_warm_starts() -> None:
    """A second fit begins with the first one's units and weights, and so is not above it, even without search."""
    x, y = bundled("breast_cancer")
    classifier = ConvexThresholdClassifier(**SETTINGS, warm_start=True).fit(x, y)
    first = classifier.certificate_.objective
    classifier.set_params(rounds=0, columns=1).fit(x, y)
    assert classifier.certificate_.objective <= first * (1 + 1e-9)
    with pytest.raises(ValueError, match="the network reads 30 features, X has 2"):
        classifier.fit(x[:, :2], y)


def test_early_stopping_keeps_the_best_round() -> None:
    x, y = bundled("breast_cancer")
    settings = {**SETTINGS, "rounds": 12, "early_stopping": True, "patience": 2, "validation_fraction": 0.25}
    classifier = ConvexThresholdClassifier(**settings).fit(x, y)
    assert classifier.n_iter_ < 13
    assert classifier.n_iter_ == classifier.certificate_.rounds + 3 or classifier.n_iter_ == 13
    regressor = ConvexThresholdRegressor(**{**settings, "levels": 30}).fit(x[:, 1:], x[:, 0])
    assert regressor.score(x[:, 1:], x[:, 0]) > 0.9


def test_refit_undoes_the_shrinking(tmp_path: Path) -> None:
    x, y = bundled("wine")
    plain = ConvexThresholdClassifier(0.05, columns=200, rounds=0).fit(x, y)
    refit = ConvexThresholdClassifier(0.05, columns=200, rounds=0, refit=1.0).fit(x, y)
    assert str(refit.certificate_) == str(plain.certificate_)
    targets = np.where(y[:, None] == [0, 1, 2], 1, -1)
    errors = [((c.network_.scores(x) * c.network_.scale - targets) ** 2).mean() for c in (plain, refit)]
    assert errors[1] < 0.8 * errors[0]
    assert_circuit_equals_predict(refit, x, tmp_path / "m.onnx")
