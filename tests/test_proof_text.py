"""Pre-mapped text with something in it that no emitted text has: refused, whatever a tool would make of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import networks
import numpy as np
import pytest

from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.proof.mapped import check_mapped
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.mapped import mapped_verilog


@lru_cache
def made(family: str = "ice40", pipeline: str | int = 3) -> tuple[Certificate, str]:
    """Cells, adders, registers and halves of wide tables in one text."""
    network = networks.random_dense(np.random.default_rng(30), (7, 6, 3, 4), "ternary", "int4")
    neuron = "pairs" if family == "xilinx" else "tree"
    design = build_design(network, CircuitOptions(neuron=neuron, family=family, pipeline=pipeline))
    return certify(design), mapped_verilog(design, family)


def before_end(line: str) -> Callable[[str], str]:
    return lambda text: text.replace("\nendmodule\n", f"\n{line}\nendmodule\n")


def first(pattern: str, change: str) -> Callable[[str], str]:
    """The first match of a pattern, changed."""

    def edit(text: str) -> str:
        assert re.search(pattern, text, re.M), "the text has no such line"
        return re.sub(pattern, change, text, count=1, flags=re.M)

    return edit


CELL = r"(  SB_LUT4 #\(\.LUT_INIT\(16'h)([0-9a-f]{4})\)\) (l\d+) \(\.I0\((\w+)\), \.I1\((\w+)\), (.*)$"
FAMILY, SAMPLES = "of another family", "samples another number of bits"
PINS = "does not have the pins and parameters of SB_LUT4"
UNKNOWN, HEAD, TWICE = "a line of no known kind", "does not begin with the module", "is declared twice"

EDITS: dict[str, tuple[Callable[[str], str], str]] = {
    "another driver": (before_end("  assign n1 = 1'b0;"), UNKNOWN),
    "another driver of the outputs": (before_end("  assign last[0:0] = {1'b0};"), "bits 0 to 0 are driven twice"),
    "initial": (before_end("  initial r1 = 0;"), UNKNOWN),
    "always @*": (before_end("  always @* r1 = 0;"), UNKNOWN),
    "defparam": (before_end("  defparam l20.LUT_INIT = 16'h0000;"), UNKNOWN),
    "generate": (before_end("  generate endgenerate"), UNKNOWN),
    "parameter": (before_end("  parameter x = 1;"), UNKNOWN),
    "function": (before_end("  function f; input x; f = x; endfunction"), UNKNOWN),
    "force": (before_end("  initial force n20 = 0;"), UNKNOWN),
    "comment": (before_end("  // nothing"), UNKNOWN),
    "comment behind a line": (first(r"(  wire n\d+;)$", r"\1 // more"), UNKNOWN),
    "comment around a cell": (first(CELL, r"/*\g<0>*/"), UNKNOWN),
    "attribute": (first(CELL, r"(* keep *)\g<0>"), UNKNOWN),
    "directive": (before_end("`define n20 n21"), UNKNOWN),
    "timescale before the module": (lambda t: "`timescale 1ns/1ps\n" + t, HEAD),
    "another module behind": (lambda t: t + "module SB_LUT4(); endmodule\n", "does not end with its only module"),
    "another module within": (before_end("endmodule\nmodule x (\n"), UNKNOWN),
    "a model of the cell before": (lambda t: "module SB_LUT4(output O); endmodule\n" + t, HEAD),
    "escaped name": (first(r"  wire (n\d+);$", r"  wire \\\\\1 ;"), UNKNOWN),
    "leading zero": (first(r"\.I0\(n(\d+)\)", r".I0(n0\1)"), "have the pins and parameters of"),
    "digits of another script": (first(r"\.I0\(n(\d+)\)", ".I0(n\u0661)"), "have the pins and parameters of"),
    "two lines in one": (first(r"(  wire n\d+;)\n", r"\1"), UNKNOWN),
    "form feed for a line": (first(r"(  wire n\d+;)\n", "\\1\x0c"), UNKNOWN),
    "carriage return": (first(r"(  wire n\d+;)\n", "\\1\r\n"), UNKNOWN),
    "pins of another cell": (first(r"\.I0\(", ".A("), PINS),
    "a pin twice": (first(CELL, r"\g<1>\g<2>)) \g<3> (.I0(\4), .I0(\5), \6"), PINS),
    "a pin left out": (first(r"\.I3\(\S+\), ", ""), PINS),
    "a pin too many": (first(r"(\.O\(n\d+\))", r"\1, .I4(1'b0)"), PINS),
    "pins by place": (first(r"\.I0\((\S+)\)", r"\1"), PINS),
    "constant at the output": (first(r"\.O\(n\d+\)", ".O(1'b0)"), PINS),
    "another parameter": (first(r"LUT_INIT", "INIT"), PINS),
    "a parameter too many": (first(r"LUT_INIT\(", "X(1), .LUT_INIT("), UNKNOWN),
    "a narrow parameter": (first(r"16'h", "8'h"), "has not the bits of a SB_LUT4"),
    "a long parameter": (first(r"16'h", "16'h1"), "has not the bits of a SB_LUT4"),
    "a very long parameter": (first(r"16'h", "16'h" + "0" * 9999), "has not the bits of a SB_LUT4"),
    "an unknown digit": (first(r"16'h[0-9a-f]", "16'hx"), UNKNOWN),
    "decimal": (first(r"16'h[0-9a-f]{4}", "16'd1234"), UNKNOWN),
    "a cell of another family": (first(r"SB_LUT4 .* (l\d+) .*\.O", r"LUT1 #(.INIT(2'h1)) \1 (.I0(n1), .O"), FAMILY),
    "an unknown cell": (first(r"SB_LUT4", "SB_CARRY"), PINS.replace("LUT4", "CARRY")),
    "a name twice": (first(r"(  wire n\d+;\n)", r"\1\1"), TWICE),
    "an instance twice": (first(r"(\)\) )(l\d+)( \(.*\n.*\)\) )l\d+", r"\1\2\3\2"), TWICE),
    "a cell without a wire": (first(r"  wire n\d+;\n", ""), "is not declared, or not driven"),
    "a wire without a driver": (before_end("  wire n9999999;"), "n9999999 is not declared, or not driven"),
    "an undeclared net": (first(r"\.I0\(n\d+\)", ".I0(n9999999)"), "n9999999 is not declared, or not driven"),
    "two drivers": (first(r"(\.O\(n\d+\)\);\n.*\.O\()n\d+", r"\1n1"), "net n1 has two drivers"),
    "another input": (first(r"i_payload\[(\d+)\]", r"i_payload[1\1]"), "is connected to another input"),
    "an input beyond the port": (before_end("  wire n999 = i_payload[998];"), "connected to another input"),
    "a register of another width": (first(r"  reg \[(\d+):0\] r", r"  reg [1\1:0] r"), SAMPLES),
    "a bit that a register has not": (first(r"= (r\d+)\[0\];", r"= \1[99];"), "is a bit that r"),
    "a bit of no register": (first(r"= r(\d+)\[0\];", r"= r9\1[0];"), "is a bit that r"),
    "another clock edge": (first(r"posedge clk\) if \(enable\) r", "negedge clk) if (enable) r"), UNKNOWN),
    "without enable": (first(r"if \(enable\) (r\d+)", r"\1"), UNKNOWN),
    "blocking": (first(r"if \(enable\) (r\d+) <=", r"if (enable) \1 ="), UNKNOWN),
    "an adder of another width": (first(r"  wire \[\d:0\] s", "  wire [900000000:0] s"), "has bits without a net"),
    "an inverted carry, extended": (first(r"(\} \+ \{.*\} \+ ).*;", r"\1~n1;"), UNKNOWN),
    "an adder minus": (first(r"\} \+ \{", "} - {"), UNKNOWN),
    "a signed adder": (first(r"  wire (\[\d:0\] s)", r"  wire signed \1"), UNKNOWN),
    "an output less": (first(r"  assign last\[.*\n", ""), "output bits are driven, there are"),
    "outputs of another width": (first(r"  assign last\[(\d+):", r"  assign last[1\1:"), "by another number of bits"),
    "another name": (first("module ", "module x"), HEAD),
    "a wider port": (first(r"\[(\d+):0\] o_payload", r"[1\1:0] o_payload"), HEAD),
    "another latency": (first(r"reg \[(\d+):0\] valid", r"reg [1\1:0] valid"), HEAD),
    "always ready": (first("assign i_ready = enable", "assign i_ready = 1'b1"), HEAD),
    "never reset": (first(r"if \(rst\) valid <= 0; else ", ""), HEAD),
    "enabled by the reader alone": (first(r"enable = free", "enable = o_ready"), HEAD),
    "without an end": (lambda t: t.removesuffix("endmodule\n"), "does not end with its only module"),
    "empty": (lambda t: "", HEAD),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_what_no_emitted_text_has(edit: str) -> None:
    certificate, text = made()
    change, why = EDITS[edit]
    changed = change(text)
    assert changed != text
    with pytest.raises(Unproved, match=why):
        check_mapped(certificate, changed)


@pytest.mark.slow
def test_pins_are_read_by_name() -> None:
    """The same cell with its pins in another order is the same; with two nets exchanged it is not."""
    certificate, text = made()
    assert check_mapped(certificate, text) > 10
    match = next(m for m in re.finditer(CELL, text, re.M) if m[4] != m[5] and "1'b" not in m[5])
    cell, inside = match[0], f"{match[1]}{match[2]})) {match[3]} "
    same = text.replace(cell, f"{inside}(.I1({match[5]}), .I0({match[4]}), {match[6]}")
    assert same != text
    assert check_mapped(certificate, same) == check_mapped(certificate, text)
    swaps = 0
    for m in re.finditer(CELL, text, re.M):
        wrong = text.replace(m[0], f"{m[1]}{m[2]})) {m[3]} (.I1({m[4]}), .I0({m[5]}), {m[6]}")
        try:
            check_mapped(certificate, wrong)
        except Unproved:
            swaps += 1
    assert swaps > 10


@pytest.mark.parametrize("family", ["ecp5", "xilinx"])
@pytest.mark.parametrize("pipeline", [1, "none"])
def test_other_families_and_buffers(family: str, pipeline: str | int) -> None:
    """Stages of one level have a buffer at the end; a certificate of another latency does not fit."""
    certificate, text = made(family, pipeline)
    assert check_mapped(certificate, text) > 10
    with pytest.raises(Unproved, match=HEAD):
        check_mapped(replace(certificate, latency=certificate.latency + 1), text)
    with pytest.raises(Unproved, match=HEAD):
        check_mapped(replace(certificate, latency=0), text)


def test_halves_that_are_exchanged() -> None:
    network = networks.random_dense(np.random.default_rng(34), (12, 2), "ternary", "int4")
    design = build_design(network, CircuitOptions(neuron="counters", family="ecp5", pipeline=2))
    certificate, text = certify(design), mapped_verilog(design, "ecp5")
    match = re.search(r"assign (n\d+) = (n\d+) \? (n\d+_1) : (n\d+_0);", text)
    assert match is not None, "a table wider than a LUT4"
    for changed in (
        text.replace(match[0], f"assign {match[1]} = {match[2]} ? {match[4]} : {match[3]};"),
        text.replace(match[0], f"assign {match[1]} = {match[2]} ? {match[3]} : {match[3]};"),
    ):
        with pytest.raises(Unproved, match="selected from nets that are not its halves"):
            check_mapped(certificate, changed)
    with pytest.raises(Unproved, match="is not declared, or not driven"):
        check_mapped(certificate, text.replace(match[0], match[0].replace(match[2], "n9999999")))
