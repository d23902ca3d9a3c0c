"""The QONNX operators that are read, as single nodes over many attributes and parameters, for qonnx's own executor."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bench.measure import Row
from threshc.compiler.frontend.float_model import run_float
from threshc.compiler.frontend.graph import build_graph

Array = NDArray[Any]
Case = tuple[onnx.ModelProto, dict[str, Array], Array]
"""A model of one node over input x, its parameters by name, and samples."""

DOMAIN = "qonnx.custom_op.general"
MODES = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "round", "Half_up")
LAYOUTS = [(2, ""), (2, "NC"), (3, ""), (3, "NCW"), (3, "NWC"), (4, ""), (4, "NCHW"), (4, "NHWC"), (4, "NHCW")]
F = np.float32
SCALES = [F(0.5), F(-0.25), F(0.1), F([[0.25, -0.5, 1.5, -3e-3]]), F([[-1.0]])]
ZEROS = [F(0), F(1), F(-0.3), F([[0.0, 1.5, -2.0, 0.25]])]


def qonnx_rows() -> list[Row]:
    """One row per operator: how many values equal qonnx's. None where qonnx is not installed."""
    try:
        from importlib.metadata import version

        peer = f"qonnx {version('qonnx')}"
    except ImportError:
        return []
    rows = []
    for op, cases in CASES.items():
        equal = total = 0
        for model, named, x in cases():
            theirs = executed(model.graph.node[0], {"x": x, **named})
            (ours,) = run_float(build_graph(model, None), x, ["y"])
            equal, total = equal + int((ours == theirs.reshape(ours.shape)).sum()), total + ours.size
        rows.append(
            Row(f"{op}: values equal", equal, f"of {total}", 0.0, peer, equal / total, 0.0, 1.0, equal == total)
        )
    return rows


def executed(node: onnx.NodeProto, inputs: dict[str, Array]) -> Array:
    """The first output of one node as qonnx computes it. Raises ImportError without qonnx, else whatever it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qonnx.custom_op.registry import getCustomOp

        context = dict(inputs)
        version = (2 if len(node.input) > 5 else 1) if node.op_type == "Trunc" else None
        getCustomOp(node, version).execute_node(context, None)
    return np.asarray(context[node.output[0]])


def one_node(op: str, parameters: list[Any], rank: int = 2, **attrs: Any) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """A model of one node over input x, and its parameters by name."""
    named = {f"p{k}": np.asarray(p) for k, p in enumerate(parameters)}
    node = helper.make_node(op, ["x", *named], ["y"], domain=attrs.pop("domain", DOMAIN), **attrs)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None] * rank)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in named.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]), named


def rising(*columns: int) -> Array:
    """Samples that rise along the first axis: ties of the quantizers below, their neighbours, large and tiny values."""
    grid = np.arange(-24, 25, dtype=np.float32) / 8
    far = np.float32([-3e9, -300.5, -1e-30, -0.0, 0.0, 1e-30, 127.5, 255.5, 3e9])
    values = np.concatenate([grid, np.nextafter(grid, 9), np.nextafter(grid, -9), far]).astype(np.float32)
    return np.broadcast_to(np.sort(values).reshape(-1, *[1] * len(columns)), (len(values), *columns)).copy()


def quant_cases(op: str, mode: str) -> Iterator[Case]:
    """Scales of both signs, alone and per channel, zero points, widths, signed and narrow, under one rounding mode."""
    x = rising(4)
    widths = [F(1), F(2), F(4), F(8), F([8]), np.asarray(3), F(32)]
    for scale, zero, width in itertools.product(SCALES, ZEROS, widths):
        for signed, narrow in itertools.product((0, 1), (0, 1)):
            yield *one_node(op, [scale, zero, width], signed=signed, narrow=narrow, rounding_mode=mode), x


def bipolar_cases() -> Iterator[Case]:
    """Scales of both signs, zeros among them."""
    for scale in (F(1), F(-1), F(0.0), F(-0.0), *SCALES):
        yield *one_node("BipolarQuant", [scale]), rising(4)


def multi_threshold_cases(rank: int, layout: str) -> Iterator[Case]:
    """Rows of thresholds in order and out of order, output scales of both signs, for one layout."""
    x, r = rising(*[3] * (rank - 1)), np.random.default_rng(rank)
    steps = [F([[0.5]]), F([[-1.5, 0.0, 1.5]]), r.choice(x.ravel(), (3, 4)), F([[2.0, -1.0, 0.5]])]
    for thresholds, scale, bias in itertools.product(steps, (None, 1.0, -2.0, 0.1), (None, -1.0, 0.3)):
        attrs = {"out_scale": scale, "out_bias": bias, "data_layout": layout or None, "out_dtype": "INT8"}
        given = {key: value for key, value in attrs.items() if value is not None}
        yield *one_node("MultiThreshold", [np.asarray(thresholds, F)], rank, **given), x


def xnor_cases() -> Iterator[Case]:
    """Bits times bits."""
    r = np.random.default_rng(0)
    x, w = r.integers(0, 2, (50, 9)).astype(F), r.integers(0, 2, (9, 5)).astype(F)
    yield *one_node("XnorPopcountMatMul", [w]), x


def trunc_cases() -> Iterator[Case]:
    """Both versions: with five inputs, and with the scale after as the sixth."""
    x = rising(4)
    for scale, zero, mode in itertools.product((F(0.5), F(0.1), F([[0.25, 1.5, 3e-3, 1.0]])), ZEROS, MODES):
        for before, after in ((F(8), F(4)), (F(6), F(6)), (F(4), F(1))):
            yield *one_node("Trunc", [scale, zero, before, after], rounding_mode=mode), x
            for signed, narrow in itertools.product((0, 1), (0, 1)):
                values = [scale, zero, before, F(scale * 2 ** (before - after)), after]
                yield *one_node("Trunc", values, signed=signed, narrow=narrow, rounding_mode=mode), x


CASES = {
    "Trunc": trunc_cases,
    "Quant": lambda: itertools.chain(*(quant_cases("Quant", mode) for mode in MODES)),
    "IntQuant": lambda: itertools.chain(*(quant_cases("IntQuant", mode) for mode in MODES)),
    "BipolarQuant": bipolar_cases,
    "MultiThreshold": lambda: itertools.chain(*(multi_threshold_cases(*layout) for layout in LAYOUTS)),
    "XnorPopcountMatMul": xnor_cases,
}
