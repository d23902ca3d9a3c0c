"""The evaluator that is asked for a second opinion on a model: the first that can run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threshc.sim.peers.onnxruntime_peer import onnxruntime_peer
from threshc.sim.peers.peer import BLOCK, Array, CannotRunError, Peer, Tensors
from threshc.sim.peers.reference_peer import reference_peer

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Opinion:
    """The peer that runs a model, or None; declined: why each of the peers before it does not."""

    peer: Peer | None
    declined: tuple[str, ...] = ()


def find_peer(model: onnx.ModelProto, folder: Path | None, x: Array, tensors: Sequence[str], batches: bool) -> Opinion:
    """The first of onnxruntime and onnx's reference evaluator (with qonnx's operators) that makes the named tensors.

    x: (N, *sample shape), N >= 1. batches: whether the model takes several samples at a time.
    """
    declined: list[str] = []
    for make in (onnxruntime_peer, reference_peer):
        try:
            name, evaluate = make(model, folder)
        except CannotRunError as error:
            declined.append(str(error))
            continue
        for size in (BLOCK, 1) if batches else (1,):
            try:
                _want(evaluate(x[: min(size, 2)]), tensors, min(size, 2, len(x)))
            except CannotRunError as error:
                reason = str(error)
            else:
                return Opinion(Peer(name, evaluate, size), tuple(declined))
        declined.append(f"{name} does not run this model: {reason}")
    return Opinion(None, tuple(declined))


def _want(got: Tensors, names: Sequence[str], samples: int) -> None:
    for name in names:
        if not isinstance(got.get(name), np.ndarray):
            raise CannotRunError(f"it makes no array of tensor {name!r}")
        if got[name].size % samples:
            raise CannotRunError(f"its tensor {name!r} does not belong to {samples} samples")
