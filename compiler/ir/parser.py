"""Reads the text form of a network by recursive descent; nothing in the text is ever executed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.affine import NEUTRAL, Move
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import Affine, Encoding, Step
from threshc.compiler.ir.lexer import Cursor, Token
from threshc.compiler.ir.literals import SIGNED, parse_array
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Loc, Op, Output, Reduce, Sum, Window
from threshc.compiler.ir.text import FORMAT

_Table = Mapping[str, NDArray[np.generic]]
_SIZE = 2**31  # no dimension, and no input, is larger
_ELEMENTS = 2**40  # nor any value; keeps a hostile text from describing what nothing could hold


def parse_network(text: str, arrays: _Table | None = None, *, source: str = "") -> Network:
    """Returns the network that a text form describes; `arrays` is its side table, `source` a file name for messages.

    Raises CompileError with line and column for text outside the grammar of docs/reference/ir.md, for types that are
    not the ones that follow, and the verifier's errors for a network that breaks its rules.
    """
    cursor = Cursor(text, source)
    table: _Table = {} if arrays is None else arrays
    cursor.skip_lines()
    name = _header(cursor)
    ops: list[Op] = []
    stated: list[tuple[Token, str] | None] = []
    cursor.skip_lines()
    while cursor.token.kind == "value":
        ops.append(_operation(cursor, len(ops), table, stated))
        cursor.end_line()
        cursor.skip_lines()
    outputs: list[Output] = []
    while cursor.accept("output"):
        outputs.append(_output(cursor, table))
        cursor.end_line()
        cursor.skip_lines()
    if cursor.token.kind != "end":
        raise cursor.expected("'output' or the end of the text" if outputs else f"'%{len(ops)}' or 'output'")
    network = _verified(name, ops, outputs, source)
    for v, t in enumerate(network.types):
        note = stated[v]
        if math.prod(t.shape) > _ELEMENTS:
            raise cursor.error(
                f"%{v} has {math.prod(t.shape)} elements, more than {_ELEMENTS}", note[0] if note else None
            )
        if note is not None and note[1] != str(t):
            raise cursor.error(f"%{v} is {t}, the text says {note[1]}", note[0])
    return network


def _verified(name: str, ops: list[Op], outputs: list[Output], source: str) -> Network:
    try:
        return Network(name, tuple(ops), tuple(outputs))
    except CompileError as error:
        places = [f"{source}, {d.where}" if source and d.where else d.where or source for d in error.diagnostics]
        raise CompileError(replace(d, where=p) for d, p in zip(error.diagnostics, places, strict=True)) from None


def _header(cursor: Cursor) -> str:
    cursor.need("network")
    name = cursor.string("the network's name in quotes")
    cursor.key("format")
    start = cursor.token
    version = cursor.integer(0, 2**31)
    if version != FORMAT:
        raise cursor.error(f"the text has format {version}, this threshc reads format {FORMAT}", start)
    cursor.end_line()
    return name


def _operation(cursor: Cursor, v: int, table: _Table, stated: list[tuple[Token, str] | None]) -> Op:
    start = cursor.token
    if cursor.value() != v:
        raise cursor.error(f"expected '%{v}', found {start}: values are numbered in order", start)
    cursor.need("=")
    keyword = cursor.token
    if keyword.text not in _OPERATIONS:
        raise cursor.expected(f"an operation ({', '.join(_OPERATIONS)})")
    cursor.advance()
    make, fields = _OPERATIONS[keyword.text](cursor, table)
    stated.append(_type(cursor) if cursor.accept(":") else None)
    loc = Loc()
    if cursor.accept("from"):
        loc = Loc(cursor.string("the node's name in quotes"), cursor.string("the tensor's name in quotes"))
    op: Op = make(**fields, loc=loc)
    return op


def _type(cursor: Cursor) -> tuple[Token, str]:
    start = cursor.token
    if cursor.accept("bits"):
        return start, f"bits{list(cursor.integers(0, 2**63 - 1, (1, 3)))}"
    if not cursor.accept("ints"):
        raise cursor.expected("a type (bits, ints)")
    shape = list(cursor.integers(0, 2**63 - 1, (1, 3)))
    lo = cursor.integer()
    cursor.need("..")
    return start, f"ints{shape} {lo}..{cursor.integer()}"


_Fields = tuple[Callable[..., Op], dict[str, Any]]


def _input(cursor: Cursor, table: _Table) -> _Fields:
    name = cursor.string("the input's name in quotes")
    cursor.key("shape")
    start = cursor.token
    shape = cursor.integers(1, _SIZE, (1, 3))
    if math.prod(shape) > _SIZE:
        raise cursor.error(f"the input has {math.prod(shape)} features, more than {_SIZE}", start)
    cursor.key("model_shape")
    model_shape = cursor.integers(1, _SIZE, tuple(range(17)))
    return Input, {"name": name, "shape": shape, "model_shape": model_shape, "encoding": _encoding(cursor, table)}


def _encoding(cursor: Cursor, table: _Table) -> Encoding:
    if cursor.accept("affine"):
        lo = cursor.integer()
        cursor.need("..")
        hi = cursor.integer()
        steps: list[Move] = []
        while cursor.token.text in NEUTRAL:
            move: Any = cursor.advance().text
            cursor.need("=")
            numbers = parse_array(cursor, ("float64",), (0, 1), table).ravel().tolist()
            if numbers != [NEUTRAL[move]]:  # texts of older versions state them all
                steps.append((move, tuple(numbers)))
        inner = 0
        if cursor.accept("inner"):
            cursor.need("=")
            inner = cursor.integer(1, _SIZE)
        return Affine(lo, hi, tuple(steps), inner)
    if not cursor.accept("step"):
        raise cursor.expected("an encoding (affine, step)")
    cursor.key("features")
    features = cursor.integer(1, _SIZE)
    feature = _array(cursor, "feature", table)
    cursor.key("threshold")
    threshold = parse_array(cursor, ("float32",), (1, 3), table)
    return Step(features, feature, threshold.astype(np.float32, copy=False))


def _bitplanes(cursor: Cursor, table: _Table) -> _Fields:
    return Bitplanes, {"x": cursor.value()}


def _window(cursor: Cursor, table: _Table) -> _Fields:
    fields: dict[str, Any] = {"x": cursor.value()}
    for name, least, count in (("kernel", 1, 2), ("stride", 1, 2), ("pads", 0, 4), ("dilation", 1, 2)):
        cursor.key(name)
        fields[name] = cursor.integers(least, 2**16, (count,))
    cursor.key("fill")
    fields["fill"] = cursor.integer(0, 1)
    cursor.key("is_pad")
    fields["is_pad"] = bool(cursor.integer(0, 1))
    return Window, fields


def _gather(cursor: Cursor, table: _Table) -> _Fields:
    x = [cursor.value()]
    while cursor.token.kind == "value":
        x.append(cursor.value())
    return Gather, {"x": tuple(x), "index": _array(cursor, "index", table, (1, 3))}


def _sum(cursor: Cursor, table: _Table) -> _Fields:
    x = cursor.value()
    weights = _array(cursor, "weights", table, (2,), SIGNED)
    return Sum, {"x": x, "weights": weights, "bias": _array(cursor, "bias", table)}


def _compare(cursor: Cursor, table: _Table) -> _Fields:
    s = cursor.value()
    row = _array(cursor, "row", table)
    return Compare, {"s": s, "row": row, "threshold": _array(cursor, "threshold", table)}


def _reduce(cursor: Cursor, table: _Table) -> _Fields:
    x = cursor.value()
    kind = _choice(cursor, "a reduction", ("or", "and"))
    cursor.key("taps")
    return Reduce, {"x": x, "kind": kind, "taps": cursor.integer(1, _SIZE)}


def _argmax(cursor: Cursor, table: _Table) -> _Fields:
    return ArgMax, {"s": cursor.value()}


_OPERATIONS: dict[str, Callable[[Cursor, _Table], _Fields]] = {
    "input": _input,
    "bitplanes": _bitplanes,
    "window": _window,
    "gather": _gather,
    "sum": _sum,
    "compare": _compare,
    "reduce": _reduce,
    "argmax": _argmax,
}


def _array(
    cursor: Cursor, name: str, table: _Table, ndim: tuple[int, ...] = (1,), dtypes: tuple[str, ...] = ("int64",)
) -> Any:
    cursor.key(name)
    return parse_array(cursor, dtypes, ndim, table)


def _choice(cursor: Cursor, what: str, words: tuple[str, ...]) -> str:
    if cursor.token.text not in words:
        raise cursor.expected(f"{what} ({', '.join(words)})")
    return cursor.advance().text


def _output(cursor: Cursor, table: _Table) -> Output:
    name = cursor.string("the output's name in quotes")
    value = cursor.value()
    kind: Any = _choice(cursor, "a kind of output", ("class", "scores", "bits"))
    scale = _array(cursor, "scale", table, (0, 1), ("float64",))
    offset = _array(cursor, "offset", table, (0, 1), ("float64",))
    return Output(name, value, kind, scale, offset, cursor.accept("order"))
