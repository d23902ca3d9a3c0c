"""onnxruntime as an independent opinion on standard ONNX models; models that it does not take return None."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

_NEWEST_IR = 10  # files may state a newer format than the installed onnxruntime reads, with nothing new inside


def run_onnxruntime(
    model: onnx.ModelProto, x: NDArray[np.float32], tensors: Sequence[str], folder: str | None = None
) -> list[NDArray[Any]] | None:
    """The named tensors for N samples, (N, elements) each, or None where onnxruntime is absent or refuses the model.

    x: (N, *sample shape) float32. Hidden tensors are made outputs of a copy of the model.
    """
    try:
        import onnxruntime
    except ImportError:
        return None
    session = _session(onnxruntime, model, tensors, folder)
    if session is None:
        return None
    for size in (len(x), 1):
        blocks = [_run(session, x[k : k + size], tensors) for k in range(0, len(x), max(size, 1))]
        done = [b for b in blocks if b is not None]
        if done and len(done) == len(blocks):
            return [np.concatenate([b[k] for b in done]) for k in range(len(tensors))]
    return None


def _session(onnxruntime: Any, model: onnx.ModelProto, tensors: Sequence[str], folder: str | None) -> Any:
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.ir_version = min(copy.ir_version, _NEWEST_IR)
    if folder is not None:
        onnx.load_external_data_for_model(copy, folder)
    have = {o.name for o in copy.graph.output}
    copy.graph.output.extend(onnx.ValueInfoProto(name=t) for t in dict.fromkeys(tensors) if t not in have)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(copy.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:  # onnxruntime raises many kinds; whatever it is, it has no opinion on this model
        return None


def _run(session: Any, x: NDArray[np.float32], tensors: Sequence[str]) -> list[NDArray[Any]] | None:
    try:
        got = session.run(list(tensors), {session.get_inputs()[0].name: x})
    except Exception:  # as above: a fixed batch size, an unsupported operator
        return None
    return [np.asarray(g).reshape(len(x), -1) for g in got] if all(np.size(g) % len(x) == 0 for g in got) else None
