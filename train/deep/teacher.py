"""Knowledge distillation: labels mixed with what a teacher thinks of the samples (Hinton, Vinyals, Dean 2015)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def soft_labels(
    teacher: Any, x: NDArray[Any], y: NDArray[Any], classes: NDArray[Any], weight: float
) -> NDArray[np.float32] | None:
    """Returns (1 - weight) of the true class and weight of the teacher's probabilities, (n, classes); None without a
    teacher.

    teacher: anything with predict_proba (of x as given to fit), or probabilities (n, classes). y: class numbers (n,).
    Raises ValueError for probabilities of another shape, below 0 or not of sum 1, and for a teacher of other classes.
    Source: Hinton, Vinyals, Dean 2015, section 2.
    """
    if teacher is None:
        return None
    known = np.asarray(getattr(teacher, "classes_", classes))
    if not np.array_equal(known, classes):
        raise ValueError(f"the teacher's classes are {known.tolist()}, the samples' are {classes.tolist()}")
    p = np.asarray(teacher.predict_proba(x) if hasattr(teacher, "predict_proba") else teacher, np.float64)
    if p.shape != (len(y), len(classes)):
        raise ValueError(f"the teacher's probabilities are of shape {p.shape}; {(len(y), len(classes))} is needed")
    if not np.isfinite(p).all() or p.min() < 0 or np.abs(p.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError("the teacher's probabilities must be at least 0 and sum to 1 for every sample")
    return np.asarray((1 - weight) * np.eye(len(classes))[y] + weight * p, np.float32)
