"""The one-layer non-overlap network of Dinh, Xin 2020 (figure 4), and its descent with a relaxed sparse copy.

    y(Z) = sum_{j <= k} 1{Z_j w > 0}        Z: (k, d), w: (d,) of norm 1
    L_beta(u, w) = f(w) + lam P(u) + beta/2 ||w - u||^2        f: half the expected squared error

The descent (RVSCGD) sets u to the minimizer of L_beta, moves w along a coarse gradient and along beta (u - w), and
divides w by its norm. The sparse u is the result. The coarse gradient is that of Yin et al. 2019 with the slope of ReLU
in place of the step's; its expectation over Gaussian Z points from w to the teacher (their lemma 4).

Vectors come in stacks: w (S, d) are S independent runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.train.penalties import Penalty

Floats = NDArray[np.float64]

Gradient = Callable[[Floats], Floats]
"""From w (S, d) of norm 1 to a coarse gradient (S, d)."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A relaxation holds what the splitting is ruled by.

    lam: price of the penalty. beta > 0: how strongly w is drawn to its sparse copy. rate: the step size, eta.
    """

    penalty: Penalty
    lam: float = 1e-4
    beta: float = 4e-3
    rate: float = 1e-5

    @property
    def threshold(self) -> float:
        """Returns the magnitude up to which entries of w are 0 in u."""
        return self.penalty.threshold(self.lam / self.beta)

    def sparse(self, w: Floats) -> Floats:
        """Returns the u, of w's shape, that minimizes L_beta."""
        return np.asarray(self.penalty.prox(w, self.lam / self.beta), np.float64)

    def lagrangian(self, risk: Floats, u: Floats, w: Floats) -> Floats:
        """Returns L_beta (S,) of u, w (S, d) with risk f(w) (S,)."""
        return np.asarray(risk + self.lam * self.penalty(u) + self.beta / 2 * ((w - u) ** 2).sum(axis=-1))


def descend(
    w: Floats,
    gradient: Gradient,
    relaxation: Relaxation,
    steps: int,
    every: int,
    callback: Callable[[int, Floats], None],
) -> Floats:
    """Moves w (S, d), S runs of d weights each, by so many steps and returns it.

    callback: called with the number of steps done and w, every `every` steps and at the end.
    """
    for step in range(steps):
        if step % every == 0:
            callback(step, w)
        u = relaxation.sparse(w)
        w = normalized(w - relaxation.rate * (gradient(w) + relaxation.beta * (w - u)))
    callback(steps, w)
    return w


def population_gradient(teacher: Floats, k: int) -> Gradient:
    """Returns the expected coarse gradient over Gaussian Z, k/(2 sqrt(2 pi)) (w - teacher), for norms of 1.

    teacher: (S, d). Source: Yin et al. 2019, lemma 4.
    """
    factor = k / (2 * np.sqrt(2 * np.pi))
    return lambda w: np.asarray(factor * (w - teacher))


def population_risk(theta: Floats, k: int) -> Floats:
    """Returns f(w) = k theta / (2 pi) over Gaussian Z. theta: the angles from w to the teacher in radians, any
    shape."""
    return k * theta / (2 * np.pi)


def expected_angle(theta: Floats, k: int, rate: float, steps: int) -> Floats:
    """Returns the angle to the teacher, in radians, after so many steps, any shape, where beta's pull is negligible.

    The flow of the expected gradient on the sphere is theta' = -k/(2 sqrt(2 pi)) sin theta.
    """
    decay = np.exp(-rate * steps * k / (2 * np.sqrt(2 * np.pi)))
    return np.asarray(2 * np.arctan(np.tan(theta / 2) * decay))


def sampled_gradient(z: NDArray[np.floating], y: NDArray[np.floating], w: Floats) -> Floats:
    """Returns the mean coarse gradient (d,) of samples z (n, k, d) with counts y (n,) at w (d,)."""
    fires = (z @ w.astype(z.dtype) > 0).astype(z.dtype)
    error = fires.sum(axis=1) - y
    return np.asarray(np.tensordot(fires * error[:, None], z, axes=2) / len(z), np.float64)


def counts(z: NDArray[np.floating], w: Floats) -> NDArray[np.int64]:
    """Returns y(Z), (n,) int64, of z (n, k, d) at w (d,)."""
    return np.asarray((z @ w.astype(z.dtype) > 0).sum(axis=1), np.int64)


def angle(v: Floats, w: Floats) -> Floats:
    """Returns angles (...) in radians between vectors (..., d), exact for small ones; pi/2 where one of them is 0."""
    distance = np.linalg.norm(normalized(v) - normalized(w), axis=-1)
    zero = ~(v.any(axis=-1) & w.any(axis=-1))
    return np.where(zero, np.pi / 2, 2 * np.arcsin(np.clip(distance / 2, 0, 1)))


def normalized(w: Floats) -> Floats:
    """Returns vectors (..., d) divided by their norm; 0 stays 0."""
    norm = np.linalg.norm(w, axis=-1, keepdims=True)
    return np.asarray(w / np.where(norm > 0, norm, 1.0))
