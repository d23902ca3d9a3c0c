"""Functions inside a model, written out where they are called, within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.graph import MOST_NODES, as_text

if TYPE_CHECKING:
    import onnx

    Key = tuple[str, str, str]

MOST_BYTES = 1 << 30
"""Of a model once its functions are written out: constants inside a function come with every call."""
MOST_DEEP = 50
"""Functions that call each other, one inside the other."""


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """Returns the model without functions, as `onnx.inliner` writes it; the model itself where it has none.

    Raises CompileError for functions that call themselves, that grow beyond a bound, that have the name of an operator
    of ONNX (each runtime may take one or the other), and whose opset gives an operator another meaning.
    """
    from onnx import defs, inliner

    if not model.functions:
        return model
    copy = type(model)()
    copy.CopyFrom(model)
    functions: dict[Key, onnx.FunctionProto] = {}
    for f in copy.functions:
        key, where = _key(f.domain, f.name, f.overload), f"function {f.name!r} of domain {f.domain!r}"
        if key in functions:
            raise fail("a function is defined twice", where=where, hint="export the model again")
        if defs.has(key[1], key[0]):
            why = "whether a call means the function or the operator is left to each runtime"
            raise fail("a function has the name of an operator of ONNX", where=where, why=why, hint="rename it")
        functions[key] = f
    _want_bounded(copy, functions)
    _state_opsets(copy, _called(copy, functions))
    try:
        result = inliner.inline_local_functions(copy)
    except Exception as error:  # the inliner raises many kinds for functions that do not fit their calls
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise fail("the model's functions cannot be written out", why=why, hint="inline them (onnx.inliner)") from error
    left = {_key(f.domain, f.name, f.overload) for f in result.functions}
    calls = [n for n in _nodes(result.graph.node) if _key(n.domain, n.op_type, n.overload) in left]
    if calls:
        where = f"node {calls[0].name or calls[0].output[0]!r}, function {calls[0].op_type!r}"
        raise fail("a function of the model cannot be written out", where=where, hint="inline it (onnx.inliner)")
    del result.functions[:]
    return result


def _key(domain: str | bytes, name: str | bytes, overload: str | bytes) -> Key:
    return "" if domain == "ai.onnx" else as_text(domain), as_text(name), as_text(overload)


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """All of them, with those in sub-graphs."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        yield node
        for attribute in node.attribute:
            stack += attribute.g.node
            for graph in attribute.graphs:
                stack += graph.node


def _calls(nodes: Iterable[onnx.NodeProto], functions: dict[Key, onnx.FunctionProto]) -> list[Key]:
    keys = (_key(n.domain, n.op_type, n.overload) for n in _nodes(nodes))
    return [key for key in keys if key in functions]


def _called(model: onnx.ModelProto, functions: dict[Key, onnx.FunctionProto]) -> dict[Key, onnx.FunctionProto]:
    """The functions that the graph calls, directly or through others."""
    found: dict[Key, onnx.FunctionProto] = {}
    waiting = _calls(model.graph.node, functions)
    while waiting:
        key = waiting.pop()
        if key not in found:
            found[key] = functions[key]
            waiting += _calls(functions[key].node, functions)
    return found


def _want_bounded(model: onnx.ModelProto, functions: dict[Key, onnx.FunctionProto]) -> None:
    """Nodes and bytes that the calls become, counted before anything is written out."""
    inner = {key: _calls(f.node, functions) for key, f in functions.items()}
    size: dict[Key, tuple[int, int]] = {}

    def measure(key: Key, above: tuple[Key, ...]) -> tuple[int, int]:
        where = f"function {key[1]!r} of domain {key[0]!r}"
        if key in above:
            raise fail("a function of the model calls itself", where=where, hint="export the model again")
        if len(above) >= MOST_DEEP:
            why = f"at most {MOST_DEEP} functions may call one another"
            raise fail("functions of the model are nested too deeply", where=where, why=why, hint="inline them")
        if key not in size:
            f, parts = functions[key], [measure(k, (*above, key)) for k in inner[key]]
            own = sum(1 for _ in _nodes(f.node)) - len(parts), f.ByteSize()
            size[key] = own[0] + sum(p[0] for p in parts), own[1] + sum(p[1] for p in parts)
        return size[key]

    top = [measure(key, ()) for key in _calls(model.graph.node, functions)]
    nodes, count = sum(n for n, _ in top), sum(b for _, b in top)
    if nodes > MOST_NODES or count > MOST_BYTES:
        raise fail(
            f"the functions of the model become {nodes:,} nodes and {count:,} bytes",
            why=f"at most {MOST_NODES:,} nodes and {MOST_BYTES:,} bytes are taken",
            hint="export the model without functions that call one another",
        )


def _state_opsets(model: onnx.ModelProto, called: dict[Key, onnx.FunctionProto]) -> None:
    """Give model and functions one version per domain, where every operator of a function means the same in both."""
    stated = {_key(o.domain, "", "")[0]: o.version for o in model.opset_import}
    for (domain, name, _), f in called.items():
        where = f"function {name!r} of domain {domain!r}"
        for entry in f.opset_import:
            home = _key(entry.domain, "", "")[0]
            if home not in stated:
                stated[home] = entry.version
                model.opset_import.add(domain=entry.domain, version=entry.version)
            if entry.version == stated[home]:
                continue
            for node in _nodes(f.node):
                mine = _key(node.domain, "", "")[0] == home
                if mine and _since(node.op_type, home, entry.version) != _since(node.op_type, home, stated[home]):
                    raise fail(
                        f"a function is written for opset {entry.version}, the model for {stated[home]}",
                        where=where,
                        why=f"{node.op_type} means something else in the other",
                        hint="export the model again, with one opset_version",
                    )
            entry.version = stated[home]


def _since(op: str, domain: str, version: int) -> int:
    """The opset from which an operator has meant what it means; the version itself where ONNX does not define it."""
    from onnx import defs

    try:
        return int(defs.get_schema(op, version, domain).since_version)
    except defs.SchemaError:
        return version
