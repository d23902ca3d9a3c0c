"""How each node of a model was understood, in a line: what `threshc show --pattern` prints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from threshc.compiler.affine import Affine, Move
from threshc.compiler.diagnostics import option
from threshc.compiler.frontend.context import ClassIndex, Known, Softmaxed, TopIndices
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.quant import quant_range
from threshc.compiler.frontend.symbolic import STEPS, Expr, Features, Pooled, Sums, Thermometer


@dataclass(frozen=True, slots=True)
class Understood:
    """node: its name and operator; tensor: its first output; meaning: what the front end made of it."""

    node: str
    tensor: str
    meaning: str


def understood(node: Node, result: Known) -> Understood:
    """Returns the line for a node whose first followed output became `result`."""
    return Understood(node.where, node.outputs[0] if node.outputs else "", _meaning(node, result))


def _meaning(node: Node, result: Known) -> str:
    match result:
        case ClassIndex(first=first):
            return "class index; the lowest index wins ties" + (f"; counted from {first}" if first else "")
        case TopIndices(k=k):
            rest = f"{option('scores', True)} all scores beside it"
            return f"the {k} largest scores: a circuit outputs the first class alone, {rest}"
        case Softmaxed():
            return "keeps the order of the scores, which stand for it"
        case Expr(node=None) as expr:
            return _leaf(expr)
        case Expr() as expr:
            return _tail(node, expr)
        case _:
            value = np.asarray(result)
            return f"constant {value.dtype}{list(value.shape)}"


def _leaf(expr: Expr) -> str:
    match expr.leaf.source:
        case Sums() as sums:
            return f"{_sums(sums)}, {_span(expr)}"
        case Pooled():
            return "largest sum under a window, or the smallest where what follows falls; taken on the bits of its step"
        case Thermometer():
            levels = int(expr.leaf.hi.max()) + 1
            return f"bits that exist already, {levels} levels per element"
        case _:
            return "the model's input"


def _sums(sums: Sums) -> str:
    used = sums.weights[sums.weights != 0]
    size = int(np.abs(used).max(initial=0))
    dense = used.size == len(sums.weights) * sums.width
    kind = f"integers up to {size}" if size > 1 else "+-1" if dense else "ternary"
    units = np.unique(sums.unit / sums.over)
    scale = f"scale {units[0]:g}" if len(units) == 1 else "one scale per output"
    places = f" at each of {sums.places} places" if sums.places > 1 else ""
    return f"{len(sums.weights)} exact sums{places} over {sums.width} bits, weights {kind}, {scale}"


def _span(expr: Expr) -> str:
    return f"reachable {int(expr.leaf.lo.min())}..{int(expr.leaf.hi.max())}"


def _tail(node: Node, expr: Expr) -> str:
    ways = {1: "rises", -1: "falls", 0: "is evaluated at every reachable value"}
    kinds = " or ".join(ways[d] for d in sorted(set(expr.direction.ravel().tolist()), reverse=True))
    what = "step" if node.op in STEPS else "part of the tail"
    own = own_encoding(node, expr)
    hint = f"; {option('input', str(own))} has its levels alone" if own is not None else ""
    return f"{what} behind {expr.leaf.name!r}: {kinds} with the integer{hint}"


def own_encoding(node: Node, expr: Expr) -> Affine | None:
    """Returns the encoding of which a quantizer of the input keeps every integer; None where the stated one is that, or
    there is none: something lies before the quantizer, or it has a scale per channel."""
    first, constants = expr.args[0] if expr.args else None, expr.args[1:4]
    if node.op not in ("Quant", "IntQuant") or expr.leaf.source != Features(True) or not isinstance(first, Expr):
        return None
    if first.node is not None or not all(isinstance(c, np.ndarray) and c.size == 1 for c in constants):
        return None
    scale, zero, width = (float(str(np.asarray(c).reshape(()))) for c in constants)
    low, high = quant_range(width, bool(node.attrs.get("signed", 1)), bool(node.attrs.get("narrow", 0)))
    ends = int(expr.leaf.lo.min()), int(expr.leaf.hi.max())
    kept = np.array_equal(expr.sample, first.sample) and np.array_equal(expr.top, first.top)
    if low >= high or (kept and ends == (int(low), int(high))):
        return None
    over = round(1 / scale) if scale > 0 else 0
    whole = over > 0 and np.float32(1) / np.float32(over) == np.float32(scale)
    steps: list[Move] = [("add", (-zero,))] if zero else []
    steps += [("div", (float(over),)) if whole else ("mul", (scale,))] if scale != 1 else []
    return Affine(int(low), int(high), tuple(steps))
