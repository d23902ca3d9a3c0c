"""The sparsity path of RVSCGD: accuracy against sparsity over several prices, warm started."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

from threshc.compiler.progress import silent
from threshc.train.rvscgd import RVSCGDClassifier


@dataclass(frozen=True, slots=True, eq=False)
class PathPoint:
    """A point is one network of the path.

    lam: its price. sparsity: the share of u's weights that are 0. nonzero: how many are not, after rounding. accuracy:
    of the integers that `classifier.predict` and the circuit use, 0 to 1. real_accuracy: of u before rounding; both of
    the test samples.
    """

    lam: float
    sparsity: float
    nonzero: int
    accuracy: float
    real_accuracy: float
    classifier: RVSCGDClassifier

    def __str__(self) -> str:
        return f"lambda {self.lam:g}: {self.sparsity:.2%} of the weights are 0, accuracy {self.accuracy:.2%}"


def rvscgd_path(
    classifier: RVSCGDClassifier,
    X: Any,
    y: Any,
    lams: Sequence[float],
    test: tuple[Any, Any] | None = None,
    callback: Callable[[PathPoint], None] | None = None,
) -> list[PathPoint]:
    """Fits a clone of the classifier for every lam, from the smallest on, each begun with the w of the one before.

    X, y: samples to train with, as for the classifier's `fit`. test: samples (X, y) for the accuracies, the training
    samples without. callback: called with every point. A checkpoint of the classifier becomes one per lam, with its
    number before the suffix. Returns a point per lam, in rising order. Raises ValueError as `fit` does.
    """
    if not len(lams):
        raise ValueError("lams is empty; a path needs at least one lambda")
    fitted, points = clone(classifier).set_params(warm_start=True), []
    for k, lam in enumerate(sorted(lams)):
        fitted.set_params(lam=lam)
        if classifier.checkpoint is not None:
            file = Path(classifier.checkpoint)
            fitted.set_params(checkpoint=file.with_name(f"{file.stem}.{k}{file.suffix}"))
        fitted.fit(X, y)
        points.append(_point(copy(fitted), *(test or (X, y))))
        (callback or silent)(points[-1])
    return points


def _point(fitted: RVSCGDClassifier, X: Any, y: Any) -> PathPoint:
    network = fitted.network_
    weights = [layer.weight for layer in network.layers] + [network.weight]
    nonzero = sum(int(np.count_nonzero(w)) for w in weights)
    return PathPoint(fitted.lam, fitted.sparsity_, nonzero, fitted.score(X, y), fitted.real_score(X, y), fitted)
