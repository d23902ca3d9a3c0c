"""Sparsity penalties and their proximal operators: l1, l0 and transformed l1 (Dinh, Xin 2020, section 3).

    prox(w, mu) = argmin_u mu P(u) + 1/2 ||w - u||^2, entry by entry

Where two minimizers are equally good (an entry exactly at a jump), 0 is returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.train.parameters import above_zero, one_of

Floats = NDArray[np.floating[Any]]

PENALTIES = ("l0", "l1", "tl1")


@dataclass(frozen=True, slots=True)
class Penalty:
    """A penalty prices the entries of a vector (Dinh, Xin 2020, section 3).

    kind: l0 (the number of entries that are not 0), l1 (the sum of magnitudes), tl1 (the sum of (a + 1)|x| / (a + |x|),
    a > 0). tl1 goes from l0 (a to 0) to l1 (a to infinity); l0 and l1 do not use a. Raises ValueError for other kinds
    and a.
    """

    kind: str
    a: float = 1.0

    def __post_init__(self) -> None:
        one_of("penalty", self.kind, PENALTIES)
        above_zero("a", self.a)

    def __call__(self, u: Floats) -> NDArray[np.float64]:
        """Returns P(u), (...) float64, of every vector of u (..., d)."""
        return np.asarray(_VALUE[self.kind](np.abs(u, dtype=np.float64), self.a).sum(axis=-1))

    def threshold(self, mu: float) -> float:
        """Returns the magnitude up to which entries of w become 0 by `prox(w, mu)`."""
        return _THRESHOLD[self.kind](mu, self.a)

    def prox(self, w: Floats, mu: float) -> Floats:
        """Returns u of w's shape and dtype, computed in float64. mu >= 0; 0 leaves w unchanged."""
        if mu == 0:
            return np.array(w)
        size = np.abs(w, dtype=np.float64)
        u = np.where(size > self.threshold(mu), _SHRINK[self.kind](size, mu, self.a), 0.0)
        return np.asarray(np.copysign(u, w), w.dtype)


def _tl1_threshold(mu: float, a: float) -> float:
    """Zhang, Xin 2017 (Comm. Math. Sci. 15:2): the operator jumps where mu is large and is continuous elsewhere."""
    if mu <= a * a / (2 * (a + 1)):
        return mu * (a + 1) / a
    return float(np.sqrt(2 * mu * (a + 1)) - a / 2)


def _tl1_shrink(size: NDArray[np.float64], mu: float, a: float) -> NDArray[np.float64]:
    """The largest root of (u - size)(a + u)^2 + mu a (a + 1) = 0, by the cosine formula of the cubic."""
    wide = a + size
    angle = np.arccos(np.clip(1 - 27 * mu * a * (a + 1) / (2 * wide**3), -1, 1))
    return np.asarray(np.maximum(2 / 3 * wide * np.cos(angle / 3) - 2 * a / 3 + size / 3, 0.0))


_VALUE: dict[str, Callable[[NDArray[np.float64], float], NDArray[np.float64]]] = {
    "l0": lambda size, _: (size != 0).astype(np.float64),
    "l1": lambda size, _: size,
    "tl1": lambda size, a: np.asarray((a + 1) * size / (a + size)),
}
_THRESHOLD: dict[str, Callable[[float, float], float]] = {
    "l0": lambda mu, _: float(np.sqrt(2 * mu)),
    "l1": lambda mu, _: mu,
    "tl1": _tl1_threshold,
}
_SHRINK: dict[str, Callable[[NDArray[np.float64], float, float], NDArray[np.float64]]] = {
    "l0": lambda size, *_: size,
    "l1": lambda size, mu, _: size - mu,
    "tl1": _tl1_shrink,
}
