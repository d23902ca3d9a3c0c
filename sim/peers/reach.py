"""The values that correct float32 evaluations of a graph can reach from given tensors on, whatever their order of sums.

Every tensor is an interval. Operators that round in one way only are evaluated at the corners of their inputs, in the
model's own type, by onnx's reference operators and qonnx's; sums and functions with a bound (`rounding.py`) are widened
by it. What is not monotone in each input has no interval here, and then nothing is shown.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from threshc.compiler.frontend.dtypes import is_float
from threshc.compiler.frontend.graph import Graph
from threshc.sim.peers.rounding import SUMS, Array, NoBoundError, Rounding

Interval = tuple[Array, Array]

_NOT_MONOTONE = {
    "Abs",
    "Pow",
    "Equal",
    "Xor",
    "Mod",
    "ArgMax",
    "TopK",
    "Softmax",
    "LogSoftmax",
    "Normalizer",
    "Reciprocal",
    *("Gelu", "Mish", "Swish", "HardSwish", "Sin", "Cos", "Tan", "Acos", "Cosh", "IsNaN", "IsInf"),
    *("ThresholdedRelu", "Shrink"),
}


class NotShownError(Exception):
    """There is no interval for a tensor; the text says why."""


class Reach:
    """Intervals of a graph's tensors. known: tensors whose intervals are given; all others follow from them."""

    def __init__(self, graph: Graph, rounding: Rounding, known: Mapping[str, Array]) -> None:
        self._makers = {t: node for node in graph.nodes for t in node.outputs if t}
        self._rounding = rounding
        self._found: dict[str, Interval] = {t: (v, v) for t, v in {**graph.constants, **known}.items()}

    def interval(self, tensor: str) -> Interval:
        """Returns the least and greatest reachable value of every element. Raises NotShownError."""
        stack = [tensor]
        while stack:
            top = stack[-1]
            missing = [] if top in self._found else [t for t in self._inputs(top) if t and t not in self._found]
            if missing:
                stack += missing
                continue
            if top not in self._found:
                inputs = [self._found[t] if t else None for t in self._inputs(top)]
                try:
                    self._found[top] = self._apply(top, inputs)
                except NoBoundError as error:
                    raise NotShownError(str(error)) from error
            stack.pop()
        return self._found[tensor]

    def before_step(self, tensor: str, steps: set[str]) -> str:
        """Returns the tensor that the last step before `tensor` reads, or `tensor` itself where there is none."""
        at = tensor
        while at in self._makers:
            node = self._makers[at]
            if node.op in steps:
                return node.inputs[0]
            moving = [t for t in node.inputs if t in self._makers]
            if not moving:
                break
            at = moving[0]
        return tensor

    def _inputs(self, tensor: str) -> tuple[str, ...]:
        if tensor not in self._makers:
            raise NotShownError(f"tensor {tensor!r} is made by nothing")
        return self._makers[tensor].inputs

    def _apply(self, tensor: str, inputs: Sequence[Interval | None]) -> Interval:
        proto = self._rounding.protos[tensor]
        if tensor != proto.output[0]:
            raise NotShownError(f"there is no bound for output {tensor!r} of {proto.op_type}")
        open_ = [k for k, i in enumerate(inputs) if i is not None and i[0] is not i[1] and (i[0] != i[1]).any()]
        names = [proto.input[k] for k in open_]
        falls = proto.op_type == "PRelu" and inputs[1] is not None and bool((inputs[1][0] < 0).any())
        if open_ and (falls or proto.op_type in _NOT_MONOTONE or len(set(names)) < len(names)):
            raise NotShownError(f"{proto.op_type} is not monotone")
        if open_ and proto.op_type in SUMS:
            return self._sum(tensor, inputs, open_)
        found: list[Interval] = []
        for corner in itertools.product((0, 1), repeat=len(open_)):
            side = dict(zip(open_, corner, strict=True))
            args = [None if i is None else i[side.get(k, 0)] for k, i in enumerate(inputs)]
            made = self._rounding.native(proto, args)
            bound = self._rounding.bound(tensor, args, made)
            found.append((made, made) if bound is None else _outward(bound[0] - bound[1], bound[0] + bound[1], made))
        low, high = zip(*found, strict=True)
        return np.min(low, axis=0), np.max(high, axis=0)

    def _sum(self, tensor: str, inputs: Sequence[Interval | None], open_: Sequence[int]) -> Interval:
        """A sum over intervals: its value in their middle, give or take their half widths times the weights' sizes."""
        proto = self._rounding.protos[tensor]
        if open_ != [0]:
            raise NotShownError(f"{proto.op_type} of two tensors that are both open")
        low, high = inputs[0] or (np.zeros(0), np.zeros(0))
        rest = [None if i is None else i[0] for i in inputs[1:]]
        wide = np.maximum(np.abs(low), np.abs(high))
        made = self._rounding.native(proto, [high, *rest])
        bound = self._rounding.bound(tensor, [wide, *rest], made)
        slack = np.zeros(made.shape) if bound is None else bound[1]
        middle, half = (high.astype(np.float64) + low) / 2, (high.astype(np.float64) - low) / 2
        weights = 1 if proto.op_type in ("MatMul", "Gemm", "Conv") else 0  # the inputs behind them are only added
        sizes = [a if a is None or k < weights or not is_float(a.dtype) else a * 0 for k, a in enumerate(rest)]
        centre, spread = self._rounding.exact(proto, [middle, *rest]), self._rounding.positive(proto, [half, *sizes])
        return _outward(centre - spread - slack, centre + spread + slack, made)


def _outward(low: Array, high: Array, like: Array) -> Interval:
    """Ends in the type of `like`, rounded away from each other."""
    if not is_float(like.dtype):
        return low.astype(like.dtype), high.astype(like.dtype)
    with np.errstate(all="ignore"):
        ends = low.astype(like.dtype), high.astype(like.dtype)
        down = np.where(ends[0].astype(np.float64) > low, np.nextafter(ends[0], like.dtype.type(-np.inf)), ends[0])
        up = np.where(ends[1].astype(np.float64) < high, np.nextafter(ends[1], like.dtype.type(np.inf)), ends[1])
    return down, up
