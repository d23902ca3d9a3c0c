"""Constants: folded by the kernels, and behind operators that no kernel computes by onnx's own reference evaluator."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.frontend.declared import check_against_schema, check_node, check_types, schema_of
from threshc.compiler.frontend.dtypes import has_nan
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, find_kernel
from threshc.compiler.frontend.refusals import unsupported
from threshc.compiler.frontend.symbolic import MOST_ELEMENTS

if TYPE_CHECKING:
    import onnx

MISFITS = (ValueError, TypeError, LookupError, ArithmeticError, MemoryError, RuntimeError)
"""What numpy raises when an operator's attributes and inputs do not belong together."""
MEMORY, LARGER = "the model needs more memory than there is", "compile it on a larger machine"

_RANDOM = {
    "Dropout",
    "RandomNormal",
    "RandomUniform",
    "RandomNormalLike",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
}


def fold(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns the outputs of a node whose inputs are constants: by its kernel, or where that does not do, by onnx's
    evaluator.

    Raises CompileError where it cannot be computed.
    """
    kernel, arrays = find_kernel(node), [None if a is None else np.asarray(a) for a in args]
    if kernel is None:
        return fold_by_onnx(node, arrays)
    dtypes = [None if a is None else a.dtype for a in arrays]
    try:
        check_node(node, kernel)
        check_types(node, kernel, dtypes)
    except CompileError as refused:
        return _instead(node, arrays, refused)
    size = sum(a.size for a in arrays if a is not None)
    if node.op == "Concat" and size > MOST_ELEMENTS:
        raise _too_large(node, size)
    try:
        with np.errstate(all="ignore"):
            return list(kernel.compute(node, arrays))
    except MISFITS as error:
        return _instead(node, arrays, does_not_fit(node, error))


def _instead(node: Node, arrays: Sequence[Array | None], refused: CompileError) -> list[Array]:
    """What onnx's evaluator makes of a call that a kernel does not take; else the kernel's refusal."""
    if schema_of(node) is None:
        raise refused
    try:
        made = fold_by_onnx(node, arrays)
    except CompileError:
        raise refused from None
    if any(has_nan(a) for a in made):
        raise refused
    return made


def does_not_fit(node: Node, error: Exception) -> CompileError:
    """Returns the refusal of attributes and inputs that do not belong together."""
    why = first_line(error)
    if isinstance(error, MemoryError):
        return fail(MEMORY, where=node.where, why=why, hint=LARGER)
    return fail("an operator does not fit its inputs", where=node.where, why=why, hint="export the model again")


def first_line(error: Exception) -> str:
    """Returns what an exception says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def fold_by_onnx(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns the outputs of any operator of ONNX without sub-graphs, its inputs being constants.

    Raises CompileError for operators that ONNX does not define, for random numbers, and beyond MOST_ELEMENTS.
    """
    from onnx.reference import ReferenceEvaluator

    if schema_of(node) is None or any(value is None for value in node.attrs.values()):
        raise CompileError(unsupported(node))
    if node.op in _RANDOM:
        why = "it is another one at each evaluation"
        raise fail(f"{node.op} among the constants", where=node.where, why=why, hint="store the numbers as a constant")
    check_against_schema(node, [None if a is None else a.dtype for a in args])
    proto, feeds = _proto(node), {f"i{k}": a for k, a in enumerate(args) if a is not None}
    _want_small(node, proto, feeds)
    opsets = {"": node.opset} if node.domain == "" else {"": 17, node.domain: node.opset}
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made: Any = ReferenceEvaluator(proto, opsets=opsets).run(None, feeds)
    except Exception as error:  # it raises many kinds for inputs that do not belong together
        raise _not_computed(node, error) from error
    if not all(isinstance(value, np.ndarray | np.generic) for value in made):
        raise fail(f"{node.op} gives no tensors", where=node.where, hint="store what it gives as constants")
    return [np.asarray(value) for value in made]


def _proto(node: Node) -> onnx.NodeProto:
    from onnx import helper, numpy_helper

    attrs = {k: numpy_helper.from_array(v) if isinstance(v, np.ndarray) else v for k, v in node.attrs.items()}
    names = [f"i{k}" if name else "" for k, name in enumerate(node.inputs)]
    return helper.make_node(node.op, names, [f"o{k}" for k in range(len(node.outputs))], domain=node.domain, **attrs)


def _want_small(node: Node, proto: onnx.NodeProto, feeds: dict[str, Array]) -> None:
    """Refuse results that would be too large, as far as onnx can tell their shapes without computing them."""
    from onnx import TensorProto, helper, numpy_helper, shape_inference

    outputs = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in proto.output]
    types = {name: helper.np_dtype_to_tensor_dtype(a.dtype) for name, a in feeds.items()}
    inputs = [helper.make_tensor_value_info(name, types[name], a.shape) for name, a in feeds.items()]
    small = [numpy_helper.from_array(a, name) for name, a in feeds.items() if a.size <= 1024]  # sizes, axes, repeats
    graph = helper.make_graph([proto], "one", inputs, outputs, small)
    ids = [helper.make_opsetid(d, v) for d, v in {"": max(node.opset, 1), node.domain: node.opset}.items()]
    try:
        inferred = shape_inference.infer_shapes(helper.make_model(graph, opset_imports=ids), data_prop=True)
    except Exception as error:  # inputs that do not belong together
        raise _not_computed(node, error) from error
    for info in inferred.graph.output:
        size = float(np.prod([float(d.dim_value) for d in info.type.tensor_type.shape.dim]))
        if size > MOST_ELEMENTS:
            raise _too_large(node, size)


def _not_computed(node: Node, error: Exception) -> CompileError:
    hint = "export the model again, with its constants folded"
    return fail(f"onnx's evaluator does not compute {node.op}", where=node.where, why=first_line(error), hint=hint)


def _too_large(node: Node, size: float) -> CompileError:
    why = f"at most {MOST_ELEMENTS:,} are taken"
    return fail(f"a constant tensor has {size:,.0f} elements", where=node.where, why=why, hint="use a smaller model")
