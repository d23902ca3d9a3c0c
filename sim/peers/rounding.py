"""How far correct evaluations of one operator may lie apart: nowhere at all, or by a bound on its rounding.

Nothing here uses the front end's kernels. The exact value is onnx's reference operator in float64, and a sum of n terms
may be off by n + 2 roundings of the sum of its terms' sizes, whatever the order (Higham, Accuracy and Stability of
Numerical Algorithms, 2nd edition, section 4.2); by nothing where all partial sums fit the significand.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.frontend.dtypes import digits, is_float
from threshc.sim.peers.peer import first_line
from threshc.sim.peers.qonnx_operators import operators, peer_domain

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]
Floats = NDArray[np.float64]

SUMS = {"MatMul", "Gemm", "Conv", "Einsum", "Sum", "ReduceSum", "ReduceMean", "AveragePool", "GlobalAveragePool"}
_MEANS = {"ReduceMean", "AveragePool", "GlobalAveragePool"}
_CLOSE = {"Div": 2, "Sqrt": 2, "Reciprocal": 2, "LeakyRelu": 2, "Exp": 16, "Pow": 16}
"""Operators that some evaluators round twice, or take from a table: roundings of the result."""
_SMOOTH = {
    "Tanh",
    "Sigmoid",
    "Softplus",
    "Elu",
    "Selu",
    "Celu",
    "Gelu",
    "Mish",
    "Swish",
    "HardSwish",
    *("Log", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh"),
    "Erf",
    "Softsign",
    "HardSigmoid",
    "Softmax",
    "LogSoftmax",
    "Normalizer",
}
"""Operators that evaluators approximate: 16 roundings of the larger of the result and 1."""


_BY_TYPE = {"Gelu"}
"""Functions of other operators which onnx's evaluator expands only where it knows the types of a whole model."""


class NoBoundError(Exception):
    """The reference operator does not run on the arguments; the text says why."""


class Rounding:
    """Bounds for the nodes of one model."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.protos = {t: node for node in model.graph.node for t in node.output if t}
        stated = {"" if o.domain == "ai.onnx" else o.domain: o.version for o in model.opset_import}
        self._opsets = {"": 13, "ai.onnx.ml": 3} | stated

    def bound(self, tensor: str, args: Sequence[Array | None], result: Array) -> tuple[Floats, Floats] | None:
        """Returns the exact value of a node's tensor, and how far from it a correct evaluation may be; None: not at
        all.

        args: the node's inputs; result: the tensor as somebody evaluated it, which gives its type. Raises NoBoundError.
        """
        proto = self.protos[tensor]
        if proto.op_type == "LinearClassifier":
            return _linear_classifier(proto, args, result)
        if proto.op_type in ("QLinearMatMul", "QLinearConv"):
            return self._requantized(proto, args)
        if not is_float(result.dtype) and proto.op_type != "QuantizeLinear":
            return None
        u = 2.0 ** -digits(result.dtype) if is_float(result.dtype) else 2.0**-24
        op = proto.op_type
        if op in SUMS:
            return self._sum(proto, args, u)
        if op == "BatchNormalization":
            return _batch_normalization(proto, args, u)
        if op == "QuantizeLinear":
            return self._quantize_linear(proto, args, result, u)
        if op in _CLOSE:
            exact = self.exact(proto, args)
            return exact, _CLOSE[op] * u * np.abs(exact)
        if op in _SMOOTH:
            exact = self.exact(proto, args)
            return exact, 16 * u * np.maximum(np.abs(exact), 1)
        return None

    def exact(self, proto: onnx.NodeProto, args: Sequence[Array | None]) -> Floats:
        """Returns a node's first output in float64, by onnx's reference operators and qonnx's."""
        wide = [a if a is None or not is_float(a.dtype) else a.astype(np.float64) for a in args]
        return self.native(proto, wide).astype(np.float64)

    def positive(self, proto: onnx.NodeProto, args: Sequence[Array | None]) -> Floats:
        """Returns the same with the sizes of the arguments and of alpha and beta."""
        from onnx import NodeProto

        node = NodeProto()
        node.CopyFrom(proto)
        for attribute in node.attribute:
            if attribute.name in ("alpha", "beta"):
                attribute.f = abs(attribute.f)
        return self.exact(node, [a if a is None or not is_float(a.dtype) else np.abs(a) for a in args])

    def native(self, proto: onnx.NodeProto, args: Sequence[Array | None]) -> Array:
        """Returns a node's first output in the type of its arguments."""
        from onnx import NodeProto
        from onnx.reference import ReferenceEvaluator

        node, own = NodeProto(), peer_domain(proto)
        node.CopyFrom(proto)
        node.domain = own or ("" if proto.domain == "ai.onnx" else proto.domain)
        feeds = {name: a for name, a in zip(node.input, args, strict=False) if name and a is not None}
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                opsets, new_ops = (self._opsets, None) if own is None else ({**self._opsets, own: 1}, operators())
                if node.op_type in _BY_TYPE:
                    evaluator = ReferenceEvaluator(self._with_types(node, feeds))
                else:
                    evaluator = ReferenceEvaluator(node, opsets=opsets, new_ops=new_ops)
                made: Any = evaluator.run(None, feeds)
            except Exception as error:  # it raises many kinds; whatever it is, there is no bound
                raise NoBoundError(f"onnx's reference operator {proto.op_type} fails: {first_line(error)}") from error
        return np.asarray(made[0])

    def _with_types(self, node: onnx.NodeProto, feeds: Mapping[str, Array]) -> onnx.ModelProto:
        """A model of one node, its types inferred."""
        from onnx import TensorProto, helper, shape_inference

        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for name, a in feeds.items()
        ]
        outputs = [helper.make_tensor_value_info(node.output[0], TensorProto.UNDEFINED, None)]
        graph = helper.make_graph([node], "node", inputs, outputs)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self._opsets[""])], ir_version=8)
        return shape_inference.infer_shapes(model)

    def _sum(self, proto: onnx.NodeProto, args: Sequence[Array | None], u: float) -> tuple[Floats, Floats]:
        plain = all(a.f == 1.0 for a in proto.attribute if a.name in ("alpha", "beta"))
        data = [a for a in args if a is not None and is_float(a.dtype)]
        exact = self.exact(proto, args)
        size = self.positive(proto, args)
        terms = _terms(proto, args, exact)
        if plain and _no_partial_sum_rounds(proto.op_type, data, size * (terms if proto.op_type in _MEANS else 1), u):
            return exact, (2 * u * np.abs(exact) if proto.op_type in _MEANS else np.zeros_like(exact))
        roundings = (terms + 2) * u
        return exact, roundings / (1 - roundings) * size if roundings < 0.5 else np.full_like(size, np.inf)

    def _requantized(self, proto: onnx.NodeProto, args: Sequence[Array | None]) -> tuple[Floats, Floats]:
        """A step apart where scales a few roundings larger or smaller, which are multiplied in any order, give it."""
        exact, ends = self.native(proto, args).astype(np.float64), []
        for off in (-8, 8):
            moved = list(args)
            moved[6] = np.asarray(np.asarray(args[6], np.float64) * (1 + off * 2.0**-24), np.float32)
            ends.append(self.native(proto, moved).astype(np.float64))
        return exact, np.abs(ends[1] - ends[0])

    def _quantize_linear(
        self, proto: onnx.NodeProto, args: Sequence[Array | None], result: Array, u: float
    ) -> tuple[Floats, Floats] | None:
        """One step where x / scale lies within four roundings of the middle between two integers; with a scale per
        block all have to agree."""
        x, scale = (np.asarray(a, np.float64) for a in args[:2])
        if scale.ndim > 1:
            return None
        if scale.size > 1:
            axis = next((a.i for a in proto.attribute if a.name == "axis"), 1) % x.ndim
            scale = scale.reshape([-1 if k == axis else 1 for k in range(x.ndim)])
        with np.errstate(all="ignore"):
            ratio = x / scale
            near = np.abs(np.abs(ratio - np.floor(ratio)) - 0.5) <= 4 * u * np.abs(ratio)
        return result.astype(np.float64), near.astype(np.float64)


def _batch_normalization(proto: onnx.NodeProto, args: Sequence[Array | None], u: float) -> tuple[Floats, Floats]:
    """Eight roundings of its terms: (x - mean) * gamma / sqrt(var + epsilon) + beta is written in several ways."""
    x, *channel = (np.asarray(a, np.float64) for a in args)
    behind = 0 if peer_domain(proto) else x.ndim - 2  # channels_last: nothing stands behind the channels
    gamma, beta, mean, var = (c.reshape(-1, *[1] * behind) for c in channel)
    epsilon = next((a.f for a in proto.attribute if a.name == "epsilon"), 1e-5)
    slope = gamma / np.sqrt(var + epsilon)
    exact = (x - mean) * slope + beta
    return exact, 8 * u * (np.abs(x * slope) + np.abs(mean * slope) + np.abs(beta))


def _linear_classifier(
    proto: onnx.NodeProto, args: Sequence[Array | None], result: Array
) -> tuple[Floats, Floats] | None:
    """Scores as a sum behind a smooth function; the label is open where the two best scores lie within that bound."""
    from onnx import helper

    given = {a.name: helper.get_attribute_value(a) for a in proto.attribute}
    b, u = np.asarray(given.get("intercepts", [0.0]), np.float64), 2.0**-24
    w = np.asarray(given["coefficients"], np.float64).reshape(len(b), -1).T
    x = np.asarray(args[0], np.float64)
    scores, size = x @ w + b, np.abs(x) @ np.abs(w) + np.abs(b)
    bound = (len(w) + 3) * u * size
    if not is_float(result.dtype):
        best = np.sort(scores, axis=-1)[..., -2:]
        free = best[..., -1] - best[..., 0] <= 2 * bound.max(axis=-1)
        return result.astype(np.float64), np.where(free, np.inf, 0.0)
    match given.get("post_transform", b"NONE"):
        case b"NONE":
            return scores, bound
        case b"LOGISTIC":
            return 1 / (1 + np.exp(-scores)), bound + 16 * u
        case b"SOFTMAX":
            powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
            return powers / powers.sum(axis=-1, keepdims=True), 2 * bound.max(axis=-1, keepdims=True) + 16 * u
    return None


def _terms(proto: onnx.NodeProto, args: Sequence[Array | None], result: Array) -> int:
    """How many terms the sums of a node have."""
    x = args[0]
    assert x is not None
    match proto.op_type:
        case "MatMul":
            return int(x.shape[-1])
        case "Gemm" | "Conv":
            w = args[1]
            assert w is not None
            return int(np.prod(w.shape[1:])) if proto.op_type == "Conv" else int(max(w.shape)) + 1
        case "Einsum":
            w = args[1]
            assert w is not None
            return math.isqrt(x.size * w.size // max(result.size, 1)) + 1  # times the root of the batches
        case "Sum":
            return len(args)
        case _:
            window: Mapping[str, Any] = {a.name: list(a.ints) for a in proto.attribute}
            return max(int(np.prod(window.get("kernel_shape", [1]))), x.size // max(result.size, 1))


def _no_partial_sum_rounds(op: str, data: Sequence[Array], size: Floats, u: float) -> bool:
    """Whether every partial sum, in any order, is a multiple of one power of two that the significand holds."""
    units = [_unit(a) for a in data]
    whole = units[0] * units[1] if op in ("MatMul", "Gemm", "Conv", "Einsum") else min(units)
    if op in ("Gemm", "Conv") and len(units) > 2:
        whole = min(whole, units[2])
    return bool(np.isfinite(size).all() and size.max(initial=0) <= whole / u)


def _unit(values: Array) -> float:
    """The largest power of two that all values are multiples of; infinite where all are 0."""
    nonzero = values[values != 0].astype(np.float64)
    if not nonzero.size or not np.isfinite(nonzero).all():
        return np.inf if not nonzero.size else 0.0
    fraction, exponent = np.frexp(nonzero)
    whole = np.abs(np.ldexp(fraction, 53)).astype(np.int64)
    _, low = np.frexp((whole & -whole).astype(np.float64))
    return float(np.ldexp(1.0, int((exponent - 53 + low - 1).min())))
