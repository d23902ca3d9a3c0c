"""QONNX operators as qonnx's own executor computes them; tests that need it are skipped where qonnx is absent."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import pytest


def qonnx_runs(node: onnx.NodeProto, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The first output of one node. Raises whatever qonnx raises where it takes the node for wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        registry = pytest.importorskip(
            "qonnx.custom_op.registry", reason="qonnx is not installed", exc_type=ImportError
        )
        context = dict(inputs)
        registry.getCustomOp(node).execute_node(context, None)
    return np.asarray(context[node.output[0]])
