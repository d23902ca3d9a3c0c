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
    """Figures per sample. objective: of the weights that the solver returned. lower_bound: no threshold
    network on these encoded features, of any width, depth and weights, has a lower one. pool_bound: none over the
    sampled and generated columns has. price: the largest correlation that the round's search found, over beta; above 1
    columns are missing (nan: no search).
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
        """objective - lower_bound: how much better the best network may be, at most."""
        return self.objective - self.lower_bound

    def __str__(self) -> str:
        return (
            f"objective {self.objective:.6f}, lower bound {self.lower_bound:.6f}, gap {self.gap:.6f}; "
            f"{self.units} units of {self.columns} columns, {self.rounds} rounds"
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """x: (n, d) what the units read: encoded (n, d') features, or bits of the layers below. y: (n, K) targets; classes:
    (n,) numbers for sampling. beta: price of a weight, times n samples. blocks: which columns of y share their units'
    norm: all of them in one (group LASSO), or each alone.
    """

    x: Ints
    encoded: Ints
    y: Floats
    classes: Ints
    beta: float
    bias: bool
    blocks: tuple[tuple[int, ...], ...]

    def lower_bound(self) -> float:
        """By the closed form per output. A row's norm is at least its entries' sum over sqrt(K)."""
        _, same = np.unique(self.encoded, axis=0, return_inverse=True)
        groups = same.ravel()
        return sum(
            shattered(self.y[:, k], self.beta / len(block) ** 0.5, bias=self.bias, groups=groups)
            for block in self.blocks
            for k in block
        )


@dataclass(frozen=True, slots=True)
class Search:
    """How columns are made. limit: largest weight of a unit; fan_in: most weights; starts: searches per round and
    block; seconds: no new round after this time. tolerance: relative gap, of the solver and at which training ends."""

    limit: int
    fan_in: int
    rounds: int
    starts: int
    seconds: float
    tolerance: float


@dataclass(slots=True, eq=False)
class State:
    """Where training stands before round `turn`: w (P, K) to start from, what happened, and the best network yet.

    best_value: of the judge, else -objective. waited: rounds since the best. done: nothing is left to do.
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
    """What looks on. callback: called with every round's certificate. save: called with the state at the end of a
    round, before `callback`. judge: gives the value of a network u, t, w, bias on samples held back; without one the
    objective decides. Training ends after `patience` rounds that are no better, and the best round's network is the
    result."""

    callback: Callable[[Certificate], None]
    save: Callable[[State], None] = silent
    judge: Callable[[Ints, Ints, Floats, Floats], float] | None = None
    patience: int = 5


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """u (d, m), t (m,), w (m, K), bias (K,) of the units in use, the certificate of their round, and that of every
    round."""

    u: Ints
    t: Ints
    w: Floats
    bias: Floats
    certificate: Certificate
    history: tuple[Certificate, ...]


def generate(
    problem: Problem, pool: Arrangement, search: Search, rng: np.random.Generator, state: State, watch: Watch
) -> Trained:
    """Solve, price, add, until the gap is closed, no column is missing that the search finds, or rounds or time end."""
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
