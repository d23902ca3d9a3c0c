"""What classifiers have in common: labels as numbers, and classes of integer scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from threshc.train.column_generation import Certificate
from threshc.train.hidden_network import HiddenNetwork
from threshc.train.onnx_export import write_onnx


def class_numbers(y: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Returns the classes among labels y (n,), sorted, and the position of every label among them, (n,) int64.

    Raises ValueError for what is no label, and for fewer than two classes.
    """
    check_classification_targets(y)
    classes, numbers = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y holds one class only, {classes.tolist()[0]!r}; a classifier needs at least two")
    return classes, numbers


def signs(numbers: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Returns targets -1 and +1: (n, 1) for the second of two classes, else (n, classes)."""
    of = np.arange(classes) if classes > 2 else np.array([1])
    return np.where(numbers[:, None] == of, 1.0, -1.0)


class ScorePerClass:
    """Mixin for classifiers with one integer score per class; `_scores` makes them of samples."""

    classes_: NDArray[Any]

    def _scores(self, X: Any) -> NDArray[np.int64]:
        raise NotImplementedError

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Returns integer scores: (N,) of the second of two classes minus those of the first, or (N, classes)."""
        scores = self._scores(X).astype(np.float64)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> NDArray[Any]:
        """Returns the classes (N,) of the largest integer scores, the first among equals. The exported circuit
        outputs the same, as positions in classes_."""
        chosen = self._scores(X).argmax(axis=1)  # first: without a fit there are no classes
        return np.asarray(self.classes_[chosen])


class SignedScores:
    """Mixin for classifiers with a certificate, whose network has one score for two classes, else one per class."""

    classes_: NDArray[Any]
    network_: HiddenNetwork
    certificate_: Certificate
    n_features_in_: int

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
        """Writes the network as standard ONNX, whole or not at all; its labels are positions in classes_.

        Raises CompileError for a network without hidden units, and where the file cannot be written.
        """
        check_is_fitted(self)
        about = {"classes": " ".join(map(str, self.classes_)), "certificate": str(self.certificate_)}
        write_onnx(self.network_, path, features=self.n_features_in_, about=about)

    def _scores(self, X: Any) -> NDArray[np.int64]:
        check_is_fitted(self)
        return self.network_.scores(validate_data(self, X, dtype=np.float64, reset=False))
