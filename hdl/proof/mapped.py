"""Pre-mapped Verilog against a certificate, cell by cell: the very text that synthesis reads."""

from __future__ import annotations

import re

from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.proof.dontcare import implemented
from threshc.hdl.proof.netlist import normal

_CELL = re.compile(r"  (?:SB_LUT4|LUT[1-6]) #\(\.(?:LUT_)?INIT\(\d+'h([0-9a-f]+)\)\) l\d+ \((.*), \.[OZ]\(n(\d+)\)\);")
_PIN = re.compile(r"\.(?:I\d|[ABCD])\((?:n(\d+)|1'b0)\)")
_REGISTER = re.compile(r"  always @\(posedge clk\) if \(enable\) (r\d+) <= \{(.*)\};")
_TAP = re.compile(r"  wire n(\d+) = (r\d+)\[(\d+)\];")
_INPUT = re.compile(r"  wire n(\d+) = i_payload\[(\d+)\];")
_OUTPUT = re.compile(r"  assign last\[(\d+):(\d+)\] = \{(.*)\};")
_ELSE = re.compile(
    r"module |  input |  output |\);|  reg \[\d+:0\] \w+;|  reg full, free;|  wire n\d+;|  wire enable;"
    r"|  wire \[\d+:0\] last;|  assign enable = |  assign i_ready = enable;|  assign o_valid = "
    r"|  assign o_payload = (full \? held : )?last;$"
    r"|  always @\(posedge clk\) (if \(rst\) (valid|full|free) |if \(enable\) held <= last;$)|endmodule"
)


def check_mapped(certificate: Certificate, text: str) -> int:
    """The number of cells of a mapped text, each of which computes its node of the certificate, or the node's inverse.

    Only tables and registers are read; raises Unproved for anything else (adders, tables beyond the family's).
    """
    nodes = _Nodes(certificate)
    cells, sources, outputs = _read(text)
    delays = {q: d for q, d in certificate.registers}  # noqa: C416 - lists, not pairs
    inverse = dict.fromkeys(range(certificate.inputs + 1), 0)
    for node in sorted({*cells, *sources}):
        if node in sources:
            flip = nodes.flip(delays.get(node, -1), sources[node])
            if flip is None or sources[node] not in inverse:
                raise Unproved(f"register n{node} samples n{sources[node]}, the certificate says otherwise")
            inverse[node] = inverse[sources[node]] ^ flip
            continue
        inverse[node] = _cell(nodes, node, *cells[node], inverse)
    if any(lit >> 1 not in inverse for lit in outputs):
        raise Unproved("an output of the text has no driver")
    got = [lit if lit < 2 else lit ^ inverse[lit >> 1] for lit in outputs]
    if len(got) != len(certificate.outputs) or not all(map(nodes.same, got, certificate.outputs)):
        raise Unproved("the outputs of the text are others than the certificate's")
    return len(cells)


class _Nodes:
    """The nodes of a certificate as it is emitted. literal[n]: what node n is in `circuit`, behind its registers."""

    def __init__(self, certificate: Certificate) -> None:
        made = implemented(certificate)
        self.stage, self.latency = made.stage, certificate.latency
        self.circuit, self.literal = made, {n: 2 * alias for n, alias in made.alias.items()}
        self._plain = not certificate.replaced
        if certificate.replaced:  # nodes may be others now: constants folded, equal ones the same
            self.circuit, self.literal = normal(made)

    def flip(self, want: int, got: int) -> int | None:
        """1 where node `got` is the inverse of node `want`, 0 where they are equal, else None."""
        if want == got or self._plain or not {want, got} <= self.literal.keys():
            return 0 if want == got else None
        difference = self.literal[want] ^ self.literal[got]
        return difference if difference < 2 and self.stage[want] == self.stage[got] else None

    def same(self, got: int, want: int) -> bool:
        """Whether an output of the text is one of the certificate: literals of nodes."""
        if self._plain or got == want:
            return got == want
        values = [self.literal[lit >> 1] ^ (lit & 1) for lit in (got, want)]
        return values[0] == values[1] and (got < 2 or self.stage[got >> 1] == self.latency)


def _cell(nodes: _Nodes, node: int, operands: list[int], table: int, inverse: dict[int, int]) -> int:
    """1 where the cell's net carries the inverse of the node, else 0."""
    if any(x not in inverse for x in operands):
        raise Unproved(f"cell n{node} reads a net that has no driver before it")
    if len({nodes.stage[x] for x in (*operands, node) if x}) > 1:
        raise Unproved(f"cell n{node} mixes bits of different samples")
    lits = [nodes.literal[x] ^ inverse[x] for x in operands]
    leaves = sorted({lit >> 1 for lit in lits} - {0})
    want = nodes.circuit.evaluate((nodes.literal[node],), leaves)[0]
    got = 0
    for i in range(1 << len(leaves)):
        value = {n: i >> k & 1 for k, n in enumerate(leaves)} | {0: 0}
        at = sum((value[lit >> 1] ^ (lit & 1)) << j for j, lit in enumerate(lits))
        got |= (table >> at & 1) << i
    every = (1 << (1 << len(leaves))) - 1
    if got not in (want, want ^ every):
        raise Unproved(f"cell n{node} computes something else than its node")
    return int(got != want)


def _read(text: str) -> tuple[dict[int, tuple[list[int], int]], dict[int, int], list[int]]:
    """(cells by node: operands and table; registers by node: what they sample; output literals)."""
    cells: dict[int, tuple[list[int], int]] = {}
    words: dict[str, list[int]] = {}
    taps: dict[int, tuple[str, int]] = {}
    outputs: dict[int, list[int]] = {}
    for line in text.splitlines():
        if match := _CELL.fullmatch(line):
            cells[int(match[3])] = [int(p or 0) for p in _PIN.findall(match[2])], int(match[1], 16)
        elif match := _REGISTER.fullmatch(line):
            words[match[1]] = [int(n[1:]) for n in reversed(match[2].split(", "))]
        elif match := _TAP.fullmatch(line):
            taps[int(match[1])] = match[2], int(match[3])
        elif match := _INPUT.fullmatch(line):
            if int(match[1]) != int(match[2]) + 1:
                raise Unproved(f"input net n{match[1]} is connected to another input")
        elif match := _OUTPUT.fullmatch(line):
            outputs[int(match[2])] = [_lit(word) for word in reversed(match[3].split(", "))]
        elif not _ELSE.match(line):
            raise Unproved(f"the text has a line that is no table and no register: {line.strip()[:60]}")
    sources = {node: words[name][k] for node, (name, k) in taps.items()}
    return cells, sources, [lit for start in sorted(outputs) for lit in outputs[start]]


def _lit(word: str) -> int:
    if word.startswith("1'b"):
        return int(word[3:])
    return 2 * int(word.lstrip("~n")) + word.startswith("~")
