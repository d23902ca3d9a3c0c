"""onnx's reference evaluator as an independent opinion, with the operators of qonnx where that package is installed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from threshc.sim.peers.peer import CannotRunError, Evaluate, Tensors, first_line, plain_copy
from threshc.sim.peers.qonnx_operators import operators, peer_domain, wants_qonnx

if TYPE_CHECKING:
    import onnx

    from threshc.sim.peers.peer import Array


def reference_peer(model: onnx.ModelProto, folder: Path | None) -> tuple[str, Evaluate]:
    """Returns the name and function. Raises CannotRunError where the model has operators that nobody here evaluates."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    name, copy = f"onnx's reference evaluator {onnx.__version__}", plain_copy(model, folder)
    foreign = [node for node in copy.graph.node if peer_domain(node) is not None]
    wanting = [node for node in foreign if wants_qonnx(node)]
    if wanting:
        version = _qonnx_version()
        if version is None:
            raise CannotRunError(
                f"{name} does not know {wanting[0].op_type}, and qonnx is not installed (pip install 'threshc[qonnx]')"
            )
        name = f"{name} with qonnx {version}"
    for node in foreign:
        node.domain = peer_domain(node) or ""
    for domain in {node.domain for node in foreign} - {o.domain for o in copy.opset_import}:
        copy.opset_import.append(onnx.helper.make_opsetid(domain, 1))
    try:
        evaluator = ReferenceEvaluator(copy, new_ops=[_batch_normalization(), *(operators() if foreign else ())])
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


def _qonnx_version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("qonnx")
    except PackageNotFoundError:
        return None


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
