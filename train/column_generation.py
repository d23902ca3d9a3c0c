"""Convex training of a two-layer threshold network, with a certificate of how far from the best it can be.

min 1/2 ||D W + bias - Y||^2 + beta * sum of the norms of W's rows, over all hyperplane arrangements D: columns are
sampled, the LASSO over them is solved, units that correlate with its residual by more than beta are searched and added,
and so on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.progress import silent
from threshc.train.arrangement import Arrangement
from threshc.train.lasso import Solution, solve
from threshc.train.pricing import price
from threshc.train.shattered import shattered

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate says how far from the best a training is. Objectives are means per sample.

    objective: of the weights that the solver returned. lower_bound: no threshold network on these encoded features, of
    any width, depth and weights, has a lower objective. pool_bound: no network over the sampled and generated columns
    has. price: the largest correlation that the round's search found, divided by beta; above 1 columns are missing
    (nan: there was no search). columns, units: how many there are, and how many have a weight. rounds: how many rounds
    were done before.
    """

    objective: float
    lower_bound: float
    pool_bound: float
    price: float
    columns: int
    units: int
    rounds: int

    @property
    def gap(self) -> float:
        """Returns objective - lower_bound: the best network is better by at most so much."""
        return self.objective - self.lower_bound

    def __str__(self) -> str:
        return (
            f"objective {self.objective:.6f}, lower bound {self.lower_bound:.6f}, gap {self.gap:.6f}; "
            f"{self.units} units of {self.columns} columns, {self.rounds} rounds"
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem holds what is learned from n samples.

    x: (n, d) int64, what the units read: encoded features, or bits of the layers below. encoded: (n, d') int64, the
    encoded features. y: (n, K) targets. classes: (n,) numbers for sampling. beta: price of an output weight of 1, times
    n. bias: whether an output bias is free. blocks: which columns of y share their units' norm: all of them in one
    block (group LASSO), or each alone.
    """

    x: Ints
    encoded: Ints
    y: Floats
    classes: Ints
    beta: float
    bias: bool
    blocks: tuple[tuple[int, ...], ...]

    def lower_bound(self) -> float:
        """Returns a bound on the objective, times n, by the closed form per output (`shattered`).

        A row's norm is at least the sum of its entries divided by sqrt(K), so beta is divided by that for a block of K
        outputs.
        """
        _, same = np.unique(self.encoded, axis=0, return_inverse=True)
        groups = same.ravel()
        return sum(
            shattered(self.y[:, k], self.beta / len(block) ** 0.5, bias=self.bias, groups=groups)
            for block in self.blocks
            for k in block
        )


@dataclass(frozen=True, slots=True)
class Search:
    """A search says how columns are made.

    limit: largest weight of a unit. fan_in: most weights of a unit. rounds: most rounds. starts: searches per round and
    block. seconds: no round begins after this time. tolerance: relative gap at which the solver and the training end.
    """

    limit: int
    fan_in: int
    rounds: int
    starts: int
    seconds: float
    tolerance: float


@dataclass(slots=True, eq=False)
class State:
    """A state is where training stands before round `turn`.

    w: (P, K) weights to start from. history: the certificates of the rounds so far. best_value: what the judge gave the
    best network, else its negated objective. best_turn, best_w, best_bias: its round and weights (P', K), (K,). waited:
    rounds since then. done: nothing is left to do.
    """

    w: Floats
    turn: int = 0
    history: list[Certificate] = field(default_factory=list)
    best_value: float = -np.inf
    best_turn: int = 0
    best_w: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    best_bias: Floats = field(default_factory=lambda: np.zeros(0))
    waited: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch holds what looks on.

    callback: called with every round's certificate. save: called with the state at the end of a round, before
    `callback`. judge: gives the value of a network u, t, w, bias on samples held back; without one the objective
    decides. Training ends after `patience` rounds that are no better, and the best round's network is the result.
    """

    callback: Callable[[Certificate], None]
    save: Callable[[State], None] = silent
    judge: Callable[[Ints, Ints, Floats, Floats], float] | None = None
    patience: int = 5


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The units that training found: u (d, m), t (m,), w (m, K) and bias (K,) of the units in use.

    certificate: that of their round. history: those of all rounds.
    """

    u: Ints
    t: Ints
    w: Floats
    bias: Floats
    certificate: Certificate
    history: tuple[Certificate, ...]


def generate(
    problem: Problem, pool: Arrangement, search: Search, rng: np.random.Generator, state: State, watch: Watch
) -> Trained:
    """Trains by column generation: solves the LASSO, prices units, adds those that are missing, and so on.

    It ends when the gap is closed, the search finds no missing column, or rounds or time run out. pool: the columns,
    which grow. state: where to begin; it is changed. Returns the best round's network. Source: Ergen, Gulluk, Lacotte,
    Pilanci 2023.
    """
    began = time.monotonic()
    bound = problem.lower_bound()
    while not state.done and state.turn <= search.rounds:
        _round(problem, pool, search, rng, state, watch, bound)
        watch.save(state)
        watch.callback(state.history[-1])
        if time.monotonic() - began > search.seconds:
            break
    w = state.best_w
    kept = np.flatnonzero(w.any(axis=1))
    history = tuple(state.history)
    return Trained(pool.u[:, kept], pool.t[kept], w[kept], state.best_bias, history[state.best_turn], history)


def _round(
    problem: Problem,
    pool: Arrangement,
    search: Search,
    rng: np.random.Generator,
    state: State,
    watch: Watch,
    bound: float,
) -> None:
    n, outputs = problem.y.shape
    w = np.concatenate([state.w, np.zeros((pool.size - len(state.w), outputs))])
    solved = [_solve(problem, pool, w, block, search.tolerance) for block in problem.blocks]
    bias, residual = np.zeros(outputs), np.zeros((n, outputs))
    for block, s in zip(problem.blocks, solved, strict=True):
        w[:, block], bias[list(block)], residual[:, block] = s.w, s.bias, s.residual
    objective = sum(s.objective for s in solved)
    used = np.flatnonzero(w.any(axis=1))
    value = -objective if watch.judge is None else watch.judge(pool.u[:, used], pool.t[used], w[used], bias)
    state.waited += 1
    if not state.history or value > state.best_value or (watch.judge is None and value == state.best_value):
        state.best_value, state.best_turn, state.waited = value, state.turn, 0
        state.best_w, state.best_bias = w.copy(), bias
    columns = pool.size
    highest, added = _extend(problem, pool, w, residual, search, rng) if search.rounds else (np.nan, 0)
    pool_bound = max(sum(s.bound for s in solved), bound)
    figures = objective / n, bound / n, pool_bound / n, highest
    state.history.append(Certificate(*figures, columns, len(used), state.turn))
    closed = objective - bound <= search.tolerance * max(objective, 1e-12)
    tired = watch.judge is not None and state.waited >= watch.patience
    stuck = search.rounds > 0 and not added
    state.w, state.turn, state.done = w, state.turn + 1, closed or tired or stuck


def _solve(problem: Problem, pool: Arrangement, w: Floats, block: tuple[int, ...], tolerance: float) -> Solution:
    chosen = list(block)
    return solve(pool, problem.y[:, chosen], problem.beta, w[:, chosen], bias=problem.bias, tolerance=tolerance)


def _extend(
    problem: Problem, pool: Arrangement, w: Floats, residual: Floats, search: Search, rng: np.random.Generator
) -> tuple[float, int]:
    """Adds units of a price above beta; the highest price over beta, and how many columns are new."""
    highest, added = 0.0, 0
    for block in problem.blocks:
        chosen = list(block)
        support = pool.u[:, np.flatnonzero(w[:, chosen].any(axis=1))]
        u, t, prices = price(
            problem.x,
            problem.classes,
            residual[:, chosen],
            support,
            starts=search.starts,
            limit=search.limit,
            fan_in=search.fan_in,
            rng=rng,
        )
        highest = max(highest, float(prices.max()) / problem.beta)
        new = prices > problem.beta * (1 + search.tolerance)
        added += pool.add(u[:, new], t[new])
    return highest, added
