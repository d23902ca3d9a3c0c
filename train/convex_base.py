"""What the convex estimators share: encoding, layers below, columns, training, refit, rounding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from threshc.compiler.progress import silent
from threshc.train.arrangement import Arrangement
from threshc.train.column_generation import Certificate, Problem, Search, State, Trained, Watch, generate
from threshc.train.convex_checkpoint import fingerprint, restore, save
from threshc.train.encoders import Encoder, thermometer, whole
from threshc.train.hidden_network import HiddenNetwork, Layer, rounded
from threshc.train.parameters import above_zero, at_least, one_of
from threshc.train.sampling import SAMPLERS, sample

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Units = tuple[Ints, Ints] | tuple[Ints, Ints, Floats]

_FREE = ("rounds", "max_seconds", "callback", "checkpoint", "warm_start", "output_bits", "refit", "initial_units")
"""Parameters that a checkpoint does not depend on, or that its data hold."""


class ConvexTraining(BaseEstimator):  # type: ignore[misc]
    """It trains `ConvexThresholdClassifier` and `ConvexThresholdRegressor`, which document the parameters."""

    beta: float
    encoding: str
    levels: int
    layers_below: tuple[int, ...]
    sampling: tuple[str, ...]
    columns: int
    max_weight: int
    fan_in: int | None
    output_bits: int
    rounds: int
    starts: int
    max_seconds: float | None
    tol: float
    fit_bias: bool
    refit: float | None
    early_stopping: bool
    validation_fraction: float
    patience: int
    warm_start: bool
    checkpoint: str | Path | None
    initial_units: Units | None
    callback: Callable[[Certificate], None] | None
    random_state: int | None

    network_: HiddenNetwork
    _trained: Trained
    _features: int

    def _train(self, X: Floats, targets: Floats, numbers: Ints, shared: bool, classes: bool) -> None:
        """Sets certificate_, history_, network_, rounded_objective_, n_iter_. targets: (n, K); numbers: (n,) classes or
        ranges of the targets; shared: outputs share their units; classes: the targets stand for classes."""
        rng = np.random.default_rng(check_random_state(self.random_state).randint(1 << 31))
        again = self.warm_start and hasattr(self, "_trained")
        if again and self._features != X.shape[1]:
            raise ValueError(f"warm_start: the network reads {self._features} features, X has {X.shape[1]}")
        kept, held = self._split(len(X), numbers, classes)
        encode = self.network_.encode if again else self._encoder(X[kept])
        encoded = encode(X[kept])
        below = self.network_.below if again else self._below(encoded, numbers[kept], rng)
        x = _through(below, encoded)
        outputs = targets.shape[1]
        blocks = (tuple(range(outputs)),) if shared else tuple((k,) for k in range(outputs))
        y = np.ascontiguousarray(targets[kept])
        problem = Problem(x, encoded, y, numbers[kept], self.beta * len(x), self.fit_bias, blocks)
        search = Search(
            limit=self.max_weight,
            fan_in=self.fan_in or max(x.shape[1], 1),
            rounds=self.rounds if x.shape[1] else 0,
            starts=self.starts,
            seconds=np.inf if self.max_seconds is None else self.max_seconds,
            tolerance=self.tol,
        )
        judge = None
        if held is not None:
            right = targets[held]
            bits = _through(below, encode(X[held]))

            def judge(u: Ints, t: Ints, w: Floats, bias: Floats) -> float:
                return _quality(Layer(u, t)(bits) @ w + bias, right, classes)

        trained = self._generate(problem, search, rng, judge, self._trained if again else None)
        self._trained, self._features = trained, X.shape[1]
        self.certificate_, self.history_ = trained.certificate, trained.history
        w, bias = (trained.w, trained.bias) if self.refit is None else _ridge(problem, trained, self.refit)
        self.network_ = rounded(encode, trained.u, trained.t, w, bias, self.output_bits, below)
        self.rounded_objective_ = _objective(self.network_, X[kept], problem)
        self.n_iter_ = len(trained.history)

    def _generate(
        self,
        problem: Problem,
        search: Search,
        rng: np.random.Generator,
        judge: Callable[[Ints, Ints, Floats, Floats], float] | None,
        last: Trained | None,
    ) -> Trained:
        pool = Arrangement(problem.x, constants=not self.fit_bias)
        given = _units(self.initial_units, problem)
        callback = self.callback or silent
        if self.checkpoint is None:
            state = self._start(problem, pool, given, last, rng)
            return generate(problem, pool, search, rng, state, Watch(callback, judge=judge, patience=self.patience))
        path = Path(self.checkpoint)
        settings = {k: v for k, v in self.get_params(deep=False).items() if k not in _FREE}
        arrays = {"x": problem.x, "y": problem.y, **{f"given{k}": part for k, part in enumerate(given or ())}}
        if last is not None:
            arrays |= {"u": last.u, "t": last.t, "w": last.w}
        name = fingerprint(arrays, {**settings, "type": type(self).__name__})
        found = restore(path, name, pool, rng)
        state = found if found is not None else self._start(problem, pool, given, last, rng)
        watch = Watch(callback, lambda now: save(path, name, pool, now, rng), judge, self.patience)
        return generate(problem, pool, search, rng, state, watch)

    def _start(
        self, problem: Problem, pool: Arrangement, given: Units | None, last: Trained | None, rng: np.random.Generator
    ) -> State:
        """Columns given, those of the last fit, then samples; weights from the first two."""
        before: list[Units] = [given] if given is not None else []
        if last is not None:
            same = last.w.shape[1] == problem.y.shape[1]
            before.append((last.u, last.t, last.w) if same else (last.u, last.t))
        for units in before:
            pool.add(*units[:2])
        if problem.x.shape[1]:
            self._sample(pool, problem.classes, self.columns, rng)
        w = np.zeros((pool.size, problem.y.shape[1]))
        for units in before:
            if len(units) == 3 and not w.any():
                w = pool.place(*units)
        return State(w)

    def _sample(self, pool: Arrangement, numbers: Ints, count: int, rng: np.random.Generator) -> None:
        fan_in = self.fan_in or pool.x.shape[1]
        for kind in self.sampling:
            share = max(1, count // len(self.sampling))
            pool.add(*sample(kind, pool.x, numbers, share, self.max_weight, fan_in, rng))

    def _below(self, x: Ints, numbers: Ints, rng: np.random.Generator) -> tuple[Layer, ...]:
        """Sampled layers of distinct units, each over the bits of the one before (Ergen et al., Lemma 3.5)."""
        layers: list[Layer] = []
        for width in self.layers_below:
            pool = Arrangement(x, constants=False)
            for _ in range(20):
                if pool.size >= width or not x.shape[1]:
                    break
                self._sample(pool, numbers, width, rng)
            chosen = np.sort(rng.permutation(pool.size)[:width])
            layers.append(Layer(pool.u[:, chosen], pool.t[chosen]))
            x = layers[-1](x)
        return tuple(layers)

    def _encoder(self, X: Floats) -> Encoder:
        return thermometer(X, self.levels) if self.encoding == "thermometer" else whole(X)

    def _split(self, n: int, numbers: Ints, classes: bool) -> tuple[Any, NDArray[np.intp] | None]:
        """Samples to train on and samples to judge rounds by, None without early stopping."""
        if not self.early_stopping:
            return slice(None), None
        seed = check_random_state(self.random_state).randint(1 << 31)
        by = numbers if classes else None
        kept, held = train_test_split(np.arange(n), test_size=self.validation_fraction, random_state=seed, stratify=by)
        return np.sort(kept), np.sort(held)

    def _check_parameters(self) -> None:
        above_zero("beta", self.beta)
        above_zero("tol", self.tol)
        above_zero("validation_fraction", self.validation_fraction)
        if self.refit is not None:
            above_zero("refit", self.refit)
        least = {"levels": 1, "columns": 1, "max_weight": 1, "output_bits": 2, "rounds": 0, "starts": 1, "patience": 1}
        for name, low in least.items():
            at_least(name, getattr(self, name), low)
        if self.fan_in is not None:
            at_least("fan_in", self.fan_in, 1)
        for width in self.layers_below:
            at_least("layers_below", width, 1)
        one_of("encoding", self.encoding, ("thermometer", "integer"))
        unknown = [kind for kind in self.sampling if kind not in SAMPLERS]
        if unknown or not self.sampling:
            raise ValueError(f"sampling is {self.sampling!r}; it must be some of {', '.join(SAMPLERS)}")


def _through(layers: tuple[Layer, ...], x: Ints) -> Ints:
    for layer in layers:
        x = layer(x)
    return x


def _units(given: Units | None, problem: Problem) -> Units | None:
    if given is None:
        return None
    u, t = (np.asarray(part, np.int64) for part in given[:2])
    d, outputs = problem.x.shape[1], problem.y.shape[1]
    if u.shape != (d, len(t)):
        raise ValueError(f"initial_units have shapes {u.shape} and {t.shape}; ({d}, m) and (m,) fit")
    if len(given) == 2:
        return u, t
    w = np.asarray(given[2], np.float64)
    if w.shape != (len(t), outputs):
        raise ValueError(f"initial_units have output weights of shape {w.shape}; ({len(t)}, {outputs}) fits")
    return u, t, w


def _quality(scores: Floats, targets: Floats, classes: bool) -> float:
    """Accuracy for classes, else minus the mean squared error."""
    if not classes:
        return -float(((scores - targets) ** 2).mean())
    if targets.shape[1] == 1:
        return float(((scores[:, 0] > 0) == (targets[:, 0] > 0)).mean())
    return float((scores.argmax(axis=1) == targets.argmax(axis=1)).mean())


def _ridge(problem: Problem, trained: Trained, strength: float) -> tuple[Floats, Floats]:
    """Output weights of the units in use anew, by ridge regression: the LASSO chooses units well but shrinks them."""
    hidden = Layer(trained.u, trained.t)(problem.x).astype(np.float64)
    middle, offset = np.zeros(hidden.shape[1]), np.zeros(problem.y.shape[1])
    if problem.bias:
        middle, offset = hidden.mean(axis=0), problem.y.mean(axis=0)
    hidden -= middle
    w = np.zeros_like(trained.w)
    for k in range(w.shape[1]):
        used = np.flatnonzero(trained.w[:, k])
        part = hidden[:, used]
        square = part.T @ part + strength * np.eye(len(used))
        w[used, k] = np.linalg.solve(square, part.T @ (problem.y[:, k] - offset[k]))
    return w, offset - middle @ w


def _objective(network: HiddenNetwork, X: Floats, problem: Problem) -> float:
    """Per sample, of the network with rounded output weights."""
    residual = network.scores(X) * network.scale - problem.y
    w = network.w * network.scale
    norms = sum(float(np.sqrt((w[:, list(block)] ** 2).sum(axis=1)).sum()) for block in problem.blocks)
    return (0.5 * float((residual**2).sum()) + problem.beta * norms) / len(X)
