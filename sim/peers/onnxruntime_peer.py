"""onnxruntime as an independent opinion on standard ONNX models, every operator as it is written."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from threshc.compiler.scratch import scratch_folder
from threshc.sim.peers.peer import CannotRunError, Evaluate, Tensors, first_line, plain_copy

if TYPE_CHECKING:
    import onnx

    from threshc.sim.peers.peer import Array

_NEWEST_IR = 10  # files may state a newer format than the installed onnxruntime reads, with nothing new inside


def onnxruntime_peer(model: onnx.ModelProto, folder: Path | None) -> tuple[str, Evaluate]:
    """Returns the name and function. Raises CannotRunError where onnxruntime is not installed or refuses the model.

    Its graph optimizations are off: fused operators would round where the model says nothing of rounding.
    """
    try:
        onnxruntime = _imported()
    except ImportError:
        raise CannotRunError("onnxruntime is not installed (pip install 'threshc[verify]')") from None
    name = f"onnxruntime {onnxruntime.__version__}"
    narrow = _narrow_type(model)
    if narrow:
        raise CannotRunError(f"{name} computes {narrow} in float32 on a CPU; the model says {narrow}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        text = _with_all_outputs(model, folder).SerializeToString()
        session = onnxruntime.InferenceSession(text, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many kinds; whatever it is, it has no opinion on this model
        raise CannotRunError(f"{name} does not run this model: {first_line(error)}") from error
    if any(o.type == "tensor(float16)" for o in session.get_outputs()):
        raise CannotRunError(f"{name} computes float16 operators in float32 and does not round between them")
    names, (entry, *_) = [o.name for o in session.get_outputs()], [i.name for i in session.get_inputs()]

    def evaluate(x: Array) -> Tensors:
        try:
            got: list[Any] = session.run(names, {entry: x})
        except Exception as error:  # as above: a fixed batch size, an unsupported operator
            raise CannotRunError(first_line(error)) from error
        return {entry: x} | {t: v for t, v in zip(names, got, strict=True) if isinstance(v, np.ndarray)}

    return name, evaluate


def _imported() -> Any:
    """onnxruntime. At its import it leaves a file `.ses` in the folder for temporary files, where another user may have
    put one or a link before; here that is a folder of our own, which is removed. Raises ImportError."""
    if "onnxruntime" not in sys.modules:
        before = os.environ.get("TMPDIR")
        with scratch_folder() as folder:
            os.environ["TMPDIR"] = str(folder)
            try:
                return importlib.import_module("onnxruntime")
            finally:
                if before is None:
                    del os.environ["TMPDIR"]
                else:
                    os.environ["TMPDIR"] = before
    return importlib.import_module("onnxruntime")


def _narrow_type(model: onnx.ModelProto) -> str:
    """The name of the first type narrower than float32 in which a model computes, or ""."""
    from onnx import AttributeProto, TensorProto

    graph, names = model.graph, {TensorProto.FLOAT16: "float16", TensorProto.BFLOAT16: "bfloat16"}
    attributes = [a for node in graph.node for a in node.attribute]
    used = [t.data_type for t in graph.initializer]
    used += [a.t.data_type for a in attributes if a.type == AttributeProto.TENSOR]
    used += [a.i for a in attributes if a.name in ("to", "output_dtype", "precision")]
    used += [i.type.tensor_type.elem_type for i in graph.input]
    return next((names[t] for t in used if t in names), "")


def _with_all_outputs(model: onnx.ModelProto, folder: Path | None) -> onnx.ModelProto:
    """A copy of the model, with its weights inside, that outputs the tensors of all nodes."""
    import onnx

    copy = plain_copy(model, folder)
    copy.ir_version = min(copy.ir_version, _NEWEST_IR)
    outputs = [o.name for o in copy.graph.output] + [t for node in copy.graph.node for t in node.output if t]
    del copy.graph.output[:]  # files state wrong types for them, and nobody needs any
    copy.graph.output.extend(onnx.ValueInfoProto(name=t) for t in dict.fromkeys(outputs))
    return copy
