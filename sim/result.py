"""What every simulator returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The outputs of a network for N samples, exact.

    values: per network output, (N, ...) int64 for `class` and `scores`, uint8 for `bits`
    bits:   per Compare operation in network order, (N, ...) uint8; empty when the caller asked for none
    """

    network: Network
    values: tuple[NDArray[np.integer], ...]
    bits: tuple[NDArray[np.uint8], ...]

    def _first(self, kind: str) -> NDArray[np.integer] | None:
        return next((v for o, v in zip(self.network.outputs, self.values, strict=True) if o.kind == kind), None)

    @property
    def scores(self) -> NDArray[np.integer] | None:
        """(N, classes) exact integer scores, or None; the real value is about scale * score + offset of the output."""
        return self._first("scores")

    @property
    def labels(self) -> NDArray[np.integer] | None:
        """(N,) class per sample, lowest index among equals: the class output, else the largest score, else, for outputs
        that are bits, the only bit or the first set bit. None for a single score, which states no class."""
        label = self._first("class")
        if label is not None:
            first = next(int(o.offset) for o in self.network.outputs if o.kind == "class")  # as the model counts them
            return label.reshape(len(label)) + first if first else label.reshape(len(label))
        rest = self.scores
        if rest is not None:
            return None if rest.shape[-1] == 1 else _flat(rest).argmax(axis=1)
        bits = self._first("bits")
        assert bits is not None  # the verifier wants at least one output
        flat = _flat(bits)
        return flat[:, 0] if flat.shape[1] == 1 else flat.argmax(axis=1)

    def outputs_only(self) -> Result:
        """Returns the same answers without the hidden bits."""
        return Result(self.network, self.values, ())

    def first(self, count: int) -> Result:
        """Returns the answers of the first `count` samples."""
        return Result(self.network, tuple(v[:count] for v in self.values), tuple(b[:count] for b in self.bits))

    def top(self, k: int) -> NDArray[np.integer]:
        """Returns the (N, k) classes of the k largest scores, best first, the lowest index first among equals.

        Raises ValueError without scores, or for a k outside 1..classes.
        """
        scores = self.scores
        if scores is None or not 1 <= k <= scores.shape[-1]:
            raise ValueError(f"no {k} best scores: the network has {0 if scores is None else scores.shape[-1]}")
        return np.argsort(-scores, axis=-1, kind="stable")[..., :k]


def _flat(x: NDArray[np.integer]) -> NDArray[np.integer]:
    return x.reshape(len(x), int(np.prod(x.shape[1:])))  # not -1: there may be no samples
