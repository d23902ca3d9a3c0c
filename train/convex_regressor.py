"""`ConvexThresholdRegressor`: real targets by convex training (Ergen, Gulluk, Lacotte, Pilanci 2023)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from threshc.train.column_generation import Certificate
from threshc.train.convex_base import ConvexTraining, Units
from threshc.train.onnx_export import write_onnx

_RANGES = 8


class ConvexThresholdRegressor(RegressorMixin, ConvexTraining):  # type: ignore[misc]
    """Trains hidden layers of thresholds for real targets: `ConvexThresholdClassifier`'s LASSO with Y = y.

    A prediction is scale_ * integer score + offset_, both float32; the compiled circuit outputs the integers.

    shared_units: several targets share their units (group LASSO); else there is a LASSO per target. standardize: train
    on (y - mean) / standard deviation, so that beta means the same for all targets; objectives are then of those
    values: 0.5 is that of predicting the mean. Other parameters: see `ConvexThresholdClassifier`; early stopping judges
    by the squared error.

    Attributes after fit: certificate_ (objective, lower bound, gap), history_, network_ (the integers), scale_ and
    offset_ (targets,) float32, rounded_objective_, n_iter_, n_features_in_.
    """

    def __init__(
        self,
        beta: float = 0.01,
        *,
        encoding: str = "thermometer",
        levels: int = 8,
        layers_below: tuple[int, ...] = (),
        sampling: tuple[str, ...] = ("quantile", "ternary", "pair"),
        columns: int = 1000,
        max_weight: int = 3,
        fan_in: int | None = None,
        shared_units: bool = True,
        standardize: bool = True,
        output_bits: int = 8,
        rounds: int = 20,
        starts: int = 6,
        max_seconds: float | None = None,
        tol: float = 1e-3,
        fit_bias: bool = True,
        refit: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 5,
        warm_start: bool = False,
        checkpoint: str | Path | None = None,
        initial_units: Units | None = None,
        callback: Callable[[Certificate], None] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.beta = beta
        self.encoding = encoding
        self.levels = levels
        self.layers_below = layers_below
        self.sampling = sampling
        self.columns = columns
        self.max_weight = max_weight
        self.fan_in = fan_in
        self.shared_units = shared_units
        self.standardize = standardize
        self.output_bits = output_bits
        self.rounds = rounds
        self.starts = starts
        self.max_seconds = max_seconds
        self.tol = tol
        self.fit_bias = fit_bias
        self.refit = refit
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.initial_units = initial_units
        self.callback = callback
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> ConvexThresholdRegressor:
        """Trains on X (n, d), finite real features, with y (n,) or (n, targets), finite real numbers; returns
        itself. Raises ValueError for others."""
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        y = np.asarray(y, np.float64)
        self._single = y.ndim == 1
        targets = y.reshape(len(y), -1)
        middle, spread = np.zeros(targets.shape[1]), np.ones(targets.shape[1])
        if self.standardize:
            middle, spread = targets.mean(axis=0), targets.std(axis=0)
            spread[spread == 0] = 1
        scaled = (targets - middle) / spread
        self._train(X, scaled, _ranges(scaled[:, 0]), shared=self.shared_units, classes=False)
        self.scale_ = (self.network_.scale * spread).astype(np.float32)
        self.offset_ = middle.astype(np.float32)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Returns (N,) or (N, targets): float32 scores * scale_ + offset_, as the exported model computes them."""
        check_is_fitted(self)
        scores = self.network_.scores(validate_data(self, X, dtype=np.float64, reset=False))
        values = (scores.astype(np.float32) * self.scale_ + self.offset_).astype(np.float64)
        return np.asarray(values[:, 0] if self._single else values)

    def export_onnx(self, path: str | Path) -> None:
        """Writes the network as standard ONNX, whole or not at all; its outputs, (N, 1) per target, equal `predict`.

        Raises CompileError for a network without hidden units, and where the file cannot be written.
        """
        check_is_fitted(self)
        about = {"certificate": str(self.certificate_)}
        values = self.scale_, self.offset_
        write_onnx(self.network_, path, features=self.n_features_in_, about=about, values=values)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _ranges(y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Numbers of ranges with about equally many targets, in place of classes for sampling."""
    edges = np.unique(np.quantile(y, np.arange(1, _RANGES) / _RANGES))
    return np.searchsorted(edges, y).astype(np.int64)
