"""Samples and labels from files of every kind (`threshc.sim.data`), and arrays into them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.files import write_whole
from threshc.sim.data.whole import labels_beside, read_labels, read_samples

__all__ = ["labels_beside", "read_labels", "read_samples", "write_array"]


def write_array(path: str | Path, array: NDArray[np.generic]) -> None:
    """Writes a .npy file of that very name, whole or not at all."""
    write_whole(path, lambda file: np.save(file, array))
