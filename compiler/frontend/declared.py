"""What a node carries and nobody implements is an error, not ignored: attributes, types, versions, counts.

A kernel declares the attributes that it reads and the types that it computes in; the operator's own schema says what
the model's opset allows. Between the two nothing is left over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.frontend.dtypes import letter
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Kernel

if TYPE_CHECKING:
    from onnx.defs import OpSchema

REVIEWED = {"": 28, "ai.onnx.ml": 5}
"""The newest opset of each domain whose operators the kernels have been compared with."""

OLDEST = 7
"""Before it Add and others broadcast by attributes."""


def check_node(node: Node, kernel: Kernel) -> None:
    """Raises CompileError for attributes, inputs and outputs that the kernel, or the operator at this opset, lacks."""
    schema = schema_of(node)
    for key, value in node.attrs.items():
        known = key in kernel.reads or key in kernel.void or key in kernel.fixed
        if not known or (schema is not None and key not in schema.attributes):
            raise _refused(node, f"attribute {key!r} of {node.op}", schema, known)
        if key in kernel.fixed and value not in kernel.fixed[key]:
            raise _fixed(node, kernel, key, value)
    for key, allowed in kernel.fixed.items():
        value = node.attrs[key] if key in node.attrs else _default(schema, key)
        if value is not None and value not in allowed:
            raise _fixed(node, kernel, key, value)
    _check_counts(node, schema)


def check_against_schema(node: Node, dtypes: Sequence[np.dtype[Any] | None]) -> None:
    """Raises CompileError for attributes and types that the operator does not have at the model's opset."""
    schema = schema_of(node)
    for key in node.attrs:
        if schema is not None and key not in schema.attributes:
            raise _refused(node, f"attribute {key!r} of {node.op}", schema, True)
    _check_counts(node, schema)
    _check_schema_types(node, schema, dtypes)


def _check_counts(node: Node, schema: OpSchema | None) -> None:
    if schema is None:
        return
    inputs = len(node.inputs)
    while inputs and not node.inputs[inputs - 1]:
        inputs -= 1
    if not schema.min_input <= inputs <= schema.max_input or len(node.outputs) > schema.max_output:
        raise fail(
            f"{node.op} of opset {node.opset} has {inputs} inputs and {len(node.outputs)} outputs",
            where=node.where,
            why=f"it takes {schema.min_input} to {schema.max_input} and gives at most {schema.max_output}",
            hint="export the model again",
        )


def check_types(node: Node, kernel: Kernel, dtypes: Sequence[np.dtype[Any] | None]) -> None:
    """Raises CompileError for inputs whose type the kernel, or the operator at this opset, does not take.

    dtypes: one per input; None where it is absent or no tensor.
    """
    for k, dtype in enumerate(dtypes):
        declared = kernel.types[min(k, len(kernel.types) - 1)]
        if dtype is not None and declared != "*" and (letter(dtype) or "?") not in declared:
            raise _type_refused(node, k, dtype, f"it is computed in {_names(declared)}")
    _check_schema_types(node, schema_of(node), dtypes)


def _check_schema_types(node: Node, schema: OpSchema | None, dtypes: Sequence[np.dtype[Any] | None]) -> None:
    seen = dict[str, tuple[int, np.dtype[Any]]]()
    for k, dtype in enumerate(dtypes):
        if dtype is None or schema is None or not schema.inputs:
            continue
        formal = schema.inputs[min(k, len(schema.inputs) - 1)]
        name = _onnx_name(dtype)
        if name not in formal.types:
            raise _type_refused(node, k, dtype, f"{node.op} of opset {node.opset} does not take it")
        first, same = seen.setdefault(formal.type_str, (k, dtype))
        if same != dtype and formal.is_homogeneous:
            raise _type_refused(node, k, dtype, f"input {first} is {same.name}, and both have one type in ONNX")


def check_results(node: Node, dtypes: Sequence[np.dtype[Any] | None]) -> None:
    """Raises CompileError for results whose type the operator does not give at this opset."""
    schema = schema_of(node)
    for k, dtype in enumerate(dtypes):
        if schema is None or dtype is None or k >= len(schema.outputs):
            return
        if _onnx_name(dtype) not in schema.outputs[k].types:
            raise fail(
                f"{node.op} to {dtype.name} is not supported",
                where=node.where,
                why=f"{node.op} of opset {node.opset} does not give it",
                hint="export the model with a newer opset_version",
            )


def schema_of(node: Node) -> OpSchema | None:
    """Returns the operator as ONNX defines it at the model's opset; None for operators that ONNX does not define.

    Raises CompileError for opsets that are too old or that nobody has looked at, and for operators that came later.
    """
    from onnx import defs

    newest = REVIEWED.get(node.domain)
    if newest is None or not defs.has(node.op, node.domain):
        return None
    known = min(newest, defs.onnx_opset_version()) if node.domain == "" else newest
    oldest = OLDEST if node.domain == "" else 1
    if not oldest <= node.opset <= known:
        raise fail(
            f"opset {node.opset} of {node.domain or 'ai.onnx'} is not supported",
            where=node.where,
            why=f"operators of opset {oldest} to {known} are known; others may mean something else",
            hint="export the model with another opset_version",
        )
    try:
        return defs.get_schema(node.op, node.opset, node.domain)
    except defs.SchemaError as error:
        what = f"there is no operator {node.op!r} in opset {node.opset}"
        raise fail(what, where=node.where, hint="export the model with a newer opset_version") from error


def _default(schema: OpSchema | None, key: str) -> object:
    from onnx import helper

    if schema is None or key not in schema.attributes or not schema.attributes[key].default_value.name:
        return None
    value = helper.get_attribute_value(schema.attributes[key].default_value)
    return value.decode() if isinstance(value, bytes) else value


def _refused(node: Node, what: str, schema: OpSchema | None, known: bool) -> CompileError:
    if known or (schema is not None and not any(what.startswith(f"attribute {key!r}") for key in schema.attributes)):
        why = f"{node.op} of opset {node.opset} has no such attribute"
    else:
        why = "the operator would be computed as if it were not there"
    return fail(f"{what} is not supported", where=node.where, why=why, hint="export the model without it")


def _fixed(node: Node, kernel: Kernel, key: str, value: object) -> CompileError:
    allowed = " and ".join(str(v) for v in kernel.fixed[key])
    return fail(
        f"{node.op} with {key}={value} is not supported",
        where=node.where,
        why=f"{key}={allowed} is",
        hint=f"export the model with {key}={kernel.fixed[key][0]}",
    )


def _type_refused(node: Node, k: int, dtype: np.dtype[Any], why: str) -> CompileError:
    name = node.inputs[k] if k < len(node.inputs) else ""
    return fail(
        f"{node.op} of {dtype.name} is not supported",
        where=f"{node.where}, input {k}, tensor {name!r}",
        why=why,
        hint="export the model in float32, or put a Cast before the operator",
    )


def _names(declared: str) -> str:
    words = {
        "f": "float32",
        "d": "float64",
        "h": "float16",
        "g": "bfloat16",
        "b": "bool",
        "i": "integers of 8 to 64 bits",
        "q": "integers of 2 and 4 bits",
    }
    return ", ".join(words[c] for c in declared)


def _onnx_name(dtype: np.dtype[Any]) -> str:
    """The type as schemas write it: tensor(float), tensor(int4)."""
    from onnx import TensorProto, helper

    try:
        return f"tensor({TensorProto.DataType.Name(helper.np_dtype_to_tensor_dtype(dtype)).lower()})"
    except (KeyError, ValueError):
        return f"tensor({dtype.name})"
