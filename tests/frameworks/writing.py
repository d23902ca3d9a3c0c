"""Runs the networks of one framework's script: `python from_x.py FOLDER` writes NAME.onnx and NAME.npz (x, scores).

Where a network cannot be made or exported, NAME.txt says why.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Maker = Callable[[Path], "tuple[np.ndarray, np.ndarray]"]
"""Writes an .onnx file; returns samples (N, ...) of whole numbers, and what the framework itself says of them: scores
(N, classes), or classes (N,)."""


def integers(*shape: int, seed: int = 1) -> np.ndarray:
    """Pixels 0..255, with contrast."""
    rng = np.random.default_rng(seed)
    return (rng.beta(0.6, 0.6, shape) * 255).round().astype(np.uint8)


def centre(network: Any, scores: Any) -> None:
    """Takes the mean of each score of a PyTorch network away from its last bias, so that no class wins always."""
    if scores.ndim < 2:
        return
    biased = [m for m in network.modules() if getattr(m, "bias", None) is not None and len(m.bias) == scores.shape[1]]
    if biased:
        biased[-1].bias.data -= scores.mean(0)


def centre_keras(network: Any, x: np.ndarray) -> None:
    """The same for Keras: of the last weights of which there is one per class."""
    scores = network.predict(x, verbose=0)
    biases = [w for w in network.trainable_weights if w.shape == (scores.shape[1],) and "gamma" not in w.name]
    if biases and abs(scores.sum(1) - 1).max() > 1e-3:  # no softmax
        biases[-1].assign_sub(scores.mean(0))


def main(makers: dict[str, Maker]) -> None:
    """The script: all networks, or those that are named."""
    folder, names = Path(sys.argv[1]), sys.argv[2:] or list(makers)
    for name in names:
        try:
            x, scores = makers[name](folder / f"{name}.onnx")
            np.savez(folder / f"{name}.npz", x=x, scores=scores)
        except Exception:
            (folder / f"{name}.txt").write_text(traceback.format_exc(), encoding="utf-8")
