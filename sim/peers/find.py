"""The evaluator that is asked for a second opinion on a model: the first that can run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threshc.sim.peers.onnxruntime_peer import onnxruntime_peer
from threshc.sim.peers.peer import BLOCK, Array, CannotRunError, Evaluate, Peer, Tensors
from threshc.sim.peers.reference_peer import reference_peer

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Opinion:
    """The peer that runs a model, or None; declined: why each of the peers before it does not. mixed: the tensor whose
    number of elements does not follow that of the samples."""

    peer: Peer | None
    declined: tuple[str, ...] = ()
    mixed: str = ""


def find_peer(model: onnx.ModelProto, folder: Path | None, x: Array, tensors: Sequence[str], batches: bool) -> Opinion:
    """Returns the first of onnxruntime and onnx's reference evaluator (with qonnx's operators) that makes the named
    tensors.

    x: (N, *sample shape), N >= 1. batches: whether the model says that it takes several samples at a time; then it is
    run with several where the peer can, so that what mixes them is found.
    """
    declined: list[str] = []
    hidden = [t for t in tensors if t not in {o.name for o in model.graph.output}]
    for make in (onnxruntime_peer, reference_peer):
        try:
            name, evaluate = make(model, folder)
        except CannotRunError as error:
            declined.append(str(error))
            continue
        mixed = ""
        for size in (BLOCK, 1) if batches else (1,):
            few = x[: min(size, 2)]
            try:
                got = evaluate(few)
                _want(got, tensors)
            except CannotRunError as error:
                reason = str(error)
                continue
            odd = _not_following(got, evaluate, few, tensors)
            if not odd and size > 1 and not _samples_first(got, evaluate, few, hidden):
                continue  # as with the samples in columns: there is one column of each
            if not odd:
                return Opinion(Peer(name, evaluate, size), tuple(declined), mixed)
            mixed, reason = odd, f"its tensor {odd!r} does not belong to {len(few)} samples"
        declined.append(f"{name} does not run this model: {reason}")
    return Opinion(None, tuple(declined))


def _not_following(got: Tensors, evaluate: Evaluate, x: Array, names: Sequence[str]) -> str:
    """The last tensor that has not as many elements for the samples x as for each of them, or ""."""
    try:
        one = evaluate(x[:1])
    except CannotRunError:  # a stated batch of several
        return next((t for t in reversed(names) if got[t].size % len(x)), "")
    return next((t for t in reversed(names) if got[t].size != len(x) * one[t].size), "")


def _samples_first(got: Tensors, evaluate: Evaluate, x: Array, names: Sequence[str]) -> bool:
    """Whether the elements of a sample lie together in each tensor, as far as their shapes tell."""
    try:
        one = evaluate(x[:1])
    except CannotRunError:  # a stated batch of several
        return True
    return all(got[t].shape[:1] == tuple(len(x) * n for n in one[t].shape[:1]) for t in names)


def _want(got: Tensors, names: Sequence[str]) -> None:
    for name in names:
        if not isinstance(got.get(name), np.ndarray):
            raise CannotRunError(f"it makes no array of tensor {name!r}")
