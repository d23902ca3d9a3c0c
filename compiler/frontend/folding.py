"""Constants behind operators that no kernel computes: onnx's own reference evaluator folds them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.frontend.declared import check_against_schema, schema_of
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.refusals import unsupported

if TYPE_CHECKING:
    import onnx

MOST_ELEMENTS = 1 << 24
"""Elements of a folded tensor."""

_RANDOM = {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli"}


def fold_by_onnx(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """The outputs of any operator of ONNX without sub-graphs, its inputs being constants.

    Raises CompileError for operators that ONNX does not define, for random numbers, and beyond MOST_ELEMENTS.
    """
    from onnx.reference import ReferenceEvaluator

    if schema_of(node) is None or any(value is None for value in node.attrs.values()):
        raise CompileError(unsupported(node))
    if node.op in _RANDOM:
        why = "it is another one at each evaluation"
        raise fail(f"{node.op} among the constants", where=node.where, why=why, hint="store the numbers as a constant")
    check_against_schema(node)
    proto, feeds = _proto(node), {f"i{k}": a for k, a in enumerate(args) if a is not None}
    _want_small(node, proto, feeds)
    opsets = {"": node.opset} if node.domain == "" else {"": 17, node.domain: node.opset}
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made: Any = ReferenceEvaluator(proto, opsets=opsets).run(None, feeds)
    except Exception as error:  # it raises many kinds for inputs that do not belong together
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise fail(f"onnx's evaluator does not compute {node.op}", where=node.where, why=why) from error
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
    inferred = shape_inference.infer_shapes(helper.make_model(graph, opset_imports=ids), data_prop=True)
    for info in inferred.graph.output:
        size = float(np.prod([float(d.dim_value) for d in info.type.tensor_type.shape.dim]))
        if size > MOST_ELEMENTS:
            why = f"at most {MOST_ELEMENTS:,} are taken"
            raise fail(
                f"a constant tensor has {size:,.0f} elements", where=node.where, why=why, hint="use a smaller model"
            )
