"""Every hidden bit against a program that is not ours: onnxruntime, or onnx's evaluator with the operators of qonnx."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from threshc.compiler.frontend.coding import expected_bits
from threshc.compiler.frontend.load import lower_model
from threshc.sim import reference
from threshc.sim.inputs import encode
from threshc.sim.peers.find import find_peer


def agree(model: onnx.ModelProto, x: np.ndarray, input: str | None = None) -> int:
    """Assert that every hidden bit, and the class of scores, is the other program's; how many bits were compared."""
    lowered = lower_model(model, input=input)
    network, x = lowered.network, x.astype(np.float32)
    values = reference.evaluate(network, encode(network, x))
    names = list(dict.fromkeys([p.tensor for p in lowered.probes] + list(lowered.graph.outputs)))
    opinion = find_peer(model, None, x, names, True)
    if opinion.peer is None:
        pytest.skip("; ".join(opinion.declined))
    blocks = [(len(x[k : k + opinion.peer.size]), block) for k, block in opinion.peer.blocks(x)]
    theirs = {t: np.concatenate([np.asarray(b[t]).reshape(n, -1) for n, b in blocks]) for t in names}
    compared = 0
    for probe in lowered.probes:
        ours = values[probe.value].reshape(len(x), -1)[:, probe.position]
        assert np.array_equal(expected_bits(probe, theirs[probe.tensor], ours), ours), probe.tensor
        compared += ours.size
    for o in network.outputs:
        if o.kind == "scores" and o.name in theirs:
            assert np.array_equal(values[o.value].argmax(axis=1), theirs[o.name].argmax(axis=1)), o.name
    assert compared
    return compared
