"""Samples at random, and arrays into files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Affine, Step
from threshc.compiler.files import write_whole
from threshc.compiler.ir.network import Network


def write_array(path: str | Path, array: NDArray[np.generic]) -> None:
    """Writes a .npy file of that very name, whole or not at all."""
    write_whole(path, lambda file: np.save(file, array))


def random_samples(network: Network, count: int, seed: int) -> NDArray[np.generic]:
    """Returns samples for a network: the extremes of its encoding, then random ones, (count, features)."""
    rng = np.random.default_rng(seed)
    match network.input.encoding:
        case Affine(lo=lo, hi=hi):
            x = rng.integers(lo, hi, (count, *network.input.shape), endpoint=True)
            x[:1], x[1:2] = lo, hi
            return x
        case Step() as step:
            picked = np.zeros((count, step.features), np.float32)
            for feature in range(step.features):
                own = step.threshold[step.feature == feature]
                near = rng.choice(own, count) if len(own) else np.zeros(count, np.float32)
                picked[:, feature] = near + rng.normal(scale=1 + np.abs(near)).astype(np.float32) * rng.integers(
                    0, 2, count
                )
            return picked
