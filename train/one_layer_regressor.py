"""`RVSCGDOneLayer`: the one-layer non-overlap network, trained from samples; its circuit counts as `predict` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, column_or_1d

from threshc.compiler.progress import silent
from threshc.train.one_layer import Relaxation, counts, descend, normalized, sampled_gradient
from threshc.train.one_layer_export import Patches, write_patches
from threshc.train.parameters import above_zero, at_least
from threshc.train.penalties import Penalty

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_RECORDS = 50


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A step is one line of the history.

    step: the number of steps done. loss: half the mean squared error of w. lagrangian: L_beta. nonzero: the entries of
    u that are not 0. w: (d,).
    """

    step: int
    loss: float
    lagrangian: float
    nonzero: int
    w: Floats


class RVSCGDOneLayer(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Learns y(Z) = sum_j 1{Z_j u > 0} with one sparse u for all k patches Z_j, by RVSCGD on mini-batches (Dinh, Xin
    2020, figure 4).

    penalty: l0, l1 or tl1 (with a). lam: its price. beta: how strongly w is drawn to the sparse u. learning_rate,
    n_iter, batch_size: rate, steps and samples per step of the descent. An entry of u is 0 where w's is at most
    `penalty.threshold(lam / beta)`, w being of norm 1. weight_bits: bits of u's integers, sign included. input_bits:
    bits of the integers that stand for real inputs, sign included; inputs that are whole numbers of at most 16 bits are
    taken unchanged. callback: called with every `Step`. random_state: seed.

    Attributes after fit: w_, u_ (d,) real; network_ (the integers); history_ (of Steps); patches_, n_features_in_.
    """

    def __init__(
        self,
        penalty: str = "l0",
        *,
        lam: float = 1e-4,
        beta: float = 4e-3,
        a: float = 1.0,
        learning_rate: float = 1e-3,
        n_iter: int = 4000,
        batch_size: int = 32,
        weight_bits: int = 8,
        input_bits: int = 8,
        callback: Callable[[Step], None] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.penalty = penalty
        self.lam = lam
        self.beta = beta
        self.a = a
        self.learning_rate = learning_rate
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.weight_bits = weight_bits
        self.input_bits = input_bits
        self.callback = callback
        self.random_state = random_state

    def fit(self, Z: Any, y: Any) -> RVSCGDOneLayer:
        """Trains on Z (n, k, d), finite real patches, with y (n,), counts of 0 to k; returns itself. Raises
        ValueError for others."""
        relaxation = self._relaxation()
        Z, y = self._patches(Z), column_or_1d(y, dtype=np.float64)
        check_consistent_length(Z, y)
        self.patches_, self.n_features_in_ = Z.shape[1:]
        if not ((y >= 0) & (y <= self.patches_)).all():
            raise ValueError(f"y reaches from {y.min():g} to {y.max():g}; counts of {self.patches_} patches are needed")
        rng = np.random.default_rng(check_random_state(self.random_state).randint(1 << 31))
        z, y = Z.astype(np.float32), y.astype(np.float32)
        start = normalized(rng.standard_normal((1, self.n_features_in_)))
        self.history_: list[Step] = []

        def gradient(w: Floats) -> Floats:
            chosen = rng.integers(0, len(z), min(self.batch_size, len(z)))
            return sampled_gradient(z[chosen], y[chosen], w[0])[None]

        def record(step: int, w: Floats) -> None:
            loss = 0.5 * float(((counts(z, w[0]) - y) ** 2).mean())
            u = relaxation.sparse(w)
            value = float(relaxation.lagrangian(np.array([loss]), u, w)[0])
            self.history_.append(Step(step, loss, value, int(np.count_nonzero(u)), w[0].copy()))
            (self.callback or silent)(self.history_[-1])

        w = descend(start, gradient, relaxation, self.n_iter, max(1, self.n_iter // _RECORDS), record)
        self.w_, self.u_ = w[0], relaxation.sparse(w)[0]
        self.network_ = Patches.of(self.u_, Z, self.weight_bits, self.input_bits)
        self.n_iter_ = self.n_iter
        return self

    def predict(self, Z: Any) -> Ints:
        """Returns the counts (n,) of patches (n, k, d) by the integer network.

        The exported circuit outputs the same for `network_.encode(Z)`.
        """
        check_is_fitted(self)
        Z = self._patches(Z)
        if Z.shape[2] != self.n_features_in_:
            raise ValueError(f"patches have {Z.shape[2]} features; {self.n_features_in_} are expected")
        return self.network_.counts(Z)

    def export_onnx(self, path: str | Path) -> None:
        """Writes the network for `patches_` patches as standard ONNX, whole or not at all.

        Its input is `network_.encode(Z)`, flat (N, k * d); its output is the count. Raises CompileError if u is 0, and
        where the file cannot be written.
        """
        check_is_fitted(self)
        write_patches(self.network_, path, self.patches_)

    @property
    def sparsity(self) -> float:
        """Returns the share of u's entries that are 0."""
        return float((self.u_ == 0).mean())

    def _patches(self, Z: Any) -> Floats:
        checked = np.asarray(check_array(Z, dtype=np.float64, allow_nd=True), np.float64)
        if checked.ndim != 3:
            raise ValueError(f"Z has shape {checked.shape}; (n, k, d), n samples of k patches of d features, is needed")
        return checked

    def _relaxation(self) -> Relaxation:
        for name in ("beta", "lam", "learning_rate"):
            above_zero(name, getattr(self, name))
        for name, least in {"n_iter": 1, "batch_size": 1, "weight_bits": 2, "input_bits": 2}.items():
            at_least(name, getattr(self, name), least)
        for name in ("weight_bits", "input_bits"):
            if getattr(self, name) > 16:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at most 16")
        return Relaxation(Penalty(self.penalty, self.a), self.lam, self.beta, self.learning_rate)
