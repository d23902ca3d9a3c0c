"""Samples: from files of every kind (`threshc.sim.data`) and into them, at random, and as a model itself takes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Affine, Step
from threshc.compiler.files import write_whole
from threshc.compiler.ir.network import Network
from threshc.sim.data.whole import labels_beside, read_labels, read_samples
from threshc.sim.inputs import encode, real_features, sample_rows

if TYPE_CHECKING:
    from threshc.compiler.frontend.lower import Lowered

__all__ = ["labels_beside", "model_samples", "random_samples", "read_labels", "read_samples", "write_array"]


def write_array(path: str | Path, array: NDArray[np.generic]) -> None:
    """Writes a .npy file of that very name, whole or not at all."""
    write_whole(path, lambda file: np.save(file, array))


def random_samples(network: Network, count: int, seed: int) -> NDArray[np.generic]:
    """Samples for a network: the extremes of its encoding, then random ones, (count, features)."""
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


def model_samples(lowered: Lowered, x: NDArray[np.generic]) -> NDArray[Any]:
    """Samples as the model itself takes them: numbers of its input's type, in its shape."""
    network, op = lowered.network, lowered.network.input
    match op.encoding:
        case Affine() as affine:
            real = affine.real(encode(network, x))
        case Step() as step:
            real = real_features(step, sample_rows(network, x)).astype(np.float32)
    dtype = next(iter(lowered.graph.inputs.values())).dtype
    return np.asarray(real.reshape(len(x), *op.model_shape), dtype)
