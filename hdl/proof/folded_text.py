"""The Verilog of a folded layer's arithmetic, line by line: tables or cells of a family, registers, outputs.

A line is one of the forms below, whole, or the text is refused. Nets are declared once and driven once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.cells import PINS, init_of

_K = "(0|[1-9][0-9]{0,6})"
_NET = r"n[1-9][0-9]{0,8}_(?:0|[1-9][0-9]{0,3})"
_PORT = re.compile(rf"(input|output) wire \[{_K}:0\] ([a-z]+)")
_HEAD = re.compile(r"module ([A-Za-z_][A-Za-z0-9_$]*)\(\n  input wire clk, (.*),\n  (output .*)\n\);")
_BIT = re.compile(rf"  wire ({_NET}) = ([a-z]+)\[{_K}\];")
_TAP = re.compile(rf"  wire ({_NET}) = (r{_K})\[{_K}\];")
_WIRE = re.compile(rf"  wire ({_NET});")
_REG = re.compile(rf"  reg \[{_K}:0\] (r{_K});")
_SAMPLE = re.compile(rf"  always @\(posedge clk\) (r{_K}) <= \{{({_NET}(?:, {_NET})*)\}};")
_TABLE = re.compile(
    rf"  wire \[{_K}:0\] (l[1-9][0-9]*) = ([0-9]+)'h([0-9a-f]+); "
    rf"assign ({_NET}) = (l[1-9][0-9]*)\[\{{?({_NET}(?:, {_NET})*)\}}?\];"
)
_CELL = re.compile(r"  ([A-Z0-9_]+) #\(\.([A-Z_]+)\(([0-9]{1,3})'h([0-9a-f]+)\)\) (l[1-9][0-9]*) \((.*)\);")
_TWO = re.compile(
    rf"  LUT6_2 #\(\.INIT\(64'h([0-9a-f]{{1,16}})\)\) (l[1-9][0-9]*) \((.*), \.I5\(1'b1\), "
    rf"\.O6\(({_NET})\), \.O5\(({_NET})\)\);"
)
_CHAIN = re.compile(
    r"  wire \[3:0\] (k[1-9][0-9]{0,8})_o, \1_c; CARRY4 \1 \(\.CI\(1'b0\), "
    rf"\.CYINIT\(({_NET})\), \.DI\(\{{2'b00, ({_NET}), ({_NET})\}}\), \.S\(\{{2'b00, ({_NET}), ({_NET})\}}\), "
    rf"\.O\(\1_o\), \.CO\(\1_c\)\); assign ({_NET}) = \1_o\[0\]; assign ({_NET}) = \1_o\[1\]; "
    rf"assign ({_NET}) = \1_c\[1\];"
)
_PLACES = ((2, 0x6), (4, 0x27D8), (5, 0xD8FFD800))
"""Of a carry chain's sums and its carry, how many of (select, carry in, data, next select, next data) each reads, and
its table: a sum is select ^ carry, the carry behind a place is the one into it where its select is 1, else its data."""
_PIN = re.compile(rf"\.([A-Z][0-9]?)\(({_NET}|1'b0)\)")
_OUT = re.compile(r"  assign ([a-z]+) = \{(.*)\};")
_LIT = re.compile(rf"(~?)({_NET})|1'b([01])")


@dataclass(slots=True)
class Pipeline:
    """A module as it is written. inputs: ports and their widths; ports: net to port and bit; cells: net to the nets
    that its table reads, "" for a constant 0, and the table; registers: net to the net that it samples; outputs: nets,
    "" for a constant, and whether they are inverted, lowest bit first."""

    name: str
    inputs: dict[str, int] = field(default_factory=dict)
    ports: dict[str, tuple[str, int]] = field(default_factory=dict)
    cells: dict[str, tuple[list[str], int]] = field(default_factory=dict)
    registers: dict[str, str] = field(default_factory=dict)
    outputs: list[tuple[str, int]] = field(default_factory=list)


def read_pipeline(text: str) -> Pipeline:
    """Returns what a module of a folded layer's arithmetic says. Raises Unproved for any other text."""
    head = _HEAD.match(text)
    if head is None or not text.endswith("\nendmodule\n"):
        raise Unproved("the text is not one module with a clock, inputs and an output")
    ports = [_PORT.fullmatch(port) for port in (*head[2].split(", "), head[3])]
    kinds = [port and port[1] for port in ports]
    if kinds != ["input"] * (len(ports) - 1) + ["output"]:
        raise Unproved(f"the ports of {head[1]} are not inputs and one output")
    reader = _Reader(head[1], [(port[3], int(port[2]) + 1) for port in ports if port])
    for line in text[head.end() + 1 : -len("endmodule\n")].split("\n")[:-1]:
        reader.line(line)
    return reader.made()


class _Reader:
    """Every line read so far."""

    def __init__(self, name: str, ports: list[tuple[str, int]]) -> None:
        self._output, self._width = ports.pop()
        self._made = Pipeline(name, dict(ports))
        self._declared: set[str] = set()
        self._taps: dict[str, tuple[str, int]] = {}
        self._words: dict[str, list[str]] = {}
        self._widths: dict[str, int] = {}
        if len(self._made.inputs) < len(ports):
            raise Unproved(f"{name} has two ports of one name")

    def line(self, line: str) -> None:
        made = self._made
        if found := _BIT.fullmatch(line):
            self._declare(found[1])
            made.ports[found[1]] = found[2], int(found[3])
            if int(found[3]) >= made.inputs.get(found[2], 0):
                raise Unproved(f"net {found[1]} is a bit that no port has")
        elif found := _TAP.fullmatch(line):
            self._declare(found[1])
            self._taps[found[1]] = found[2], int(found[4])
        elif found := _WIRE.fullmatch(line):
            self._declare(found[1])
        elif found := _REG.fullmatch(line):
            self._declare(found[2])
            self._widths[found[2]] = int(found[1]) + 1
        elif found := _SAMPLE.fullmatch(line):
            if found[1] in self._words:
                raise Unproved(f"register {found[1]} samples twice")
            self._words[found[1]] = found[3].split(", ")[::-1]
        elif found := _TABLE.fullmatch(line):
            nets = found[7].split(", ")[::-1]
            table = init_of(int(found[3]), found[4], len(nets))
            if table is None or int(found[1]) + 1 != int(found[3]) or found[2] != found[6]:
                raise Unproved(f"table {found[2]} has not the bits of its inputs")
            self._declare(found[2])
            self._cell(found[5], nets, table)
        elif found := _TWO.fullmatch(line):
            self._declare(found[2])
            self._two(found[2], int(found[1], 16), found[3], (found[5], found[4]))
        elif found := _CHAIN.fullmatch(line):
            self._chain(*found.groups())
        elif found := _CELL.fullmatch(line):
            self._declare(found[5])
            self._family_cell(*found.groups())
        elif (found := _OUT.fullmatch(line)) and found[1] == self._output and not made.outputs:
            made.outputs += [self._literal(word) for word in found[2].split(", ")[::-1]]
        else:
            raise Unproved(f"the text has a line of no known kind: {line.strip()[:60]!a}")

    def _declare(self, name: str) -> None:
        if name in self._declared:
            raise Unproved(f"{name} is declared twice")
        self._declared.add(name)

    def _literal(self, word: str) -> tuple[str, int]:
        found = _LIT.fullmatch(word)
        if found is None:
            raise Unproved(f"the output reads {word[:60]!a}")
        return ("", int(found[3])) if found[3] else (found[2], int(bool(found[1])))

    def _cell(self, net: str, nets: list[str], table: int) -> None:
        if net in self._made.cells:
            raise Unproved(f"net {net} has two drivers")
        self._made.cells[net] = nets, table

    def _family_cell(self, kind: str, parameter: str, size: str, digits: str, name: str, pins: str) -> None:
        given = [_PIN.fullmatch(pin) for pin in pins.split(", ")]
        nets = {pin[1]: pin[2] for pin in given if pin}
        family, wanted, output = PINS.get((kind, parameter, frozenset(nets)), ("", (), ""))
        table = init_of(int(size), digits, len(wanted))
        if not family or None in given or len(nets) < len(given) or table is None or nets[output] == "1'b0":
            raise Unproved(f"cell {name} is not a {kind} with the pins and parameters of one")
        self._cell(nets[output], ["" if nets[pin] == "1'b0" else nets[pin] for pin in wanted], table)

    def _two(self, name: str, tables: int, pins: str, outputs: tuple[str, str]) -> None:
        """A table with two outputs: the lower half is the second's, over the same nets."""
        given = [_PIN.fullmatch(pin) for pin in pins.split(", ")]
        if [pin and pin[1] for pin in given] != [f"I{k}" for k in range(5)]:
            raise Unproved(f"cell {name} is not a LUT6_2 with the pins and parameters of one")
        nets = ["" if pin[2] == "1'b0" else pin[2] for pin in given if pin]
        for net, table in zip(outputs, (tables & 0xFFFFFFFF, tables >> 32), strict=True):
            self._cell(net, nets, table)

    def _chain(self, name: str, carry: str, e: str, d: str, t: str, s: str, *outputs: str) -> None:
        """Two places of a carry chain: sums, and the carry behind them."""
        self._declare(name)
        for net, (size, table) in zip(outputs, _PLACES, strict=True):
            self._cell(net, [s, carry, d, t, e][:size], table)

    def made(self) -> Pipeline:
        """Returns all lines together. Raises Unproved for nets without a declaration or a driver."""
        made = self._made
        for name, width in self._widths.items():
            if len(self._words.get(name, ())) != width:
                raise Unproved(f"register {name} samples another number of bits than it has")
        for net, (name, bit) in self._taps.items():
            if bit >= self._widths.get(name, 0):
                raise Unproved(f"net {net} is a bit that {name} has not")
            made.registers[net] = self._words[name][bit]
        driven = {*made.ports, *made.registers, *made.cells}
        declared = {name for name in self._declared if name[0] == "n"}
        if len(driven) < len(made.ports) + len(made.registers) + len(made.cells) or driven != declared:
            raise Unproved(f"{made.name} has nets that are not driven once, or not declared")
        if len(made.outputs) != self._width:
            raise Unproved(f"the output of {made.name} has another number of bits than its port")
        return made
