"""What the trainers' tests share: small data sets, and the comparison of a compiled network with its estimator."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import threshc

Data = tuple[NDArray[np.float64], NDArray[np.int64]]


def bundled(name: str) -> Data:
    """One of scikit-learn's own data sets: x (n, d), y (n,)."""
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return x, y


def pmlb(shared: Path, name: str, most: int) -> Data:
    """The first samples of a table in ../shared/data/pmlb."""
    with gzip.open(shared / "data" / "pmlb" / f"{name}.tsv.gz", "rt") as file:
        rows = np.loadtxt(file, delimiter="\t", skiprows=1, max_rows=most)
    return rows[:, :-1], rows[:, -1].astype(np.int64)


def assert_circuit_equals_predict(estimator: Any, x: NDArray[np.float64], path: Path) -> None:
    """Exported, compiled, simulated: every label is the estimator's, by position in classes_."""
    estimator.export_onnx(path)
    network = threshc.load(path)
    whole = getattr(estimator, "encoding", "") == "integer"
    labels = threshc.simulate(network, x.astype(np.int64 if whole else np.float32)).labels
    np.testing.assert_array_equal(estimator.classes_[labels], estimator.predict(x))
