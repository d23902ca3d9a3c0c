"""`StraightThroughClassifier`: the common baseline, trained with a surrogate slope in place of the step's (numpy
only)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from threshc.compiler.progress import silent
from threshc.train.encoders import thermometer
from threshc.train.hidden_network import HiddenNetwork
from threshc.train.onnx_export import write_onnx
from threshc.train.parameters import above_zero, at_least, one_of
from threshc.train.straight_through_network import SURROGATES, Training, train


class StraightThroughClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Trains one hidden layer of thresholds over thermometer bits, by a straight-through estimator and Adam.

    hidden_units: its width. surrogate: the slope used for the step on the way back: identity, clipped_relu, relu,
    sech2. weights: ternary or binary, for both layers, from latent floats. levels: comparisons per real feature.
    fan_in: weights per hidden unit, at random places that stay; None for all. epochs, batch_size, learning_rate:
    passes, samples per step and first rate of Adam, whose rate follows a cosine. The network of the epoch with the best
    training accuracy is kept. callback: called with the loss of every epoch. random_state: seed.

    Attributes after fit: classes_, network_ (the integers), loss_curve_, n_iter_, n_features_in_.
    """

    def __init__(
        self,
        hidden_units: int = 64,
        *,
        surrogate: str = "sech2",
        weights: str = "ternary",
        levels: int = 4,
        fan_in: int | None = None,
        epochs: int = 100,
        batch_size: int = 32,
        learning_rate: float = 5e-3,
        callback: Callable[[float], None] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.hidden_units = hidden_units
        self.surrogate = surrogate
        self.weights = weights
        self.levels = levels
        self.fan_in = fan_in
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.callback = callback
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> StraightThroughClassifier:
        """Trains on X (n, d), finite real features, with y (n,), labels of at least two classes; returns itself.
        Raises ValueError for others."""
        for name in ("hidden_units", "levels", "epochs", "batch_size"):
            at_least(name, getattr(self, name), 1)
        if self.fan_in is not None:
            at_least("fan_in", self.fan_in, 1)
        above_zero("learning_rate", self.learning_rate)
        one_of("surrogate", self.surrogate, SURROGATES)
        one_of("weights", self.weights, ("ternary", "binary"))
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class only, {self.classes_[0]!r}; a classifier needs at least two")
        rng = np.random.default_rng(check_random_state(self.random_state).randint(1 << 31))
        encode = thermometer(X, self.levels)
        settings = Training(
            hidden=self.hidden_units,
            surrogate=self.surrogate,
            ternary=self.weights == "ternary",
            fan_in=self.fan_in,
            epochs=self.epochs,
            batch=self.batch_size,
            rate=self.learning_rate,
        )
        callback = self.callback or silent
        u, t, w, bias, self.loss_curve_ = train(encode(X), numbers, len(self.classes_), settings, rng, callback)
        self.network_ = HiddenNetwork(encode, u, t, w, bias, 1.0)
        self.n_iter_ = self.epochs
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Returns integer scores: (N,) of the second of two classes minus those of the first, or (N, classes)."""
        scores = self._scores(X).astype(np.float64)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> NDArray[Any]:
        """Returns the classes (N,) of the largest integer scores, the first among equals. The exported circuit
        outputs the same, as positions in classes_."""
        chosen = self._scores(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def export_onnx(self, path: str | Path) -> None:
        """Writes the network as standard ONNX, whole or not at all; its labels are positions in classes_. Raises
        CompileError where the file cannot be written."""
        check_is_fitted(self)
        about = {"classes": " ".join(map(str, self.classes_))}
        write_onnx(self.network_, path, features=self.n_features_in_, about=about)

    def _scores(self, X: Any) -> NDArray[np.int64]:
        check_is_fitted(self)
        return self.network_.scores(validate_data(self, X, dtype=np.float64, reset=False))
