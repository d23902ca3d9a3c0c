"""How real-valued model inputs are written as integers or bits: the only place where both appear side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.affine import Affine
from threshc.compiler.input_grammar import parse_encoding

__all__ = ["Affine", "Encoding", "Step", "parse_encoding"]


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Bits that the model itself makes of real features: bit j is `x[feature[j]] >= threshold[j]` in float32.

    features: how many real features a sample has; feature: (m,) int64; threshold: (m,) float32.
    """

    features: int
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]

    def __str__(self) -> str:
        return f"step({self.features} real features)"


Encoding = Affine | Step
