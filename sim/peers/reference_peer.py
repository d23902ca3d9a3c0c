"""onnx's reference evaluator as an independent opinion, with the operators of qonnx where that package is installed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from threshc.sim.peers.peer import CannotRunError, Evaluate, Tensors, first_line, plain_copy

if TYPE_CHECKING:
    import onnx

    from threshc.sim.peers.peer import Array

QONNX = "qonnx.custom_op.general"
_QONNX_OPS = ("BipolarQuant", "Quant", "IntQuant", "MultiThreshold", "XnorPopcountMatMul", "DebugMarker")
_DOMAINS = ("", "onnx.brevitas", "brevitas.onnx", "finn.custom_op.general", QONNX)


def reference_peer(model: onnx.ModelProto, folder: Path | None) -> tuple[str, Evaluate]:
    """Name and function. Raises CannotRunError where the model has operators that nobody here evaluates."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    name, copy = f"onnx's reference evaluator {onnx.__version__}", plain_copy(model, folder)
    foreign = [node for node in copy.graph.node if is_qonnx(node)]
    if foreign:
        version = _qonnx_version()
        if version is None:
            raise CannotRunError(
                f"{name} does not know {foreign[0].op_type}, and qonnx is not installed (pip install 'threshc[qonnx]')"
            )
        name = f"{name} with qonnx {version}"
    for node in foreign:
        node.domain = QONNX
    if foreign and all(o.domain != QONNX for o in copy.opset_import):
        copy.opset_import.append(onnx.helper.make_opsetid(QONNX, 1))
    try:
        evaluator = ReferenceEvaluator(copy, new_ops=[_batch_normalization(), *(qonnx_operators() if foreign else ())])
    except Exception as error:  # it raises many kinds; whatever it is, it has no opinion on this model
        raise CannotRunError(f"{name} does not run this model: {first_line(error)}") from error

    def evaluate(x: Array) -> Tensors:
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                got: Any = evaluator.run(None, {evaluator.input_names[0]: x}, intermediate=True)
        except Exception as error:  # as above
            raise CannotRunError(first_line(error)) from error
        return {t: np.asarray(v) for t, v in got.items() if isinstance(v, np.ndarray | np.generic)}

    return name, evaluate


def is_qonnx(node: onnx.NodeProto) -> bool:
    return node.op_type in _QONNX_OPS and node.domain in _DOMAINS


def _qonnx_version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("qonnx")
    except PackageNotFoundError:
        return None


def qonnx_operators() -> list[Any]:
    """The QONNX operators as classes that onnx's reference evaluator runs."""
    return [_operator(op) for op in _QONNX_OPS]


def _operator(name: str) -> Any:
    from onnx.reference.op_run import OpRun

    def run(self: Any, *args: Array, **attributes: object) -> tuple[Array, ...]:
        from qonnx.custom_op.registry import getCustomOp

        if name == "DebugMarker":  # the executor wants an attribute that files leave out
            return (args[0],)
        context = dict(zip(self.onnx_node.input, args, strict=False))
        getCustomOp(self.onnx_node).execute_node(context, None)
        return tuple(np.asarray(context[t]) for t in self.onnx_node.output)

    return type(name, (OpRun,), {"op_domain": QONNX, "_run": run})


def _batch_normalization() -> Any:
    """BatchNormalization with one output, which is inference in every opset. Below opset 14 the reference evaluator
    (1.23) takes mean and variance of the batch instead, whatever the model states."""
    from onnx.reference.op_run import OpRun

    def run(self: Any, x: Array, gamma: Array, beta: Array, mean: Array, var: Array, **attributes: Any) -> tuple[Array]:
        if len(self.onnx_node.output) > 1 or attributes.get("training_mode"):
            raise NotImplementedError("BatchNormalization in training mode")
        epsilon = attributes.get("epsilon")
        gamma, beta, mean, var = (a.reshape(-1, *[1] * (x.ndim - 2)) for a in (gamma, beta, mean, var))
        spread = np.sqrt(var + (1e-5 if epsilon is None else epsilon))
        return (((x - mean) / spread * gamma + beta).astype(x.dtype),)

    return type("BatchNormalization", (OpRun,), {"op_domain": "", "_run": run})
