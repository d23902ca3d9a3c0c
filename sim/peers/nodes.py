"""Our kernels against a peer, operator by operator: each is given the peer's own inputs and must give its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from threshc.compiler.frontend.folding import fold
from threshc.compiler.frontend.graph import Graph, Node
from threshc.compiler.frontend.kernels.registry import find_kernel
from threshc.sim.peers.rounding import Array, NoBoundError, Rounding

if TYPE_CHECKING:
    import onnx

    from threshc.sim.peers.peer import Tensors

_MISFITS = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Fault:
    """The first value of an operator that no rounding explains. order: of the node in the graph. sample: None for
    constants. bound: how far from the exact value a correct evaluation may be."""

    order: int
    where: str
    sample: int | None
    index: tuple[int, ...]
    theirs: float
    ours: float
    exact: float
    bound: float
    why: str = ""


class NodeComparison:
    """Compares block after block of samples. values: how many were compared; rounded: how many of them differ within
    the bound of their operator; fault: the first difference beyond it, in the order of the graph."""

    def __init__(self, graph: Graph, model: onnx.ModelProto) -> None:
        self.graph, self.values, self.rounded = graph, 0, 0
        self.fault: Fault | None = None
        self.rounding = Rounding(model)
        self._moving = _depends_on_input(graph)

    def add(self, first: int, x: Array, tensors: Tensors) -> None:
        """Takes samples x, the first of which has the number `first`, and what the peer makes of them."""
        (name,) = self.graph.inputs
        known = {**self.graph.constants, name: x, **tensors}
        for order, node in enumerate(self.graph.nodes):
            if self.fault is not None and order > self.fault.order:
                return
            if (first and not self._moving.intersection(node.outputs)) or any(
                t and t not in known for t in node.inputs
            ):
                continue  # a constant that was compared before, or something that is not an array
            args = [known[t] if t else None for t in node.inputs]
            self._compare(order, node, args, first, len(x), tensors)

    def _compare(self, order: int, node: Node, args: list[Array | None], first: int, n: int, tensors: Tensors) -> None:
        kernel = find_kernel(node)
        if kernel is None:
            return  # a constant that onnx's own evaluator folded: nothing of ours to compare
        try:
            if not self._moving.intersection(node.outputs):
                made: Sequence[Array] = fold(node, args)
            else:
                with np.errstate(all="ignore"):
                    made = kernel.compute(node, args)
        except _MISFITS as error:
            self._note(Fault(order, node.where, first, (), 0, 0, 0, 0, f"our evaluator fails on it: {error}"))
            return
        for tensor, ours in zip(node.outputs, made, strict=False):
            theirs = tensors.get(tensor)
            if theirs is None:
                continue
            ours, theirs = np.asarray(ours), np.asarray(theirs)
            where = f"{node.where}, tensor {tensor!r}"
            if ours.shape != theirs.shape:
                why = f"the peer's result has shape {list(theirs.shape)}, ours {list(ours.shape)}"
                self._note(Fault(order, where, first, (), 0, 0, 0, 0, why))
                continue
            self.values += ours.size
            different = ~((ours == theirs) | ((ours != ours) & (theirs != theirs)))  # NaN is NaN
            if different.any():
                self._judge(order, where, tensor, args, ours, theirs, different, (first, n))

    def _judge(
        self,
        order: int,
        where: str,
        tensor: str,
        args: list[Array | None],
        ours: Array,
        theirs: Array,
        different: Array,
        block: tuple[int, int],
    ) -> None:
        why = ""
        try:
            found = self.rounding.bound(tensor, args, theirs)
        except NoBoundError as error:
            found, why = None, str(error)
        wide, peers = ours.astype(np.float64), theirs.astype(np.float64)
        exact, bound = found if found is not None else (peers, np.zeros(ours.shape))
        with np.errstate(all="ignore"):
            near = np.abs(wide - exact) <= bound, np.abs(peers - exact) <= bound
            # where both are far from it, onnx's reference operator is the odd one out
            within = (near[0] & near[1]) | (~near[0] & ~near[1] & (np.abs(wide - peers) <= bound))
        bad = different & ~within
        self.rounded += int((different & within).sum())
        if not bad.any():
            return
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        first, n = block
        moving = tensor in self._moving
        batched = moving and n > 1 and ours.ndim > 0 and ours.shape[0] == n
        sample = None if not moving else first + index[0] if batched else first
        place = index[1:] if batched else index
        theirs_at, ours_at, exact_at, bound_at = (float(a[index]) for a in (peers, wide, exact, bound))
        self._note(Fault(order, where, sample, place, theirs_at, ours_at, exact_at, bound_at, why))

    def _note(self, fault: Fault) -> None:
        if self.fault is None or fault.order < self.fault.order:
            self.fault = fault


def _depends_on_input(graph: Graph) -> set[str]:
    moving = set(graph.inputs)
    for node in graph.nodes:
        if moving.intersection(node.inputs):
            moving.update(node.outputs)
    return moving
