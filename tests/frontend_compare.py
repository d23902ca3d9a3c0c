"""The comparison that every front-end test wants: network against float32 model, bit for bit."""

from __future__ import annotations

import numpy as np
import onnx

from threshc.compiler.frontend.coding import expected_bits
from threshc.compiler.frontend.float_model import run_float
from threshc.compiler.frontend.load import lower_model
from threshc.sim import reference
from threshc.sim.inputs import encode


def compare(model: onnx.ModelProto, x: np.ndarray, input: str | None = None) -> None:
    """Assert that the lowered network has the model's hidden bits, classes and output bits on real samples x."""
    lowered = lower_model(model, input=input)
    network = lowered.network
    values = reference.evaluate(network, encode(network, x))
    names = list(dict.fromkeys([p.tensor for p in lowered.probes] + list(lowered.graph.outputs)))
    tensors = dict(zip(names, run_float(lowered.graph, x.astype(np.float32), names), strict=True))
    assert lowered.probes
    for probe in lowered.probes:
        ours = values[probe.value].reshape(len(x), -1)[:, probe.position]
        assert np.array_equal(expected_bits(probe, tensors[probe.tensor], ours), ours)
    checked = 0
    for o in network.outputs:
        if o.name not in tensors:
            continue
        ours, theirs = values[o.value], tensors[o.name]
        if o.kind == "class":
            assert np.array_equal(ours + o.offset, theirs)
        elif o.kind == "bits":
            assert np.array_equal((o.offset + o.scale * ours).astype(np.float32), theirs)
        else:
            assert np.array_equal(ours.argmax(axis=1), theirs.argmax(axis=1))
        checked += 1
    assert checked
