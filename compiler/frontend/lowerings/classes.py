"""Softmax, ArgMax and TopK at the end of a classifier."""

from __future__ import annotations

from collections.abc import Sequence

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.context import (
    ClassIndex,
    Context,
    Known,
    Softmaxed,
    TopIndices,
    constant,
    lowers,
    symbolic,
)
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.symbolic import Expr


@lowers("Softmax", "LogSoftmax")
def softmax(context: Context, node: Node, args: Sequence[Known | None]) -> Softmaxed:
    """Keeps the order of the scores, so that the scores stand for it."""
    scores = symbolic(node, args, 0)
    _want_class_axis(node, scores, int(node.attrs.get("axis", -1 if node.opset >= 13 else 1)))
    return Softmaxed(scores)


@lowers("ArgMax")
def argmax(context: Context, node: Node, args: Sequence[Known | None]) -> ClassIndex:
    """Returns the class index; ties go to the lowest index."""
    scores = _scores(node, args)
    _want_class_axis(node, scores, int(node.attrs.get("axis", 0)))
    if node.attrs.get("select_last_index", 0):
        raise fail(
            "ties that go to the last index are not supported",
            where=node.where,
            hint="export ArgMax with select_last_index=0",
        )
    return ClassIndex(scores)


@lowers("TopK")
def topk(context: Context, node: Node, args: Sequence[Known | None]) -> list[Known | None]:
    """Returns the class index for k = 1, else the scores and the class, from which `Result.top` takes the k best.

    The values of the largest scores are not followed further.
    """
    scores = _scores(node, args)
    k = int(constant(node, args, 1, "k").reshape(())) if len(args) > 1 else int(node.attrs["k"])
    _want_class_axis(node, scores, int(node.attrs.get("axis", -1)))
    if k < 1 or not node.attrs.get("largest", 1):
        hint = "export TopK with largest=1, or end the model at the scores"
        raise fail(
            f"TopK with k={k}, largest={node.attrs.get('largest', 1)} is not supported", where=node.where, hint=hint
        )
    return [None, ClassIndex(scores) if k == 1 else TopIndices(scores, k)]


def shifted_class(node: Node, args: Sequence[Known | None]) -> ClassIndex | None:
    """Returns a class index plus or minus a constant: classes that are counted from another number than 0. None:
    neither is."""
    first = args[0]
    if len(args) == 2 and isinstance(args[1], ClassIndex) and node.op == "Add":
        return shifted_class(node, (args[1], first))
    if len(args) != 2 or not isinstance(first, ClassIndex):
        return None
    by = constant(node, args, 1, "number added to a class")
    if by.size != 1 or by.dtype.kind not in "iu":
        raise fail(
            f"{node.op} of a class index and {by.size} numbers is not supported",
            where=node.where,
            hint="end the model at the class index",
        )
    step = int(by.reshape(())) * (-1 if node.op == "Sub" else 1)
    return ClassIndex(first.scores, first.first + step)


def _scores(node: Node, args: Sequence[Known | None]) -> Expr:
    first = args[0] if args else None
    return first.scores if isinstance(first, Softmaxed) else symbolic(node, args, 0)


def _want_class_axis(node: Node, scores: Expr, axis: int) -> None:
    size = scores.shape[axis] if -len(scores.shape) <= axis < len(scores.shape) else 0
    if size != scores.src.size:
        raise fail(
            f"{node.op} along axis {axis} of shape {list(scores.shape)} does not compare all scores of a sample",
            where=node.where,
            hint="reduce over the class axis, usually axis 1 or -1",
        )
