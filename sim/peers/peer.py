"""An evaluator, not ours, that runs a model for a second opinion; see `find.py` for which one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]
Tensors = Mapping[str, Array]
Evaluate = Callable[[Array], Tensors]
BLOCK = 32
"""Samples that are evaluated at a time: all tensors of a model are kept for that long."""


class CannotRunError(Exception):
    """An evaluator is missing or has no opinion on a model; the text says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An evaluator with one model loaded.

    name: the evaluator and its version. evaluate: samples (n, *sample shape) to every tensor of the graph by name, or
    CannotRunError. size: how many samples it takes at a time.
    """

    name: str
    evaluate: Evaluate
    size: int = BLOCK

    def blocks(self, x: Array) -> Iterator[tuple[int, Tensors]]:
        """Yields the first sample and the tensors of each block of samples."""
        for first in range(0, len(x), self.size):
            yield first, self.evaluate(x[first : first + self.size])


def first_line(error: Exception) -> str:
    """Returns what an exception says, in one line of at most 200 characters."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text if len(text) <= 200 else text[:197] + "..."


def plain_copy(model: onnx.ModelProto, folder: Path | None) -> onnx.ModelProto:
    """Returns a copy with its weights inside and what evaluators want but real files lack: nodes in order, one name for
    the default domain, and a version for every domain that is used."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if folder is not None:
        onnx.load_external_data_for_model(copy, str(folder))
    for entry in (*copy.graph.node, *copy.opset_import):
        entry.domain = "" if entry.domain == "ai.onnx" else entry.domain
    _sort_nodes(copy.graph)
    have = {o.domain for o in copy.opset_import}
    for domain in dict.fromkeys(node.domain for node in copy.graph.node):
        if domain not in have:
            copy.opset_import.append(onnx.helper.make_opsetid(domain, 13 if domain == "" else 1))
    return copy


def _sort_nodes(graph: onnx.GraphProto) -> None:
    """Each node behind those it reads, otherwise in the file's order. Cycles were refused before."""
    makers = {t: k for k, node in enumerate(graph.node) for t in node.output if t}
    wants = [{makers[t] for t in node.input if t in makers} for node in graph.node]
    if all(max(w, default=-1) < k for k, w in enumerate(wants)):
        return
    order: dict[int, None] = {}
    stack = list(reversed(range(len(wants))))
    while stack:
        waiting = sorted(wants[stack[-1]] - order.keys(), reverse=True)
        if waiting and stack[-1] not in order:
            stack += waiting
        else:
            order[stack.pop()] = None
    nodes = [graph.node[k] for k in order]
    ordered = [type(n).FromString(n.SerializeToString()) for n in nodes]
    del graph.node[:]
    graph.node.extend(ordered)
