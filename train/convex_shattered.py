"""`ShatteredThresholdClassifier`: the global optimum of a three-layer threshold network in closed form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from threshc.train.column_generation import Certificate
from threshc.train.encoders import thermometer, whole
from threshc.train.hidden_network import rounded
from threshc.train.onnx_export import write_onnx
from threshc.train.parameters import above_zero, at_least, one_of
from threshc.train.shattered import optimum
from threshc.train.staircase import reconstruct


class ShatteredThresholdClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Makes three layers whose training objective is the least of all threshold networks', of any width and depth
    (Ergen, Gulluk, Lacotte, Pilanci 2023, shattered case). It repeats the training set; do not expect it to generalize.

    The optimal values of the samples are known in closed form. One integer direction tells samples apart; first-layer
    units are thresholds on it, where the values change; second-layer units with weights -1 and 1 tell the levels.

    beta, encoding, levels, output_bits: see `ConvexThresholdClassifier`. directions: how many are tried; the one with
    the fewest first-layer units is taken. max_weight: largest weight of a direction; None allows what float32 sums
    hold.

    Attributes after fit: classes_, certificate_, network_ (the integers), n_features_in_.
    """

    def __init__(
        self,
        beta: float = 0.001,
        *,
        encoding: str = "thermometer",
        levels: int = 255,
        output_bits: int = 8,
        directions: int = 200,
        max_weight: int | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.beta = beta
        self.encoding = encoding
        self.levels = levels
        self.output_bits = output_bits
        self.directions = directions
        self.max_weight = max_weight
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> ShatteredThresholdClassifier:
        """Trains on X (n, d), finite real features, with y (n,), labels of at least two classes; returns itself.

        Raises ValueError for others, and where no direction tells the samples apart.
        """
        above_zero("beta", self.beta)
        for name, least in {"levels": 1, "output_bits": 2, "directions": 1}.items():
            at_least(name, getattr(self, name), least)
        if self.max_weight is not None:
            at_least("max_weight", self.max_weight, 1)
        one_of("encoding", self.encoding, ("thermometer", "integer"))
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class only, {self.classes_[0]!r}; a classifier needs at least two")
        rng = np.random.default_rng(check_random_state(self.random_state).randint(1 << 31))
        encode = thermometer(X, self.levels) if self.encoding == "thermometer" else whole(X)
        x, groups = np.unique(encode(X), axis=0, return_inverse=True)
        of = np.arange(len(self.classes_)) if len(self.classes_) > 2 else np.array([1])
        targets = np.where(numbers[:, None] == of, 1.0, -1.0)
        n, beta = len(X), self.beta * len(X)
        best = [optimum(targets[:, k], beta, bias=True, groups=groups.ravel()) for k in range(len(of))]
        objective = sum(value for value, _ in best) / n
        values = np.stack([v for _, v in best], axis=1)
        found = reconstruct(x, values, self.directions, self.max_weight, rng)
        self.network_ = rounded(encode, found.u, found.t, found.w, found.bias, self.output_bits, found.below)
        figures = objective, objective, objective, np.nan
        self.certificate_ = Certificate(*figures, columns=len(found.t), units=len(found.t), rounds=0)
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Returns real scores: (N,) of the second of two classes, or (N, classes)."""
        scores = self._scores(X) * self.network_.scale
        return np.asarray(scores[:, 0] if len(self.classes_) == 2 else scores, np.float64)

    def predict(self, X: Any) -> NDArray[Any]:
        """Returns the classes (N,) of the largest integer scores, the first among equals. The exported circuit
        outputs the same, as positions in classes_."""
        scores = self._scores(X)
        chosen = (scores[:, 0] > 0).astype(int) if len(self.classes_) == 2 else scores.argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def export_onnx(self, path: str | Path) -> None:
        """Writes the network as standard ONNX, whole or not at all; its labels are positions in classes_. Raises
        CompileError where the file cannot be written."""
        check_is_fitted(self)
        about = {"classes": " ".join(map(str, self.classes_)), "certificate": str(self.certificate_)}
        write_onnx(self.network_, path, features=self.n_features_in_, about=about)

    def _scores(self, X: Any) -> NDArray[np.int64]:
        check_is_fitted(self)
        return self.network_.scores(validate_data(self, X, dtype=np.float64, reset=False))
