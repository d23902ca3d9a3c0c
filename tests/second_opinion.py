"""What other programs compute for a model: onnxruntime, and qonnx where QONNX operators occur."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import pytest

from threshc.compiler.frontend.coding import expected_bits
from threshc.compiler.frontend.load import lower_model
from threshc.sim import reference
from threshc.sim.inputs import encode
from threshc.sim.onnx_peer import run_onnxruntime


def tensors_of(model: onnx.ModelProto, x: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The named tensors (N, elements) for samples x (N, ..) float32."""
    if any(n.domain for n in model.graph.node):
        run = _qonnx(model)
        rows = [run(x[k : k + 1]) for k in range(len(x))]
        return {n: np.stack([np.asarray(row[n]).ravel() for row in rows]) for n in names}
    found = run_onnxruntime(model, x, names)
    if found is None:
        pytest.skip("onnxruntime is not installed, or takes no such model")
    return dict(zip(names, found, strict=True))


def _qonnx(model: onnx.ModelProto) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    executor = pytest.importorskip("qonnx.core.onnx_exec", reason="qonnx evaluates QONNX operators")
    wrapper = pytest.importorskip("qonnx.core.modelwrapper")
    shaped = onnx.ModelProto()
    shaped.CopyFrom(model)
    entry = shaped.graph.input[0]
    entry.type.tensor_type.shape.dim[0].dim_value = 1
    domains = {o.domain for o in shaped.opset_import} | {""}
    shaped.opset_import.extend(
        onnx.helper.make_opsetid(d, 1) for d in sorted({n.domain for n in shaped.graph.node} - domains)
    )
    prepared = wrapper.ModelWrapper(shaped)
    infer = pytest.importorskip("qonnx.transformation.infer_shapes")
    prepared = prepared.transform(infer.InferShapes())
    return lambda x: executor.execute_onnx(prepared, {entry.name: x}, return_full_exec_context=True)


def agree(model: onnx.ModelProto, x: np.ndarray, input: str | None = None) -> int:
    """Assert that every hidden bit, and the class of scores, is the other program's; how many bits were compared."""
    lowered = lower_model(model, input=input)
    network = lowered.network
    values = reference.evaluate(network, encode(network, x))
    names = list(dict.fromkeys([p.tensor for p in lowered.probes] + list(lowered.graph.outputs)))
    theirs = tensors_of(model, x.astype(np.float32), names)
    compared = 0
    for probe in lowered.probes:
        ours = values[probe.value].reshape(len(x), -1)[:, probe.position]
        assert np.array_equal(expected_bits(probe, theirs[probe.tensor]), ours), probe.tensor
        compared += ours.size
    for o in network.outputs:
        if o.kind == "scores" and o.name in theirs:
            assert np.array_equal(values[o.value].argmax(axis=1), theirs[o.name].argmax(axis=1)), o.name
    assert compared
    return compared
