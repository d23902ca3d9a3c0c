"""The operators of QONNX as classes that onnx's reference evaluator runs.

They are qonnx's executors, and ONNX's own operators on tensors whose channels come last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from threshc.compiler.frontend.graph import CHANNELS_LAST_DOMAIN, QUANT_DOMAINS

if TYPE_CHECKING:
    import onnx

    from threshc.sim.peers.peer import Array

QONNX = "qonnx.custom_op.general"
_EXECUTED = (
    "BipolarQuant",
    "Quant",
    "IntQuant",
    "MultiThreshold",
    "XnorPopcountMatMul",
    "DebugMarker",
    "Trunc",
    "Im2Col",
)
_CHANNELS_LAST = ("Conv", "MaxPool", "BatchNormalization")


def peer_domain(node: onnx.NodeProto) -> str | None:
    """Returns the domain under which `operators` has a node's operator, or None where it is none of them."""
    if node.domain == CHANNELS_LAST_DOMAIN and node.op_type in _CHANNELS_LAST:
        return CHANNELS_LAST_DOMAIN
    known = (*_EXECUTED, "MaxPoolNHWC")
    return QONNX if node.op_type in known and node.domain in ("", *QUANT_DOMAINS) else None


def wants_qonnx(node: onnx.NodeProto) -> bool:
    """Returns whether the package qonnx has to be there."""
    return peer_domain(node) == QONNX and node.op_type != "MaxPoolNHWC"


def operators() -> list[Any]:
    """Returns all of them, each a class."""
    last = [_channels_last(op, op, CHANNELS_LAST_DOMAIN) for op in _CHANNELS_LAST]
    return [*map(_executed, _EXECUTED), *last, _channels_last("MaxPoolNHWC", "MaxPool", QONNX)]


def _executed(name: str) -> Any:
    from onnx.reference.op_run import OpRun

    def run(self: Any, *args: Array, **attributes: object) -> tuple[Array, ...]:
        from qonnx.custom_op.registry import getCustomOp

        node = self.onnx_node
        if name == "DebugMarker":  # the executor wants an attribute that files leave out
            return (args[0],)
        version = (2 if len(node.input) > 5 else 1) if name == "Trunc" else None
        graph = _annotated(node.input[0]) if name == "Im2Col" else None
        parts = []
        for x in np.split(args[0], len(args[0])) if name == "Im2Col" else (args[0],):  # it takes one sample at a time
            context = dict(zip(node.input, (x, *args[1:]), strict=False))
            getCustomOp(node, version).execute_node(context, graph)
            parts.append(np.asarray(context[node.output[0]]))
        return (np.concatenate(parts) if len(parts) > 1 else parts[0],)

    return type(name, (OpRun,), {"op_domain": QONNX, "_run": run})


def _annotated(tensor: str) -> onnx.GraphProto:
    """A graph that says of a tensor that it holds any number, which the executor of Im2Col asks for."""
    import onnx

    mark = onnx.StringStringEntryProto(key="finn_datatype", value="FLOAT32")
    note = onnx.TensorAnnotation(tensor_name=tensor, quant_parameter_tensor_names=[mark])
    return onnx.GraphProto(quantization_annotation=[note])


def _channels_last(name: str, op: str, domain: str) -> Any:
    from onnx import helper
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun

    def run(self: Any, x: Array, *rest: Array, **attributes: Any) -> tuple[Array, ...]:
        given = {k: v for k, v in attributes.items() if v is not None}
        first = [
            np.moveaxis(x, -1, 1),
            *(np.moveaxis(a, -1, 1) if op == "Conv" and not k else a for k, a in enumerate(rest)),
        ]
        if op == "BatchNormalization":
            given = {"epsilon": given.get("epsilon", 1e-5)}
        node = helper.make_node(op, [f"i{k}" for k in range(len(first))], ["y"], **given)
        made: Any = ReferenceEvaluator(node, opsets={"": 17}).run(None, dict(zip(node.input, first, strict=True)))
        return (np.moveaxis(made[0], 1, -1),)

    return type(name, (OpRun,), {"op_domain": domain, "_run": run})
