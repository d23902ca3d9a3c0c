"""Every attribute, type and version in the schemas of the operators is implemented or refused; nothing is ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import defs, helper
from onnx.reference import ReferenceEvaluator
from operator_cases import CASES, Case

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend import context
from threshc.compiler.frontend.declared import OLDEST, REVIEWED, check_node, check_results, check_types
from threshc.compiler.frontend.dtypes import letter
from threshc.compiler.frontend.graph import CHANNELS_LAST, QUANT, Node
from threshc.compiler.frontend.kernels import registry

ml_dtypes = pytest.importorskip("ml_dtypes")
KERNELS = registry.kernels()
SCHEMAS = [
    s
    for s in defs.get_all_schemas_with_history()
    if (s.domain, s.name) in KERNELS and (s.domain or s.since_version >= 0)
]
VALUES = {
    "INT": 7,
    "FLOAT": 0.5,
    "STRING": "ANY",
    "INTS": [1, 1],
    "FLOATS": [1.0],
    "STRINGS": ["a"],
    "TENSOR": np.zeros(1, np.float32),
}


def _in_force(schema: defs.OpSchema) -> bool:
    """Whether an opset that is read has this version of the operator."""
    newer = [s.since_version for s in SCHEMAS if (s.domain, s.name) == (schema.domain, schema.name)]
    until = min((v for v in newer if v > schema.since_version), default=10**6)
    return bool(schema.domain) or until > OLDEST


VERSIONS = [s for s in SCHEMAS if _in_force(s)]


def _opset(schema: defs.OpSchema) -> int:
    return schema.since_version if schema.domain else max(schema.since_version, OLDEST)


def _node(schema: defs.OpSchema, **attrs: Any) -> Node:
    inputs = tuple(f"i{k}" for k in range(schema.min_input))
    return Node(schema.name, schema.domain, "n", inputs, ("y",), attrs, _opset(schema))


def _type(name: str) -> np.dtype[Any] | None:
    match = re.fullmatch(r"tensor\((\w+)\)", name)
    if match is None:
        return None
    plain = {"float": "float32", "double": "float64", "string": "str_", "float8e4m3fn": "float8_e4m3fn"}
    plain |= {"float8e5m2": "float8_e5m2", "float8e4m3fnuz": "float8_e4m3fnuz", "float8e5m2fnuz": "float8_e5m2fnuz"}
    plain |= {"float4e2m1": "float4_e2m1fn", "float8e8m0": "float8_e8m0fnu"}
    plain |= {"float6e2m3": "float6_e2m3fn", "float6e3m2": "float6_e3m2fn"}
    return np.dtype(getattr(ml_dtypes, plain.get(match[1], match[1]), plain.get(match[1], match[1])))


def test_every_lowering_has_a_kernel() -> None:
    assert set(context.lowerings()) <= set(KERNELS)


@pytest.mark.parametrize("schema", VERSIONS, ids=lambda s: f"{s.name}-{s.since_version}")
def test_every_attribute_is_declared_or_refused_by_name(schema: defs.OpSchema) -> None:
    kernel = KERNELS[schema.domain, schema.name]
    required = {k: VALUES.get(a.type.name) for k, a in schema.attributes.items() if a.required}
    fixed = {k: v[0] for k, v in kernel.fixed.items() if k in schema.attributes}
    for key, attribute in schema.attributes.items():
        value = VALUES.get(attribute.type.name)
        node = _node(schema, **{**required, **fixed, key: value})
        if key in kernel.reads or key in kernel.void:
            check_node(node, kernel)
            continue
        with pytest.raises(CompileError, match=re.escape(key)) as caught:
            check_node(node, kernel)
        assert caught.value.diagnostics[0].where
        assert caught.value.diagnostics[0].why
        assert caught.value.diagnostics[0].hint
    with pytest.raises(CompileError, match="'surprise'"):
        check_node(_node(schema, **required, **fixed, surprise=1), kernel)


def test_declared_attributes_are_attributes() -> None:
    """A declared name that no version of the operator has would be a slip of the pen."""
    for (domain, op), kernel in KERNELS.items():
        known = {k for s in SCHEMAS if (s.domain, s.name) == (domain, op) for k in s.attributes}
        if known:
            shared = [k for k in KERNELS if KERNELS[k].compute is kernel.compute]
            for name in kernel.reads | kernel.void | set(kernel.fixed):
                assert any(name in s.attributes for s in SCHEMAS if (s.domain, s.name) in shared), (op, name)


@pytest.mark.parametrize("schema", VERSIONS, ids=lambda s: f"{s.name}-{s.since_version}")
def test_every_type_is_declared_or_refused_by_name(schema: defs.OpSchema) -> None:
    kernel = KERNELS[schema.domain, schema.name]
    node = _node(schema)
    for k, formal in enumerate(schema.inputs):
        declared = kernel.types[min(k, len(kernel.types) - 1)]
        for name in sorted(formal.types):
            dtype = _type(name)
            if dtype is None:
                continue  # sequences, maps: no tensors
            types = [None] * k + [dtype]
            if declared == "*" or (letter(dtype) and letter(dtype) in declared):
                check_types(node, kernel, types)
                continue
            with pytest.raises(CompileError, match=re.escape(dtype.name)):
                check_types(node, kernel, types)


@pytest.mark.parametrize("schema", VERSIONS, ids=lambda s: f"{s.name}-{s.since_version}")
def test_counts_beyond_the_schema_are_refused(schema: defs.OpSchema) -> None:
    kernel = KERNELS[schema.domain, schema.name]
    required = {k: VALUES.get(a.type.name) for k, a in schema.attributes.items() if a.required}
    required |= {k: v[0] for k, v in kernel.fixed.items() if k in schema.attributes}
    few, many = schema.min_input - 1, schema.max_input + 1
    for count in [few] * (few >= 0) + [many] * (many < 100):
        node = Node(schema.name, schema.domain, "n", ("i",) * count, ("y",), required, _opset(schema))
        with pytest.raises(CompileError, match=f"has {count} inputs"):
            check_node(node, kernel)


@pytest.mark.parametrize(("opset", "name"), [(21, "uint2"), (13, "int16"), (24, "uint2"), (10, "int32")])
def test_results_of_a_later_opset_are_refused(opset: int, name: str) -> None:
    node = Node("QuantizeLinear", "", "n", ("x", "s", "z"), ("y",), {}, opset)
    with pytest.raises(CompileError, match=f"QuantizeLinear to {name} is not supported"):
        check_results(node, [np.dtype(getattr(ml_dtypes, name, name))])


def test_types_that_must_be_one_are_one() -> None:
    node = Node("Add", "", "n", ("a", "b"), ("y",), {}, 17)
    with pytest.raises(CompileError, match="both have one type"):
        check_types(node, KERNELS["", "Add"], [np.dtype(np.float32), np.dtype(np.float64)])


@pytest.mark.parametrize("opset", [6, 0, -3, max(REVIEWED[""], defs.onnx_opset_version()) + 1, 2**31])
def test_opsets_that_nobody_looked_at_are_refused(opset: int) -> None:
    for op in ("Add", "QuantizeLinear", "Softmax"):
        with pytest.raises(CompileError, match=f"opset {opset}"):
            check_node(Node(op, "", "n", ("a", "b"), ("y",), {}, opset), KERNELS["", op])


def test_operators_of_a_later_opset_are_refused() -> None:
    with pytest.raises(CompileError, match="no operator 'GreaterOrEqual' in opset 11"):
        check_node(Node("GreaterOrEqual", "", "n", ("a", "b"), ("y",), {}, 11), KERNELS["", "GreaterOrEqual"])


DOCUMENTS = {
    "BipolarQuant": (),
    "Quant": ("signed", "narrow", "rounding_mode"),
    "IntQuant": ("signed", "narrow", "rounding_mode"),
    "MultiThreshold": ("out_dtype", "out_scale", "out_bias", "data_layout"),
    "XnorPopcountMatMul": (),
    "DebugMarker": ("export_debug_name",),
    "Trunc": ("rounding_mode", "signed", "narrow"),
    "Im2Col": ("stride", "kernel_size", "input_shape", "pad_amount", "pad_value", "depthwise", "dilations"),
    "MaxPoolNHWC": ("strides", "pads", "dilations", "auto_pad", "kernel_shape", "ceil_mode", "storage_order"),
}
"""Attributes of the QONNX operators, as their documents and executors list them."""


def test_qonnx_attributes_are_declared_and_others_refused() -> None:
    assert {op for domain, op in KERNELS if domain == QUANT} == set(DOCUMENTS)
    for op, names in DOCUMENTS.items():
        kernel = KERNELS[QUANT, op]
        assert kernel.reads | kernel.void | set(kernel.fixed) == set(names)
        for name in ("bit_width", "scaling", "axis", "output_dtype", "channels_last"):
            with pytest.raises(CompileError, match=name):
                check_node(Node(op, QUANT, "n", ("x",), ("y",), {name: 1}, 1), kernel)
        if op != "DebugMarker":
            with pytest.raises(CompileError, match=f"{op} of int32"):
                check_types(Node(op, QUANT, "n", ("x",), ("y",), {}, 1), kernel, [np.dtype(np.int32)])


@pytest.mark.parametrize("op", sorted(op for domain, op in KERNELS if domain == CHANNELS_LAST))
def test_operators_of_channels_last_take_what_those_of_onnx_take(op: str) -> None:
    ours, plain = KERNELS[CHANNELS_LAST, op], KERNELS["", op]
    assert (ours.reads, ours.void, ours.fixed, ours.kind) == (plain.reads, plain.void, plain.fixed, plain.kind)


TYPES = [
    np.dtype(getattr(ml_dtypes, name, name))
    for name in (
        "float32",
        "float64",
        "float16",
        "bfloat16",
        "int8",
        "uint8",
        "int16",
        "int32",
        "int64",
        "uint64",
        "bool",
        "int4",
    )
]


def _stored(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as a file keeps them: real numbers in float32."""
    made = {k: helper.get_attribute_value(helper.make_attribute(k, v)) for k, v in attrs.items()}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in made.items()}


def _versions(case: Case) -> list[int]:
    found = [s for s in VERSIONS if (s.domain, s.name) == (case.domain, case.op)]
    return [_opset(s) for s in found if case.first <= _opset(s) and s.since_version <= case.last]


def _reference(node: Node, args: list[np.ndarray]) -> list[np.ndarray] | None:
    """What onnx's evaluator makes of a call; None where it cannot run it."""
    names = [f"i{k}" for k in range(len(args))]
    proto = helper.make_node(node.op, names, node.outputs, domain=node.domain, **node.attrs)
    infos = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(np.asarray(a).dtype), np.shape(a))
        for n, a in zip(names, args, strict=True)
    ]
    outs = [onnx.ValueInfoProto(name=name) for name in node.outputs]
    graph = helper.make_graph([proto], "g", infos, outs)
    opsets = [helper.make_opsetid(node.domain, node.opset)]
    if node.domain:
        opsets.append(helper.make_opsetid("", 17))
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    try:
        with np.errstate(all="ignore"):
            return list(ReferenceEvaluator(model).run(None, dict(zip(names, map(np.asarray, args), strict=True))))
    except Exception:
        return None


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.op}-{c.attrs}"[:60])
def test_kernels_equal_the_reference_evaluator(case: Case) -> None:
    kernel = KERNELS[case.domain, case.op]
    compared = 0
    for opset in _versions(case):
        for dtype in TYPES:
            args = _arguments(case, dtype)
            if args is None:
                continue
            names = tuple(f"i{k}" for k in range(len(args)))
            node = Node(case.op, case.domain, "n", names, ("y", "z")[: case.outputs], _stored(case.attrs), opset)
            try:
                check_node(node, kernel)
                check_types(node, kernel, [a.dtype for a in args])
                with np.errstate(all="ignore"):
                    got = list(kernel.compute(node, args))
            except (CompileError, ValueError):
                continue
            want = _reference(node, args)
            if want is None:
                continue
            compared += 1
            for ours, theirs in zip(got, want, strict=False):
                assert np.asarray(ours).dtype == np.asarray(theirs).dtype, (opset, dtype)
                assert np.shape(ours) == np.shape(theirs), (opset, dtype)
                a, b = np.asarray(ours), np.asarray(theirs)
                assert ((a == b) | ((a != a) & (b != b))).all(), (opset, dtype, args, a, b)
    assert compared


def _arguments(case: Case, dtype: np.dtype[Any]) -> list[np.ndarray] | None:
    try:
        return [np.asarray(a) for a in case.make(np.random.default_rng(len(case.op)), dtype)]
    except (ValueError, TypeError, OverflowError):
        return None


def test_every_operator_of_onnx_with_a_kernel_has_cases() -> None:
    """Operators whose result is not a tensor, or that stand for their scores, are compared elsewhere."""
    elsewhere = {
        ("", "Constant"),
        ("ai.onnx.ml", "LinearClassifier"),
        ("ai.onnx.ml", "Normalizer"),
        ("ai.onnx.ml", "ZipMap"),
    }
    known = {k for k in KERNELS if k[0] not in (QUANT, CHANNELS_LAST) and defs.has(k[1], k[0])}
    assert known - elsewhere == {(c.domain, c.op) for c in CASES}
