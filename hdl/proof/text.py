"""Pre-mapped Verilog, line by line: cells, selections between halves of wide tables, adders, registers, outputs.

A line is one of the forms below, whole, or the text is refused: there are no comments, attributes, parameters,
`assign`s or blocks of any other kind, every name is declared once and driven once, and pins are read by their names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from threshc.hdl.proof.bits import Unproved, apply, variables
from threshc.hdl.proof.cells import PINS, init_of
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.proof.frame import frames

_K = "(?:0|[1-9][0-9]{0,8})"
_N = r"n[1-9][0-9]{0,9}"
_HALF = rf"{_N}(?:_[01]){{0,6}}"
_LIT = rf"(?:~?{_N}|1'b[01])"
_INPUT = re.compile(rf"  wire ({_N}) = i_payload\[({_K})\];")
_REG = re.compile(rf"  reg \[({_K}):0\] (r[1-9][0-9]*);")
_TAP = re.compile(rf"  wire ({_N}) = ([rs][1-9][0-9]*)\[({_K})\];")
_SAMPLE = re.compile(rf"  always @\(posedge clk\) if \(enable\) (r[1-9][0-9]*) <= \{{({_N}(?:, {_N})*)\}};")
_ADDER = re.compile(
    rf"  wire \[({_K}):0\] (s[1-9][0-9]*) = \{{({_LIT}(?:, {_LIT})*)\}} \+ \{{({_LIT}(?:, {_LIT})*)\}}"
    rf" \+ ({_N}|\{{~{_N}\}}|1'b[01]);"
)
_WIRES = re.compile(rf"  wire ({_HALF}(?:, {_HALF})*);")
_CELL = re.compile(r"  ([A-Z0-9_]+) #\(\.([A-Z_]+)\(([0-9]{1,3})'h([0-9a-f]+)\)\) (l[1-9][0-9]*(?:_[01])*) \((.*)\);")
_PIN = re.compile(rf"\.([A-Z][0-9]?)\(({_HALF}|1'b0)\)")
_SELECT = re.compile(rf"  assign ({_HALF}) = ({_N}) \? ({_HALF}) : ({_HALF});")
_LAST = re.compile(rf"  assign last\[({_K}):({_K})\] = \{{({_LIT}(?:, {_LIT})*)\}};")


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


def read_text(text: str, certificate: Certificate) -> Text:
    """Returns what a module says, of the certificate's name, ports and latency. Raises Unproved for any other text."""
    head = next((h for h in frames(certificate) if text.startswith(h)), None)
    if head is None:
        raise Unproved("the text does not begin with the module, ports and handshake of the certificate")
    if not text.endswith("\nendmodule\n"):
        raise Unproved("the text does not end with its only module")
    reader = _Reader(certificate.inputs)
    for line in text[len(head) : -len("endmodule\n")].split("\n")[:-1]:
        reader.line(line)
    return reader.text(len(certificate.outputs))


class _Reader:
    """Every line read so far. driven: nets with a driver; declared: names; read: nets that something reads."""

    def __init__(self, inputs: int) -> None:
        self._inputs = inputs
        self._declared: set[str] = set()
        self._driven: set[str] = set()
        self._read: set[str] = set()
        self._kinds: set[str] = set()
        self._tables: dict[str, tuple[list[int], int]] = {}
        self._selects: dict[str, int] = {}
        self._widths: dict[str, int] = {}
        self._words: dict[str, list[int]] = {}
        self._sums: dict[str, tuple[list[int], list[int], int]] = {}
        self._taps: dict[str, tuple[str, int]] = {}
        self._outputs: dict[int, list[int]] = {}
        self._forms: tuple[tuple[re.Pattern[str], Callable[..., None]], ...] = (
            (_CELL, self._cell),
            (_WIRES, self._wires),
            (_TAP, self._tap),
            (_INPUT, self._input),
            (_REG, self._reg),
            (_SAMPLE, self._sample),
            (_ADDER, self._adder),
            (_SELECT, self._select),
            (_LAST, self._last),
        )

    def line(self, line: str) -> None:
        for form, reader in self._forms:
            if match := form.fullmatch(line):
                reader(*match.groups())
                return
        raise Unproved(f"the text has a line of no known kind: {line.strip()[:60]!a}")

    def _declare(self, name: str) -> None:
        if name in self._declared:
            raise Unproved(f"{name} is declared twice")
        self._declared.add(name)

    def _drive(self, name: str) -> None:
        if name in self._driven:
            raise Unproved(f"net {name} has two drivers")
        self._driven.add(name)

    def _lits(self, words: str) -> list[int]:
        return [self._lit(word) for word in reversed(words.split(", "))]

    def _lit(self, word: str) -> int:
        if word.startswith("1'b"):
            return int(word[3:])
        net = word.strip("{~}")
        self._read.add(net)
        return 2 * int(net[1:]) + ("~" in word)

    def _input(self, net: str, bit: str) -> None:
        if int(net[1:]) != int(bit) + 1 or int(bit) >= self._inputs:
            raise Unproved(f"input net {net} is connected to another input")
        self._declare(net)
        self._drive(net)

    def _reg(self, high: str, name: str) -> None:
        self._declare(name)
        self._widths[name] = int(high) + 1

    def _sample(self, name: str, word: str) -> None:
        self._drive(name)
        self._words[name] = [lit >> 1 for lit in self._lits(word)]

    def _adder(self, high: str, name: str, a: str, b: str, carry: str) -> None:
        self._declare(name)
        self._drive(name)
        self._widths[name] = int(high) + 1
        self._sums[name] = self._lits(a), self._lits(b), self._lit(carry)

    def _tap(self, net: str, word: str, bit: str) -> None:
        self._declare(net)
        self._drive(net)
        self._taps[net] = word, int(bit)

    def _wires(self, names: str) -> None:
        for name in names.split(", "):
            self._declare(name)

    def _cell(self, kind: str, parameter: str, size: str, digits: str, name: str, pins: str) -> None:
        given = [_PIN.fullmatch(pin) for pin in pins.split(", ")]
        nets = {pin[1]: pin[2] for pin in given if pin}
        family, wanted, output = PINS.get((kind, parameter, frozenset(nets)), ("", (), ""))
        if not family or None in given or len(nets) < len(given) or not nets[output].startswith("n"):
            raise Unproved(f"cell {name} does not have the pins and parameters of {kind}")
        self._kinds.add(family)
        if len(self._kinds) > 1:
            raise Unproved(f"cell {name} is of another family than those before")
        table = init_of(int(size), digits, len(wanted))
        if table is None:
            raise Unproved(f"the table of cell {name} has not the bits of a {kind}")
        operands = []
        for pin in wanted:
            if "_" in nets[pin]:
                raise Unproved(f"cell {name} reads half of a table")
            operands.append(0 if nets[pin] == "1'b0" else self._lit(nets[pin]) >> 1)
        self._declare(name)
        self._drive(nets[output])
        self._tables[nets[output]] = operands, table

    def _select(self, net: str, chooses: str, one: str, zero: str) -> None:
        if (one, zero) != (f"{net}_1", f"{net}_0"):
            raise Unproved(f"net {net} is selected from nets that are not its halves")
        self._drive(net)
        self._selects[net] = self._lit(chooses) >> 1
        self._read |= {one, zero}

    def _last(self, high: str, low: str, word: str) -> None:
        bits = self._lits(word)
        if int(low) in self._outputs or int(high) - int(low) + 1 != len(bits):
            raise Unproved(f"output bits {high} to {low} are driven twice, or by another number of bits")
        self._outputs[int(low)] = bits

    def text(self, outputs: int) -> Text:
        """Returns all lines together. Raises Unproved for names without a declaration or a driver."""
        names = {name for name in self._declared if name[0] != "l"}
        for name in sorted(names ^ self._driven) or sorted(self._read - self._driven):
            raise Unproved(f"{name} is not declared, or not driven")
        last: list[int] = []
        for low in sorted(self._outputs):
            if low != len(last):
                raise Unproved(f"output bit {len(last)} has no driver, or two")
            last += self._outputs[low]
        if len(last) != outputs:
            raise Unproved(f"{len(last)} output bits are driven, there are {outputs}")
        whole = [net for net in (*self._tables, *self._selects) if "_" not in net]
        cells = {int(net[1:]): self._table(net) for net in whole}
        return Text(cells, dict(self._registers()), dict(self._adders()), last)

    def _registers(self) -> Iterator[tuple[int, int]]:
        for name, word in self._words.items():
            if self._widths.get(name) != len(word):
                raise Unproved(f"register {name} samples another number of bits than it has")
        for net, (name, bit) in self._taps.items():
            if bit >= self._widths.get(name, 0):
                raise Unproved(f"net {net} is a bit that {name} has not")
            if name in self._words:
                yield int(net[1:]), self._words[name][bit]

    def _adders(self) -> Iterator[tuple[int, Adder]]:
        bits: dict[str, dict[int, int]] = {name: {} for name in self._sums}
        uses = Counter((name, bit) for name, bit in self._taps.values() if name in bits)
        for net, (name, bit) in self._taps.items():
            if name in bits:
                bits[name][bit] = int(net[1:])
        for name, (a, b, carry) in self._sums.items():
            if sorted(bits[name]) != list(range(len(bits[name]))) or len(bits[name]) != self._widths[name]:
                raise Unproved(f"adder {name} has bits without a net")
            if any(uses[name, k] > 1 for k in bits[name]):
                raise Unproved(f"adder {name} has a bit with two nets")
            nodes = [bits[name][k] for k in range(len(bits[name]))]
            yield min(nodes), Adder(nodes, a, b, carry)

    def _table(self, net: str) -> tuple[list[int], int]:
        """A net as one table, of two halves where it is selected from them."""
        if net not in self._selects:
            if net not in self._tables:
                raise Unproved(f"net {net} is not driven by a table")
            return self._tables[net]
        parts = [self._table(f"{net}_{k}") for k in (0, 1)]
        nets = sorted({self._selects[net], *parts[0][0], *parts[1][0]})
        if len(nets) > 7:
            raise Unproved(f"net {net} is a table of too many inputs")
        every, patterns = variables(len(nets))
        value = dict(zip(nets, patterns, strict=True)) | {0: 0}
        zero, one = (apply(table, [value[x] for x in operands], every) for operands, table in parts)
        select = value[self._selects[net]]
        return nets, (one & select) | (zero & ~select)
