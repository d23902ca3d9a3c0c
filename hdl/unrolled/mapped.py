"""A design as one flat module of pre-mapped cells: the same ports, streams and latency as the portable Verilog.

Pre-mapped cells spare Yosys its own mapping, which takes minutes and is larger (docs/research/netlists.md).
"""

from __future__ import annotations

from collections.abc import Callable

from threshc.hdl.families.base import Family
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.logic.circuit import Adder, Circuit
from threshc.hdl.logic.mapping import MappedCells, flipped, merged, trimmed
from threshc.hdl.logic.tables import cofactors
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.dontcare.design import circuit_of

_LANES = 64

_HEAD = """\
module {name} (
  input wire clk, input wire rst,
  input wire [{i}:0] i_payload, input wire i_valid, output wire i_ready,
  output wire [{o}:0] o_payload, output wire o_valid, input wire o_ready
);
  reg [{v}:0] valid;
  wire enable;
  wire [{o}:0] last;
  assign i_ready = enable;
  always @(posedge clk) if (rst) valid <= 0; else if (enable) valid <= {shift};"""
_PLAIN = """\
  assign enable = ~valid[{v}] | o_ready;
  assign o_valid = valid[{v}];
  assign o_payload = last;"""
_BUFFERED = """\
  reg full, free;
  reg [{o}:0] held;
  assign enable = free;
  assign o_valid = full | valid[{v}];
  assign o_payload = full ? held : last;
  always @(posedge clk) if (rst) full <= 0; else full <= o_valid & ~o_ready;
  always @(posedge clk) if (rst) free <= 1; else free <= ~o_valid | o_ready;
  always @(posedge clk) if (enable) held <= last;"""
"""See `threshc.hdl.unrolled.emit.Pipeline`."""


def mapped_verilog(design: Design, family: str) -> str:
    """Returns the module of `portable_verilog` as cells of a device family (`threshc.hdl.families`): for synthesis, not
    for reading. Raises CompileError for an unknown family."""
    chosen = find_family(family)
    circuit = trimmed(circuit_of(design))
    cells, flips = flipped(circuit, merged(circuit, chosen.inputs))
    return text_of(circuit, cells, flips, chosen, design)


def text_of(circuit: Circuit, cells: MappedCells, flips: set[int], family: Family, design: Design) -> str:
    """Returns the module, one cell a line. flips: nodes whose net carries the inverse."""

    def name(lit: int) -> str:
        return f"1'b{lit}" if lit < 2 else f"~n{lit >> 1}" if (lit & 1) ^ (lit >> 1 in flips) else f"n{lit >> 1}"

    interface = design.interface
    (pipeline,) = interface.timing.pipelines
    last = pipeline.latency - 1
    shift = f"{{valid[{last - 1}:0], i_valid}}" if last else "i_valid"
    end = (_BUFFERED if pipeline.buffered else _PLAIN).format(v=last, o=interface.output.width - 1)
    ports = {"name": interface.name, "i": interface.input.width - 1, "o": interface.output.width - 1}
    lines = [f"{_HEAD.format(**ports, v=last, shift=shift)}\n{end}"]
    used = {x for operands, _ in cells.values() for x in operands}
    used |= {lit >> 1 for lit in circuit.outputs} | set(circuit.registers.values())
    used |= {lit >> 1 for a in circuit.adders for lit in (*a.a, *a.b, a.carry)}
    lines += [f"  wire n{k} = i_payload[{k - 1}];" for k in range(1, interface.input.width + 1) if k in used]
    registers = list(circuit.registers.items())
    for start in range(0, len(registers), _LANES):
        lines += _registers(registers[start : start + _LANES])
    lines += [line for a in circuit.adders for line in _adder(a, name)]
    lines += [f"  wire n{node};" for node in cells]
    for node, (operands, table) in cells.items():
        nets = tuple(f"n{x}" for x in operands)
        lines += _split(family, f"l{node}", table, nets, f"n{node}")
    for start in range(0, len(circuit.outputs), _LANES):
        part = circuit.outputs[start : start + _LANES]
        word = ", ".join(map(name, reversed(part)))
        lines.append(f"  assign last[{start + len(part) - 1}:{start}] = {{{word}}};")
    return "\n".join([*lines, "endmodule\n"])


def _registers(pairs: list[tuple[int, int]]) -> list[str]:
    name = f"r{pairs[0][0]}"
    word = ", ".join(f"n{d}" for _, d in reversed(pairs))
    return [
        f"  reg [{len(pairs) - 1}:0] {name};",
        *(f"  wire n{q} = {name}[{k}];" for k, (q, _) in enumerate(pairs)),
        f"  always @(posedge clk) if (enable) {name} <= {{{word}}};",
    ]


def _adder(adder: Adder, net: Callable[[int], str]) -> list[str]:
    name = f"s{adder.bits[0]}"
    a, b = (", ".join(map(net, reversed(word))) for word in (adder.a, adder.b))
    carry = net(adder.carry)
    if carry.startswith("~"):
        carry = f"{{{carry}}}"  # bare, it would be extended to the width of the sum before it is inverted
    return [
        f"  wire [{len(adder.bits) - 1}:0] {name} = {{{a}}} + {{{b}}} + {carry};",
        *(f"  wire n{bit} = {name}[{k}];" for k, bit in enumerate(adder.bits)),
    ]


def _split(family: Family, name: str, table: int, nets: tuple[str, ...], output: str) -> list[str]:
    """A table wider than the family's as two halves and a multiplexer that synthesis maps."""
    if len(nets) <= family.inputs:
        return ["  " + family.cell(name, table, nets, output)]
    low, high = cofactors(table, len(nets) - 1, len(nets))
    lines = [f"  wire {output}_0, {output}_1;"]
    for half, truth in ((0, low), (1, high)):
        lines += _split(family, f"{name}_{half}", truth, nets[:-1], f"{output}_{half}")
    return [*lines, f"  assign {output} = {nets[-1]} ? {output}_1 : {output}_0;"]
