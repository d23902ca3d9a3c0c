"""A second checker of certificates and of pre-mapped text, after docs/reference/certificates.md, sharing no line with
`threshc.hdl.proof`.

It believes no claim: it evaluates the circuit and the network on every value of the input bits (16 at most), all at
once, a function being an integer with one bit per input word. So it says of small certificates what the first one must
say at most.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np

from threshc.compiler.encoding import Step
from threshc.compiler.ir import ops as ir
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.types import Ints

FORMAT = "threshc certificate 2"
MOST = 16


class Refused(Exception):
    """The certificate does not hold; the text says why."""


def demand(holds: bool, why: str) -> None:
    if not holds:
        raise Refused(why)


def check(network: Network, data: Any) -> None:
    """Raises Refused unless the circuit of the certificate (plain JSON data) answers every input word as the network
    does, and the circuit with replaced tables every word that occurs."""
    demand(isinstance(data, dict) and data.get("format") == FORMAT, "format")
    expected = answers_of(network)
    demand(whole(data["inputs"]) == expected.bits, "inputs")
    payload: list[int] = []
    names = [name for name, _, _ in data["fields"]]
    demand(len(set(names)) == len(names), "a field twice")
    demand(needed(network) in names, "a field is missing")
    for name, value, width in data["fields"]:
        demand(expected.fields.get(name) == whole(value), f"field {name}")
        functions = expected.functions(value)
        demand(len(functions) == whole(width), f"width of field {name}")
        payload += functions
    demand(answers(data, data["luts"], expected) == payload, "the circuit is not the network")
    if data["replaced"]:
        new = {whole(node): [node, operands, table] for node, operands, table, _ in data["replaced"]}
        demand(new.keys() <= {node for node, _, _ in data["luts"]}, "replaced table is none")
        demand(len(new) == len(data["replaced"]), "table replaced twice")
        got = answers(data, [new.get(lut[0], lut) for lut in data["luts"]], expected)
        occurs = expected.occurring()
        demand([g & occurs for g in got] == [w & occurs for w in payload], "the replaced circuit is not the network")


def whole(x: Any) -> int:
    demand(type(x) is int and x >= 0, "no number")
    number: int = x
    return number


def needed(network: Network) -> str:
    kinds = [o.kind for o in network.outputs]
    return next(kind for kind in ("class", "scores", "bits") if kind in kinds)


def answers(data: dict[str, Any], luts: list[Any], expected: Answers) -> list[int]:
    """The output payload as functions. Raises Refused unless all bits leave `latency` registers behind the input."""
    every = expected.every
    function = {0: 0} | {k + 1: column for k, column in enumerate(expected.columns)}
    stage: dict[int, int] = {k + 1: 0 for k in range(expected.bits)}
    cells = [(whole(n), operands, whole(table)) for n, operands, table in luts]
    cells += [(whole(q), [d], -1) for q, d in data["registers"]]
    for node, operands, table in sorted(cells, key=lambda cell: cell[0]):
        demand(node not in function and all(whole(x) in function for x in operands), f"node {node}")
        stages = {stage[x] for x in operands if x}
        demand(len(stages) < 2, f"node {node} mixes samples")
        stage[node] = max(stages, default=0) + (table < 0)
        function[node] = function[operands[0]] if table < 0 else 0
        demand(len(operands) <= 6 and table < 1 << (1 << len(operands)), f"table {node}")
        for i in range(1 << len(operands)):
            if table >= 0 and table >> i & 1:
                term = every
                for j, x in enumerate(operands):
                    term &= function[x] if i >> j & 1 else function[x] ^ every
                function[node] |= term
    for lit in data["outputs"]:
        demand(whole(lit) >> 1 in function, "output of no node")
        demand(lit < 2 or stage[lit >> 1] == data["latency"], "another latency")
    return [function[lit >> 1] ^ (every if lit & 1 else 0) for lit in data["outputs"]]


@lru_cache(16)
def answers_of(network: Network) -> Answers:
    return Answers(network)


class Answers:
    """A network on all values of its input bits: arrays (words, *shape) of every value.

    columns: the input bits as functions; every: the function 1; fields: the value of every field that may be named.
    """

    def __init__(self, network: Network) -> None:
        self.network, t = network, network.types[0]
        each = digits(t) if isinstance(t, Ints) else 1
        self.bits = int(np.prod(t.shape)) * each
        demand(self.bits <= MOST, "too many inputs for this checker")
        words = np.arange(1 << self.bits)
        planes = (words[:, None] >> np.arange(self.bits) & 1).astype(np.int64)
        self._planes = planes
        self.every = (1 << len(words)) - 1
        self.columns = [as_function(planes[:, k]) for k in range(self.bits)]
        x = planes.reshape(len(words), *t.shape, each)
        self.values = [number(x, t) if isinstance(t, Ints) else x[..., 0]]
        for op in network.ops[1:]:
            self.values.append(self._value(op))
        self.fields = {o.kind: o.value for o in reversed(network.outputs)}
        last = network.ops[self.fields["class"]] if "class" in self.fields else None
        if isinstance(last, ir.ArgMax):
            self.fields.setdefault("scores", last.s)  # type: ignore[arg-type]
        compares = [v for v, op in enumerate(network.ops) if isinstance(op, ir.Compare)]
        self.fields |= {f"tap{k}": v for k, v in enumerate(compares)}  # type: ignore[misc]

    def functions(self, v: int) -> list[int]:
        """The bits of a value as functions: elements in row-major order, digits lowest first."""
        t, x = self.network.types[v], self.values[v].reshape(1 << self.bits, -1)
        if isinstance(t, Ints):
            x = (x[..., None] >> np.arange(digits(t)) & 1).reshape(len(x), -1)
        return [as_function(x[:, k]) for k in range(x.shape[1])]

    def occurring(self) -> int:
        """The input words that the encoding makes: of one real feature, what reaches a threshold reaches lower ones."""
        encoding, holds = self.network.input.encoding, np.ones(1 << self.bits, np.bool_)
        if isinstance(encoding, Step):
            for a in range(self.bits):
                for b in range(self.bits):
                    same = encoding.feature[a] == encoding.feature[b]
                    if same and encoding.threshold[a] <= encoding.threshold[b]:
                        holds &= self._planes[:, a] >= self._planes[:, b]
        return as_function(holds)

    def _value(self, op: ir.Op) -> Any:
        values = self.values
        match op:
            case ir.Bitplanes(x=x):
                t = self.network.types[x]
                assert isinstance(t, Ints)
                return (values[x][..., None] >> np.arange(digits(t)) & 1).reshape(*values[x].shape[:-1], -1)
            case ir.Gather(x=xs, index=index):
                ends = [values[x].reshape(1 << self.bits, -1) for x in xs]
                flat = np.concatenate([*ends, np.ones_like(ends[0][:, :1]), np.zeros_like(ends[0][:, :1])], axis=1)
                return flat[:, index]  # -1 is the last column, 0; -2 the one before, 1
            case ir.Window():
                return self._window(op)
            case ir.Sum():
                return values[op.x] @ op.weights.T.astype(np.int64) + op.bias
            case ir.Compare():
                return (values[op.s][..., op.row] >= op.threshold).astype(np.int64)
            case ir.Reduce():
                taps = values[op.x].reshape(*values[op.x].shape[:-1], op.taps, -1)
                return taps.max(-2) if op.kind == "or" else taps.min(-2)
            case ir.ArgMax():
                return values[op.s].argmax(-1)[..., None]
        raise AssertionError(op)

    def _window(self, op: ir.Window) -> Any:
        x, (top, left, bottom, right) = self.values[op.x], op.pads
        padding = ((0, 0), (top, bottom), (left, right), (0, 0))
        data = np.pad(x, padding, constant_values=op.fill)
        outside = np.pad(np.zeros_like(x[..., :1]), padding, constant_values=1)
        (kh, kw), (sh, sw), (dh, dw) = op.kernel, op.stride, op.dilation
        high, wide = (data.shape[1] - dh * (kh - 1) - 1) // sh + 1, (data.shape[2] - dw * (kw - 1) - 1) // sw + 1

        def tap(of: Any, i: int, j: int) -> Any:
            return of[:, i * dh : i * dh + (high - 1) * sh + 1 : sh, j * dw : j * dw + (wide - 1) * sw + 1 : sw]

        places = [(i, j) for i in range(kh) for j in range(kw)]
        parts = [tap(data, i, j) for i, j in places]
        parts += [tap(outside, i, j) for i, j in places] if op.is_pad else []
        return np.concatenate(parts, axis=-1)


def digits(t: Ints) -> int:
    """Bits of two's complement, unsigned where no value is negative."""
    if t.lo >= 0:
        return next(k for k in range(1, 70) if t.hi < 1 << k)
    return next(k for k in range(1, 70) if -(1 << k) <= 2 * t.lo and 2 * t.hi < 1 << k)


def number(bits: Any, t: Ints) -> Any:
    weights = 1 << np.arange(bits.shape[-1])
    if t.lo < 0:
        weights[-1] = -weights[-1]
    return bits @ weights


def as_function(column: Any) -> int:
    return int.from_bytes(np.packbits(column.astype(np.bool_), bitorder="little").tobytes(), "little")


_FRAME = ("clk", "rst", "i_payload", "i_valid", "i_ready", "o_payload", "o_valid", "o_ready", "valid", "enable")


def text_answers(text: str, network: Network) -> list[int]:
    """What pre-mapped text answers: `last` as functions of all input bits, registers seen as wires.

    Statements are found by their semicolons and names by their words, whatever stands on which line.
    """
    expected = answers_of(network)
    every, drivers = expected.every, dict[str, str]()
    outputs: dict[int, str] = {}
    for statement in text.partition(");")[2].rpartition("endmodule")[0].split(";"):
        words = " ".join(statement.split())
        target: str | None = None
        if m := re.fullmatch(r"(?:wire|assign) (?:\[\d+:0\] )?(\w+) = (.*)", words):
            target, source = m[1], m[2]
        elif m := re.fullmatch(r"assign last\[(\d+):(\d+)\] = \{(.*)\}", words):
            for k, bit in enumerate(reversed(m[3].split(","))):
                demand(outputs.setdefault(int(m[2]) + k, bit.strip()) == bit.strip(), "an output with two drivers")
            continue
        elif m := re.fullmatch(r"always @\(posedge clk\) if \(enable\) (\w+) <= (.*)", words):
            target, source = m[1], m[2]
        elif m := re.fullmatch(r"(\w+ #\(.*\) \w+ \(.*)\)", words):
            output = re.search(r"\.[OZF] ?\( ?(\w+) ?\)", m[1])
            demand(output is not None, "a cell without output")
            assert output is not None
            target, source = output[1], m[1]
        if target is not None and target not in _FRAME:
            demand(target not in drivers, f"{target} has two drivers")
            drivers[target] = source
    known: dict[str, list[int]] = {"i_payload": expected.columns}
    open_: set[str] = set()

    def word(name: str) -> list[int]:
        if name not in known:
            demand(name in drivers and name not in open_, f"{name} has no driver, or depends on itself")
            open_.add(name)
            known[name] = expression(drivers[name])
        return known[name]

    def expression(source: str) -> list[int]:
        source = source.strip()
        if m := re.fullmatch(r"(\w+)\[(\d+)\]", source):
            parts = drivers.get(m[1], "")
            if not re.fullmatch(r"\{[^{}]*\}", parts):
                return [word(m[1])[int(m[2])]]
            bits = parts[1:-1].split(",")[::-1]  # of a register, one by one: they may depend on each other
            demand(int(m[2]) < len(bits), f"{source} is not a bit")
            drivers[source] = bits[int(m[2])]
            return word(source)
        if m := re.fullmatch(r"(\w+) \? (\w+) : (\w+)", source):
            s, p, q = word(m[1])[0], word(m[2])[0], word(m[3])[0]
            return [(s & p) | (q & (s ^ every))]
        if m := re.fullmatch(r"(\{.*\}) \+ (\{.*\}) \+ (.*)", source):
            return added(expression(m[1]), expression(m[2]), expression(m[3]))
        if source.startswith("{"):
            return [expression(part)[0] for part in reversed(source[1:-1].split(","))]
        if source.startswith("~"):
            return [word(source[1:].strip())[0] ^ every]
        if m := re.fullmatch(r"1'b([01])", source):
            return [every if m[1] == "1" else 0]
        if "#(" in source:
            return [cell(source)]
        return word(source)

    def added(a: list[int], b: list[int], carry: list[int]) -> list[int]:
        total, into = [], carry[0]
        for k in range(max(len(a), len(b)) + 2):
            p, q = (w[k] if k < len(w) else 0 for w in (a, b))
            total.append(p ^ q ^ into)
            into = (p & q) | (into & (p | q))
        return total

    def cell(source: str) -> int:
        table = re.search(r"'h([0-9a-f]+)", source)
        assert table is not None
        pins = dict(re.findall(r"\.(I\d|[A-D]) ?\( ?([^()]*?) ?\)", source))
        names = sorted(pins)
        values = [expression(pins[name])[0] for name in names]
        result = 0
        for i in range(1 << len(values)):
            if int(table[1], 16) >> i & 1:
                term = every
                for j, value in enumerate(values):
                    term &= value if i >> j & 1 else value ^ every
                result |= term
        return result

    demand(sorted(outputs) == list(range(len(outputs))), "an output bit has no driver")
    return [expression(outputs[k])[0] for k in range(len(outputs))]
