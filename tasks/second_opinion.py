"""What an evaluator that is not ours says of a model, and whether a difference is rounding: shown, or a failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threshc.compiler.frontend.batch import open_batch
from threshc.compiler.frontend.lower import Lowered
from threshc.sim.peers.find import find_peer
from threshc.sim.peers.nodes import Fault, NodeComparison
from threshc.sim.peers.peer import CannotRunError, Peer
from threshc.tasks.compare import Array, Check, against_onnx
from threshc.tasks.divergence import Divergence
from threshc.tasks.shown_rounding import shown

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """peer: name and version of the evaluator that ran, None where none could; declined: why others did not run."""

    peer: str | None
    declined: tuple[str, ...]
    checks: tuple[Check, ...]


def second_opinion(
    model: onnx.ModelProto,
    folder: Path | None,
    lowered: Lowered,
    x: Array,
    tensors: Sequence[str],
    values: Sequence[Array],
) -> SecondOpinion:
    """Compares our kernels with a peer, operator by operator, then the network against it, end to end.

    x: (N, *sample shape) as the model takes them; tensors: those that `against_onnx` reads; values: of the network.
    """
    opinion = find_peer(model, folder, x, tensors, open_batch(lowered.graph))
    if opinion.peer is None:
        return SecondOpinion(None, opinion.declined, ())
    try:
        checks = _compare(opinion.peer, model, lowered, x, tensors, values)
    except CannotRunError as error:
        return SecondOpinion(None, (*opinion.declined, f"{opinion.peer.name} stopped: {error}"), ())
    if opinion.mixed:
        why = "several samples together give fewer elements than one by one: the model mixes them"
        found = Divergence(None, f"tensor {opinion.mixed!r}", (), 0, 0, why=why)
        name = f"{opinion.peer.name}, samples together = one by one"
        checks = (*checks, Check(name, min(len(x), 2), 0, 0, found))
    return SecondOpinion(opinion.peer.name, opinion.declined, checks)


def _compare(
    peer: Peer, model: onnx.ModelProto, lowered: Lowered, x: Array, tensors: Sequence[str], values: Sequence[Array]
) -> tuple[Check, ...]:
    nodes, seen = NodeComparison(lowered.graph, model), []
    for first, block in peer.blocks(x):
        part = x[first : first + peer.size]
        nodes.add(first, part, block)
        seen.append([block[t].reshape(len(part), -1) for t in tensors])
    named = {t: np.concatenate([s[k] for s in seen]) for k, t in enumerate(tensors)}
    by_node = Check(f"{peer.name} = float32 evaluator, operator by operator", len(x), 0, 0, values=nodes.values)
    if nodes.fault is not None:
        by_node = replace(by_node, divergence=_divergence(nodes.fault))
    elif nodes.rounded:
        by_node = replace(
            by_node, note=f"{nodes.rounded} of them differ, each within the rounding bound of its operator"
        )
    whole = against_onnx(lowered, named, values, peer.name)
    if whole.divergence is None or nodes.fault is not None:
        return by_node, whole
    found = shown(peer, nodes.rounding, lowered, x, named, values)
    if found.fault is not None:
        return by_node, replace(whole, divergence=found.fault)
    note = f"rounding, shown for {found.bits} bits and {found.labels} labels"
    if found.later:
        note += f"; {found.later} more follow from them"
    return by_node, replace(whole, advisory=True, note=f"{note}; {found.example}" if found.example else note)


def _divergence(fault: Fault) -> Divergence:
    why = fault.why
    if not why and fault.bound:
        why = f"the exact value is {fault.exact:.9g}, and rounding explains {fault.bound:.3g}"
    elif not why:
        why = "this operator does not round"
    return Divergence(fault.sample, fault.where, fault.index, fault.theirs, fault.ours, why=why)
