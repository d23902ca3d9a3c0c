"""The law, run on data: a whole ONNX graph evaluated operator by operator in its own types, QONNX included."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.frontend.folding import fold
from threshc.compiler.frontend.graph import Graph
from threshc.compiler.frontend.kernels.registry import Array, find_kernel

_BLOCK = 1024


def run_float(graph: Graph, x: NDArray[np.float32], tensors: Sequence[str]) -> list[Array]:
    """Returns the named tensors for N samples, (N, elements) each.

    x: (N, *sample shape), numbers of the type that the model states for its input. Samples go through in blocks where
    the graph takes any batch size, else one by one.
    Raises CompileError for operators that are not known.
    """
    size = _BLOCK if takes_batches(graph, x, tensors) else 1
    blocks = [_evaluate(graph, x[k : k + size], tensors) for k in range(0, len(x), size)]
    return [np.concatenate([block[k] for block in blocks]) for k in range(len(tensors))]


def takes_batches(graph: Graph, x: NDArray[np.float32], tensors: Sequence[str]) -> bool:
    """Some exports fix the batch size inside (Reshape to 1, -1): try two samples together and apart."""
    if len(x) < 2 or x.ndim < 2:
        return False
    try:
        together = _evaluate(graph, x[:2], tensors)
    except (ValueError, IndexError):
        return False
    apart = [_evaluate(graph, x[k : k + 1], tensors) for k in range(2)]
    return all(np.array_equal(t, np.concatenate([a[k] for a in apart])) for k, t in enumerate(together))


def _evaluate(graph: Graph, x: NDArray[np.float32], tensors: Sequence[str]) -> list[Array]:
    ((name, info),) = graph.inputs.items()
    values: dict[str, Array] = {**graph.constants, name: x.astype(info.dtype)}
    fixed = set(graph.constants)
    for node in graph.nodes:
        kernel, args = find_kernel(node), [values[t] if t else None for t in node.inputs]
        if kernel is None or fixed.issuperset(t for t in node.inputs if t):
            made: Sequence[Array] = fold(node, args)
            fixed.update(node.outputs)
        else:
            with np.errstate(all="ignore"):
                made = kernel.compute(node, args)
        values.update(zip(node.outputs, made, strict=False))
    return [values[t].reshape(len(x), -1) for t in tensors]
