"""Pre-mapped Verilog, line by line: cells, selections between halves of wide tables, adders, registers, outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from threshc.hdl.proof.bits import Unproved, apply, variables

_NET = r"n(\d+(?:_[01])*)"
_CELL = re.compile(
    rf"  (?:SB_LUT4|LUT[1-6]) #\(\.(?:LUT_)?INIT\(\d+'h([0-9a-f]+)\)\) l\d+(?:_[01])* \((.*), \.[OZ]\({_NET}\)\);"
)
_PIN = re.compile(r"\.(?:I\d|[ABCD])\((?:n(\d+)|1'b0)\)")
_SELECT = re.compile(rf"  assign {_NET} = n(\d+) \? n\1_1 : n\1_0;")
_ADDER = re.compile(r"  wire \[(\d+):0\] (s\d+) = \{(.*)\} \+ \{(.*)\} \+ (~?n\d+|1'b[01]);")
_REGISTER = re.compile(r"  always @\(posedge clk\) if \(enable\) (r\d+) <= \{(.*)\};")
_TAP = re.compile(r"  wire n(\d+) = ([rs]\d+)\[(\d+)\];")
_INPUT = re.compile(r"  wire n(\d+) = i_payload\[(\d+)\];")
_OUTPUT = re.compile(r"  assign last\[(\d+):(\d+)\] = \{(.*)\};")
_ELSE = re.compile(
    r"module |  input |  output |\);|  reg \[\d+:0\] \w+;|  reg full, free;|  wire n\d+;|  wire enable;"
    r"|  wire n\d+(_[01])+, n\d+(_[01])+;|  wire \[\d+:0\] last;"
    r"|  assign enable = |  assign i_ready = enable;|  assign o_valid = "
    r"|  assign o_payload = (full \? held : )?last;$"
    r"|  always @\(posedge clk\) (if \(rst\) (valid|full|free) |if \(enable\) held <= last;$)|endmodule"
)


class Adder(NamedTuple):
    """The nodes of the sum's bits, lowest first, and the literals of nets that are added: two words and a carry."""

    bits: list[int]
    a: list[int]
    b: list[int]
    carry: int


class Text(NamedTuple):
    """cells: by node, the nodes of the operands' nets and the table; registers: by node, what they sample; adders: by
    their first node; outputs: literals of nets."""

    cells: dict[int, tuple[list[int], int]]
    registers: dict[int, int]
    adders: dict[int, Adder]
    outputs: list[int]


def read_text(text: str) -> Text:
    """What a module says. Raises Unproved for lines of any other kind."""
    halves: dict[str, tuple[list[int], int]] = {}
    selects: dict[str, int] = {}
    words: dict[str, list[int]] = {}
    sums: dict[str, tuple[int, list[int], list[int], int]] = {}
    taps: dict[int, tuple[str, int]] = {}
    outputs: dict[int, list[int]] = {}
    for line in text.splitlines():
        if match := _CELL.fullmatch(line):
            halves[match[3]] = [int(p or 0) for p in _PIN.findall(match[2])], int(match[1], 16)
        elif match := _REGISTER.fullmatch(line):
            words[match[1]] = [int(n[1:]) for n in reversed(match[2].split(", "))]
        elif match := _ADDER.fullmatch(line):
            sums[match[2]] = int(match[1]) + 1, _lits(match[3]), _lits(match[4]), _lit(match[5])
        elif match := _TAP.fullmatch(line):
            taps[int(match[1])] = match[2], int(match[3])
        elif match := _SELECT.fullmatch(line):
            selects[match[1]] = int(match[2])
        elif match := _INPUT.fullmatch(line):
            if int(match[1]) != int(match[2]) + 1:
                raise Unproved(f"input net n{match[1]} is connected to another input")
        elif match := _OUTPUT.fullmatch(line):
            outputs[int(match[2])] = _lits(match[3])
        elif not _ELSE.match(line):
            raise Unproved(f"the text has a line that is no table and no register: {line.strip()[:60]}")
    sources = {node: words[name][k] for node, (name, k) in taps.items() if name[0] == "r"}
    cells = {int(name): _table(name, halves, selects) for name in (*halves, *selects) if "_" not in name}
    adders = dict(_adders(sums, taps))
    return Text(cells, sources, adders, [lit for start in sorted(outputs) for lit in outputs[start]])


def _table(name: str, halves: dict[str, tuple[list[int], int]], selects: dict[str, int]) -> tuple[list[int], int]:
    """A net as one table, of two halves where it is selected from them."""
    if name not in selects:
        if name not in halves:
            raise Unproved(f"net n{name} has no driver")
        return halves[name]
    if name in halves:
        raise Unproved(f"net n{name} has two drivers")
    parts = [_table(f"{name}_{k}", halves, selects) for k in (0, 1)]
    nets = sorted({selects[name], *parts[0][0], *parts[1][0]})
    every, patterns = variables(len(nets))
    value = dict(zip(nets, patterns, strict=True)) | {0: 0}
    zero, one = (apply(table, [value[x] for x in operands], every) for operands, table in parts)
    return nets, (one & value[selects[name]]) | (zero & ~value[selects[name]])


def _adders(
    sums: dict[str, tuple[int, list[int], list[int], int]], taps: dict[int, tuple[str, int]]
) -> Iterator[tuple[int, Adder]]:
    for name, (width, a, b, carry) in sums.items():
        bits = {k: node for node, (word, k) in taps.items() if word == name}
        if sorted(bits) != list(range(width)):
            raise Unproved(f"adder {name} has bits without a net")
        nodes = [bits[k] for k in range(width)]
        yield min(nodes), Adder(nodes, a, b, carry)


def _lits(words: str) -> list[int]:
    return [_lit(word) for word in reversed(words.split(", "))]


def _lit(word: str) -> int:
    if word.startswith("1'b"):
        return int(word[3:])
    return 2 * int(word.lstrip("~n")) + word.startswith("~")
