"""A certificate file, read with suspicion: each part has its type, length and range, or is refused by place."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from threshc.compiler.bounded import gunzip, parse_json, read_file
from threshc.compiler.diagnostics import fail
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import (
    FORMAT,
    MAX_TEXT,
    MAX_VALUES,
    Certificate,
    Claim,
    Field,
    Group,
    Lut,
    Register,
    Replacement,
    Selection,
    Step,
)

MOST_NODES = 1 << 31
"""Node numbers are smaller."""
MOST_DIGITS = 128
"""Most columns of a heap and digits of a word: sums of a network fit 64."""
MOST_INPUTS = 6
"""Most operands of a table."""

_AGAIN = "make it again: threshc prove MODEL -c FILE"
_INT, _LIST = {int}, {list}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,1000}")
_FIELD = re.compile(r"class|scores|bits|tap(0|[1-9][0-9]{0,8})")
_VALUE = re.compile(r"0|[1-9][0-9]{0,8}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEYS = (
    *("format", "network", "name", "inputs", "latency", "fields", "luts", "registers", "values", "outputs"),
    *("claims", "selections", "replaced"),
)
Part = TypeVar("Part")


class Malformed(Unproved):
    """The certificate is none; the text says where."""


def read(path: Path) -> Certificate:
    """Returns the certificate in a file. Raises CompileError where it is none, or larger than the bounds above."""
    packed, where = read_file(path, MAX_TEXT, "certificate"), str(path)
    if not packed.startswith(b"\x1f\x8b"):
        raise fail("this is not a certificate", where=where, why="it is not packed with gzip", hint=_AGAIN)
    text = gunzip(packed, MAX_TEXT, where, "certificate")
    collects = gc.isenabled()
    gc.disable()  # millions of small lists are made, none of them garbage: half of the time would go into looking
    try:
        return parse(parse_json(text, where, "certificate", limit=MAX_TEXT, values=MAX_VALUES))
    except Malformed as problem:
        raise fail("this is not a certificate", where=where, why=str(problem), hint=_AGAIN) from None
    finally:
        if collects:
            gc.enable()


def parse(data: object) -> Certificate:
    """Returns the certificate that plain JSON data states. Raises Malformed, with the place, for anything else."""
    if type(data) is not dict or data.get("format") != FORMAT:
        given = data.get("format") if type(data) is dict else None
        why = f"its format is {given[:40]!r}" if type(given) is str else "it does not state its format"
        raise Malformed(f"{why}, this version reads {FORMAT!r}")
    if set(data) != set(_KEYS):
        raise Malformed(f"it should have the keys {', '.join(_KEYS)}")
    return Certificate(
        network=_matching(data["network"], _DIGEST, "network"),
        name=_matching(data["name"], _NAME, "name"),
        inputs=_placed("inputs", _number, data["inputs"], 1),
        latency=_placed("latency", _number, data["latency"]),
        fields=_each("field", _field, data["fields"]),
        luts=_each("table", _lut, data["luts"]),
        registers=_each("register", _register, data["registers"]),
        values=_values(data["values"]),
        outputs=_placed("outputs", _literals, data["outputs"]),
        claims=_each("claim", _claim, data["claims"]),
        selections=_each("selection", _selection, data["selections"]),
        replaced=_each("replaced table", _replacement, data["replaced"]),
    )


def _each(what: str, parser: Callable[[Any], Part], items: object) -> tuple[Part, ...]:
    if type(items) is not list:
        raise Malformed(f"{what}s are not a list")
    found = []
    for k, item in enumerate(items):
        try:
            found.append(parser(item))
        except Malformed as problem:
            raise Malformed(f"{what} {k}: {problem}") from None
    return tuple(found)


def _placed(what: str, parser: Callable[..., Part], *arguments: object) -> Part:
    try:
        return parser(*arguments)
    except Malformed as problem:
        raise Malformed(f"{what}: {problem}") from None


def _matching(text: object, form: re.Pattern[str], what: str) -> str:
    if type(text) is not str or not form.fullmatch(text):
        raise Malformed(f"{what} is malformed")
    return text


def _parts(item: object, count: int) -> list[Any]:
    if type(item) is not list or len(item) != count:
        raise Malformed(f"it is not a list of {count}")
    return item


def _number(x: object, low: int = 0, below: int = MOST_NODES) -> int:
    if type(x) is not int or not low <= x < below:
        raise Malformed(f"{str(x)[:40]} is not an integer from {low} to {below - 1}")
    return x


def _numbers(items: object, low: int, below: int, most: int = MOST_NODES) -> tuple[int, ...]:
    if type(items) is not list or len(items) > most:
        raise Malformed("a list of numbers is not one" + (f", or is longer than {most}" if most < MOST_NODES else ""))
    if items and (not set(map(type, items)) <= _INT or min(items) < low or max(items) >= below):
        raise Malformed(f"a number is not an integer from {low} to {below - 1}")
    return tuple(items)


def _literals(items: object) -> tuple[int, ...]:
    return _numbers(items, 0, 2 * MOST_NODES)


def _word(items: object) -> tuple[int, ...]:
    return _numbers(items, 0, 2 * MOST_NODES, MOST_DIGITS)


def _nodes(items: object) -> tuple[int, ...]:
    return _numbers(items, 0, MOST_NODES)


def _field(item: object) -> Field:
    name, value, width = _parts(item, 3)
    return Field(_matching(name, _FIELD, "its name"), _number(value), _number(width, 1))


def _lut(item: object) -> Lut:
    node, operands, table = _parts(item, 3)
    nodes = _numbers(operands, 0, MOST_NODES, MOST_INPUTS)
    return Lut(_number(node, 1), nodes, _number(table, 0, 1 << (1 << len(nodes))))


def _register(item: object) -> Register:
    node, samples = _parts(item, 2)
    return Register(_number(node, 1), _number(samples))


def _values(items: object) -> dict[int, tuple[int, ...]]:
    if type(items) is not dict or not all(_VALUE.fullmatch(key) for key in items):
        raise Malformed("values are not an object with numbers as keys")
    return {int(key): _placed(f"value {key}", _literals, word) for key, word in items.items()}


def _claim(item: object) -> Claim:
    columns, steps, word = _parts(item, 3)
    made = _word(word)
    if not made or type(columns) is not list or len(columns) != len(made):
        raise Malformed("a claim has as many columns as its word has digits, at least one")
    return Claim(_each("column", _literals, columns), _each("step", _step, steps), made)


def _step(item: object) -> Step:
    column, inputs, outputs = _parts(item, 3)
    if type(inputs) is not list or type(outputs) is not list:
        raise Malformed("its inputs or outputs are not a list")
    pairs = [_parts(pair, 2) for pair in outputs]
    terms = [*inputs, *(term for _, term in pairs)]
    if not set(map(type, terms)) <= _LIST or not all(0 < len(term) < 3 for term in terms):
        raise Malformed("a term is not a list of one or two literals")
    _check(lit for term in terms for lit in term)
    ends = tuple((_number(at, 0, MOST_DIGITS), tuple(term)) for at, term in pairs)
    return Step(_number(column, 0, MOST_DIGITS), tuple(map(tuple, inputs)), ends)


def _check(literals: Iterable[Any]) -> None:
    _literals(list(literals))


def _selection(item: object) -> Selection:
    larger, word, index = _parts(item, 3)
    return Selection(_number(larger, 0, 2 * MOST_NODES), _word(word), _word(index))


def _replacement(item: object) -> Replacement:
    node, operands, table, cut = _parts(item, 4)
    lut = _lut([node, operands, table])
    return Replacement(*lut, _each("group", _group, cut))


def _group(item: object) -> Group:
    nodes, leaves = _parts(item, 2)
    return Group(_nodes(nodes), _nodes(leaves))
