"""The ONNX graph as the front end walks it: nodes in topological order, constants as arrays, domains normalised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, Diagnostic, fail
from threshc.compiler.frontend.tensors import to_array

if TYPE_CHECKING:
    import onnx

MOST_NODES = 100_000
"""Nodes of a model."""
QUANT = "quant"
"""One name for every domain in which the QONNX operators are found."""

CHANNELS_LAST = "channels_last"
"""The domain of the operators of ONNX that take (N, .., C) tensors: `qonnx.custom_op.channels_last`."""

QUANT_DOMAINS = ("onnx.brevitas", "brevitas.onnx", "finn", "finn.custom_op.general", "qonnx.custom_op.general")
"""Where exporters have put the QONNX operators; `finn` in 2019 and 2020."""

CHANNELS_LAST_DOMAIN = "qonnx.custom_op.channels_last"

_DOMAINS = {"": "", "ai.onnx": "", "ai.onnx.ml": "ai.onnx.ml", CHANNELS_LAST_DOMAIN: CHANNELS_LAST}
_DOMAINS |= dict.fromkeys(QUANT_DOMAINS, QUANT)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One ONNX node. `domain` is normalised, `stated` the one that the file has; `opset` the version of its domain;
    absent inputs are ""."""

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Any]
    opset: int
    stated: str = ""

    @property
    def where(self) -> str:
        """The node as messages name it."""
        label = self.name or (self.outputs[0] if self.outputs else "")
        kind = self.op if self.domain in ("", QUANT) else f"{self.stated or self.domain}.{self.op}"
        return f"node {label!r} ({kind})"


@dataclass(frozen=True, slots=True)
class GraphInput:
    """A graph input. shape holds None for unknown or named sizes; dtype is numpy's name; datatype is FINN's annotation
    (`UINT8`, `BIPOLAR`, ...) or ""."""

    shape: tuple[int | None, ...]
    dtype: str
    datatype: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A model's main graph. `inputs` and `outputs` exclude constants. output_types: numpy's name of the type that the
    file states of an output, where it states one."""

    name: str
    nodes: tuple[Node, ...]
    constants: Mapping[str, NDArray[np.generic]]
    inputs: Mapping[str, GraphInput]
    outputs: tuple[str, ...]
    opset: int
    output_types: Mapping[str, str]


def build_graph(model: onnx.ModelProto, folder: Path | None) -> Graph:
    """Turns a ModelProto into a Graph. Raises CompileError naming tensors that are damaged, undefined, defined twice or
    cyclic."""
    proto = model.graph
    if len(proto.node) > MOST_NODES:
        why = f"at most {MOST_NODES:,} are taken"
        raise fail(f"the model has {len(proto.node):,} nodes", why=why, hint="simplify the model, e.g. with onnxsim")
    opsets = _opsets(model)
    opset = opsets.get("", 0)
    problems = _local_functions(model)
    constants: dict[str, NDArray[np.generic]] = {}
    for tensor in proto.initializer:
        try:
            name = as_text(tensor.name)
            if name in constants:
                problems.append(Diagnostic("a tensor is defined twice", f"initializer {name!r}"))
            constants[name] = to_array(tensor, folder)
        except CompileError as error:
            problems += error.diagnostics
    if proto.sparse_initializer:
        problems.append(Diagnostic("sparse initializers are not supported", hint="export dense initializers"))
    if problems:
        raise CompileError(problems)
    _refuse_not_finite(constants)
    _refuse_twice("graph input", [as_text(i.name) for i in proto.input])
    inputs = {as_text(i.name): _input(i, proto) for i in proto.input if as_text(i.name) not in constants}
    nodes = tuple(_node(n, opsets, folder) for n in proto.node)
    outputs = tuple(as_text(o.name) for o in proto.output)
    if not nodes or not outputs:
        raise fail(
            "the model's graph is empty",
            why=f"it has {len(nodes)} nodes and {len(outputs)} outputs",
            hint="export the model again",
        )
    ordered = _ordered(nodes, set(constants) | set(inputs), outputs)
    types = {as_text(o.name): _dtype(o) for o in proto.output if o.type.tensor_type.elem_type}
    return Graph(as_text(proto.name), ordered, constants, inputs, outputs, opset, types)


def _input(info: onnx.ValueInfoProto, graph: onnx.GraphProto) -> GraphInput:
    dims = info.type.tensor_type.shape.dim
    shape = tuple(d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in dims)
    stated = [q for q in graph.quantization_annotation if q.tensor_name == info.name]
    marks = {e.key: e.value for q in stated for e in q.quant_parameter_tensor_names}
    return GraphInput(shape, _dtype(info), marks.get("finn_datatype", ""))


def _dtype(info: onnx.ValueInfoProto) -> str:
    from onnx import helper

    try:
        name: str = np.dtype(helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type)).name
    except (KeyError, TypeError):
        return "unknown"
    return name


def _refuse_twice(what: str, names: Sequence[str]) -> None:
    """Raises CompileError for a name that stands twice, since one of the two would be ignored."""
    twice = next((n for k, n in enumerate(names) if n in names[:k]), None)
    if twice is not None:
        raise fail(f"a {what} is defined twice", where=f"{what} {twice!r}", hint="export the model again")


def _refuse_not_finite(constants: Mapping[str, NDArray[np.generic]]) -> None:
    problems = []
    for name, array in constants.items():
        if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
            index = tuple(int(i) for i in np.argwhere(~finite)[0])
            problems.append(
                Diagnostic(
                    f"a constant is {array[index]}",
                    f"tensor {name!r}, index {list(index)}",
                    "no threshold can be exact with it",
                    "train or export the model again",
                )
            )
    if problems:
        raise CompileError(problems)


def as_text(name: str | bytes) -> str:
    """Returns a name as text; protobuf gives bytes where a damaged file's name is not UTF-8."""
    return name if isinstance(name, str) else name.decode("utf-8", "replace")


def _opsets(model: onnx.ModelProto) -> dict[str, int]:
    """The version of each domain, by its normalised name. Raises CompileError where one that matters is missing, and
    where a domain has two."""
    opsets: dict[str, int] = {}
    stated: dict[str, int] = {}
    for entry in model.opset_import:
        domain = _DOMAINS.get(as_text(entry.domain), as_text(entry.domain))
        own = "ai.onnx" if domain == "" else as_text(entry.domain)
        if stated.setdefault(own, entry.version) != entry.version:
            raise fail(
                "the model states two opsets of one domain",
                where=f"domain {own!r}",
                why=f"versions {stated[own]} and {entry.version}; what an operator means depends on it",
                hint="export the model again",
            )
        opsets[domain] = max(entry.version, opsets.get(domain, 0))
    used = {_DOMAINS.get(as_text(n.domain), QUANT) for n in model.graph.node}
    for missing in sorted(used - set(opsets) - {QUANT, CHANNELS_LAST}):
        raise fail(
            "the model does not state the opset of its operators",
            where=f"domain {missing or 'ai.onnx'!r}",
            why="what an operator means depends on it",
            hint="export the model again, or add the opset_import",
        )
    return opsets


def _local_functions(model: onnx.ModelProto) -> list[Diagnostic]:
    """Functions of the model: one with the name of an operator would mean something else than the operator."""
    what, hint = "functions inside a model are not supported", "inline them (onnx.inliner)"
    return [Diagnostic(what, f"function {as_text(f.name)!r}", "", hint) for f in model.functions]


def _node(proto: onnx.NodeProto, opsets: Mapping[str, int], folder: Path | None) -> Node:
    from onnx import AttributeProto, helper

    attrs: dict[str, Any] = {}
    _want_whole(proto)
    for attribute in proto.attribute:
        match attribute.type:
            case AttributeProto.TENSOR:
                attrs[attribute.name] = to_array(attribute.t, folder)
            case AttributeProto.STRING:
                attrs[attribute.name] = attribute.s.decode("utf-8", "replace")
            case (
                AttributeProto.INT
                | AttributeProto.FLOAT
                | AttributeProto.INTS
                | AttributeProto.FLOATS
                | AttributeProto.STRINGS
            ):
                attrs[attribute.name] = helper.get_attribute_value(attribute)
            case _:
                attrs[attribute.name] = None  # sub-graphs and the like; only operators that are refused have them
    stated = as_text(proto.domain)
    domain = _DOMAINS.get(stated, stated)
    inputs, outputs = (tuple(map(as_text, names)) for names in (proto.input, proto.output))
    return Node(
        as_text(proto.op_type), domain, as_text(proto.name), inputs, outputs, attrs, opsets.get(domain, 0), stated
    )


def _want_whole(proto: onnx.NodeProto) -> None:
    """Raises CompileError for attributes that stand twice, that hold something beside the value of their type, or that
    refer to a function outside of one."""
    from onnx import AttributeProto

    where = f"node {as_text(proto.name)!r} ({as_text(proto.op_type)})"
    _refuse_twice(f"attribute of {where}", [as_text(a.name) for a in proto.attribute])
    for attribute in proto.attribute:
        type_ = AttributeProto.AttributeType.Name(attribute.type)
        own = {"INT": "i", "FLOAT": "f", "STRING": "s", "TENSOR": "t", "GRAPH": "g"}.get(type_, type_.lower())
        held = {f.name for f, _ in attribute.ListFields()} - {"name", "type", "doc_string", own}
        if held:
            raise fail(
                "an attribute holds more than its type says",
                where=f"{where}, attribute {as_text(attribute.name)!r}",
                why=f"it is of type {type_} and holds {', '.join(sorted(held))}",
                hint="export the model again",
            )


def _ordered(nodes: tuple[Node, ...], known: set[str], outputs: tuple[str, ...]) -> tuple[Node, ...]:
    """The nodes that the outputs need, each after the nodes it reads. The file's own order is not trusted."""
    maker: dict[str, Node] = {}
    for node in nodes:
        for tensor in node.outputs:
            if tensor and (tensor in maker or tensor in known):
                raise fail(
                    "a tensor is defined twice", where=f"{node.where}, tensor {tensor!r}", hint="export the model again"
                )
            maker[tensor] = node
    order: list[Node] = []
    state: dict[int, bool] = {}  # False: being visited, True: placed
    stack: list[tuple[str, str, Node | None]] = [(t, "a graph output", None) for t in reversed(outputs)]
    while stack:
        tensor, reader, done = stack.pop()
        if done is not None:
            state[id(done)] = True
            order.append(done)
            continue
        if not tensor or tensor in known:
            continue
        found = maker.get(tensor)
        if found is None:
            raise fail(
                "a tensor is read that nothing defines",
                where=f"tensor {tensor!r}, read by {reader}",
                hint="export the model again",
            )
        if id(found) in state:
            if not state[id(found)]:
                raise fail(
                    "the graph has a cycle", where=f"{found.where}, tensor {tensor!r}", hint="export the model again"
                )
            continue
        state[id(found)] = False
        stack.append(("", "", found))
        stack += [(t, found.where, None) for t in reversed(found.inputs)]
    return tuple(order)
