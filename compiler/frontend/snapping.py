"""`--snap-weights`: weights that are small multiples of one size but for float32 rounding become that, on request.

Straight-through code leaves such weights: `(sign(w) * a - w) + w` is a times +-1 up to the rounding of a number of the
size of w. Exactly read, each is an integer of 30 bits of its own; what was meant is +-1 times one scale. That is a
change of the model, however small, so it is made only where it was asked for, and stated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.frontend.folding import fold
from threshc.compiler.frontend.graph import Graph, Node, build_graph
from threshc.compiler.frontend.kernels.registry import Kind, find_kernel

if TYPE_CHECKING:
    import onnx

Floats = NDArray[np.float64]
MOST_ULPS = 4096
"""The largest change that can be asked for; beyond it rounding is not an explanation."""
_MULTIPLES = 15  # weights are up to this many times the smallest size
_ACCIDENT = 1e-6  # weights that would fit together by accident with this probability are left alone


@dataclass(frozen=True, slots=True)
class Snapped:
    """A layer whose weights were changed: how many, and the largest change in float32 ulp of its row's largest."""

    where: str
    changed: int
    weights: int
    rows: int
    ulps: float

    def __str__(self) -> str:
        return (
            f"{self.where}: {self.changed:,} of {self.weights:,} weights in {self.rows:,} rows, "
            f"by at most {self.ulps:.3g} ulp"
        )


def snap(model: onnx.ModelProto, folder: Path | None, ulps: int) -> tuple[onnx.ModelProto, tuple[Snapped, ...]]:
    """Returns the model with snapped weights, and what was changed in each layer; the model itself where nothing was.

    ulps: how far a weight may move, in units in the last place (float32) of the largest weight of its row. Weights
    that operators compute from constants are computed first. Raises CompileError where ulps is not 1 to MOST_ULPS,
    or where the model's graph is damaged.
    """
    if not 1 <= ulps <= MOST_ULPS:
        why = "weights are moved by rounding errors, which are counted in float32 ulp"
        raise fail(f"{ulps} ulp is out of range", where=option("snap_weights"), why=why, hint=f"1 to {MOST_ULPS}")
    graph = build_graph(model, folder)
    changes: list[Snapped] = []
    names: dict[tuple[str, str], str] = {}  # an output of the layer and its weight tensor: the new tensor
    new: dict[str, NDArray[np.float32]] = {}
    for node, tensor, weights in _layers(graph):
        rows = _rows(node, node.inputs.index(tensor), weights)
        snapped = _snapped(rows.reshape(len(rows), -1).astype(np.float64), ulps).reshape(rows.shape)
        moved = snapped != rows
        if not moved.any():
            continue
        name = f"{tensor}_snapped_{len(new)}"
        names[node.outputs[0], tensor] = name
        new[name] = _rows(node, node.inputs.index(tensor), snapped, back=True)
        by_row = tuple(range(1, rows.ndim))
        largest = np.spacing(np.abs(rows).max(axis=by_row, keepdims=True))
        far = float((np.abs(snapped.astype(np.float64) - rows) / largest).max())
        changed = moved.any(axis=by_row)
        changes.append(Snapped(node.where, int(moved.sum()), rows.size, int(changed.sum()), far))
    return (_with_weights(model, names, new) if new else model), tuple(changes)


def needed(layers: Sequence[Snapped], error: CompileError) -> CompileError:
    """Returns the refusal of a model that snapped weights would make readable; error: why it is not readable
    without."""
    first, ulps = error.diagnostics[0], max(1, int(np.ceil(max(layer.ulps for layer in layers))))
    more = f" and {len(layers) - 1} more" if len(layers) > 1 else ""
    return fail(
        "the weights of a layer are multiples of one size only up to rounding",
        where=f"{layers[0].where}{more}",
        why=f"they are up to {ulps} ulp off, as straight-through code leaves them; exactly read, {first.where}: "
        f"{first.what}{': ' if first.why else ''}{first.why}",
        hint=f"{option('snap_weights', ulps)} makes them multiples, compares the changed "
        "network with the float model on data and says what differs; or export the quantized weights themselves",
    )


def _layers(graph: Graph) -> list[tuple[Node, str, NDArray[np.float32]]]:
    """Every weight tensor of a layer, float32 and constant, with its node."""
    known: dict[str, Any] = dict(graph.constants)
    found = []
    for node in graph.nodes:
        args = [known.get(t) for t in node.inputs]
        constant = [not t or t in known for t in node.inputs]
        kernel = find_kernel(node)
        if all(constant):
            with suppress(CompileError):  # the front end says it
                known.update(zip(node.outputs, fold(node, args), strict=False))
        elif kernel is not None and kernel.kind is Kind.LINEAR and len(args) > 1 and constant[0] != constant[1]:
            k = 1 if constant[1] else 0
            weights = np.asarray(args[k])
            if weights.dtype == np.float32 and weights.ndim > 1 and weights.size and np.isfinite(weights).all():
                found.append((node, node.inputs[k], weights))
    return found


def _rows(node: Node, k: int, weights: NDArray[np.float32], back: bool = False) -> NDArray[np.float32]:
    """Weights with the axis of the layer's outputs first, or back from there."""
    match node.op:
        case "MatMul":
            axis = weights.ndim - (1 if k else 2)
        case "Gemm":
            axis = (0 if node.attrs.get("transB", 0) else 1) if k else (1 if node.attrs.get("transA", 0) else 0)
        case _:
            axis = 0
    return np.moveaxis(weights, 0, axis) if back else np.moveaxis(weights, axis, 0)


def _snapped(rows: Floats, ulps: int) -> NDArray[np.float32]:
    """Rows (R, E) of float32 numbers on one unit for all, else each row that has one on its own."""
    whole = _on_unit(rows, ulps)
    if whole is not None:
        return whole
    own = [_on_unit(row, ulps) for row in rows]
    return np.stack([row.astype(np.float32) if new is None else new for row, new in zip(rows, own, strict=True)])


def _on_unit(weights: Floats, ulps: int) -> NDArray[np.float32] | None:
    """Weights of any shape as small multiples of one unit, none moved by more than `ulps`; None where that fails."""
    size = np.abs(weights)
    nonzero = size[size != 0]
    if len(nonzero) < 2 or nonzero.max() > (_MULTIPLES + 0.5) * nonzero.min():
        return None
    top = float(nonzero.max())
    slack = ulps * float(np.spacing(np.float32(top)))
    for parts in range(1, _MULTIPLES + 1):
        if (2 * parts * slack / top) ** (len(nonzero) - 1) > _ACCIDENT:
            return None
        multiple = np.rint(nonzero * (parts / top))
        if multiple.min() < 1:
            continue
        unit = _shortest(float((nonzero / multiple).min()), float((nonzero / multiple).max()))
        snapped = (np.rint(weights / unit) * unit).astype(np.float32)
        if np.abs(snapped - weights).max() <= slack:
            return snapped
    return None


def _shortest(lo: float, hi: float) -> float:
    """The number from lo to hi with the fewest bits: 1.0 where it lies between them."""
    step = 2.0 ** np.floor(np.log2(hi))
    while (found := np.ceil(lo / step) * step) > hi:
        step /= 2
    return float(found)


def _with_weights(
    model: onnx.ModelProto, names: Mapping[tuple[str, str], str], new: Mapping[str, NDArray[np.float32]]
) -> onnx.ModelProto:
    import onnx
    from onnx import numpy_helper

    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for node in changed.graph.node:
        inputs: Sequence[str] = node.input
        for k, tensor in enumerate(inputs):
            name = names.get((node.output[0] if node.output else "", tensor))
            if name is not None:
                node.input[k] = name
    changed.graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in new.items()
    )
    return changed
