"""`ShatteredThresholdClassifier`: the global optimum of a three-layer threshold network in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from threshc.train.classes import SignedScores, class_numbers, signs
from threshc.train.column_generation import Certificate
from threshc.train.encoders import thermometer, whole
from threshc.train.hidden_network import rounded
from threshc.train.parameters import above_zero, at_least, one_of
from threshc.train.shattered import optimum
from threshc.train.staircase import reconstruct


class ShatteredThresholdClassifier(ClassifierMixin, SignedScores, BaseEstimator):  # type: ignore[misc]
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
        self.classes_, numbers = class_numbers(y)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(1 << 31))
        encode = thermometer(X, self.levels) if self.encoding == "thermometer" else whole(X)
        x, groups = np.unique(encode(X), axis=0, return_inverse=True)
        targets = signs(numbers, len(self.classes_))
        n, beta = len(X), self.beta * len(X)
        best = [optimum(targets[:, k], beta, bias=True, groups=groups.ravel()) for k in range(targets.shape[1])]
        objective = sum(value for value, _ in best) / n
        values = np.stack([v for _, v in best], axis=1)
        found = reconstruct(x, values, self.directions, self.max_weight, rng)
        self.network_ = rounded(encode, found.u, found.t, found.w, found.bias, self.output_bits, found.below)
        figures = objective, objective, objective, np.nan
        self.certificate_ = Certificate(*figures, columns=len(found.t), units=len(found.t), rounds=0)
        return self
