"""Verilog-2001 around an emitted circuit: a wrapper with plain port names, and testbenches that feed its streams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.interface import Beats, Interface
from threshc.hdl.payload import to_beats
from threshc.hdl.streams import module_head, ports

_DRIVER = """\
`timescale 1ns/1ps
{head}
module {name};
  localparam COUNT = {count};
  localparam IN_BEATS = {in_beats};
  localparam OUT_BEATS = {out_beats};
  localparam PATIENCE = {patience};
  localparam STALL = {stall};
  localparam TRAILING = {trailing};
  reg clk = 1'b0;
  reg rst = 1'b1;
  reg {i_range} sample [0:COUNT*IN_BEATS-1];
{declarations}
  reg {i_range} i_payload = {input_width}'d0;
  reg i_valid = 1'b0;
  wire i_ready;
  wire {o_range} o_payload;
  wire o_valid;
  reg o_ready = 1'b0;
  reg [15:0] lfsr = 16'hACE1;
  integer resets = 0;
  integer cycle = 0;
  integer ended = 0;
  integer sent = 0;
  integer got = 0;
  integer idle = 0;
  integer accepted_at = 0;
  integer latency = 0;
  integer failures = 0;
  reg accepted = 1'b0;

  {top} dut (
    .clk(clk), .rst(rst),
    .i_payload(i_payload), .i_valid(i_valid), .i_ready(i_ready),
    .o_payload(o_payload), .o_valid(o_valid), .o_ready(o_ready){probe_pins}
  );

  always #5 clk = ~clk;

  initial begin
    $readmemh("{samples}", sample);
{initial}
  end

  // Inputs change on the falling edge, transfers happen on the rising one.
  always @(negedge clk) begin
    if (resets < {resets}) resets <= resets + 1;
    else begin
      rst = 1'b0;
      lfsr = {{lfsr[0] ^ lfsr[2] ^ lfsr[3] ^ lfsr[5], lfsr[15:1]}};
      i_valid = (sent < {most}) && ((i_valid && !accepted) || STALL == 0 || got == 0 || lfsr[1:0] != 2'd0);
      if (i_valid) i_payload = sample[sent];
      o_ready = (STALL == 0) || (got == 0) || (lfsr[5:4] != 2'd0);
    end
  end

  always @(posedge clk) if (!rst) begin
    idle = idle + 1;
{on_cycle}    accepted = i_valid && i_ready;
    if (accepted && sent == 0) accepted_at = cycle;
    if (o_valid === 1'b1{counted}) begin
      if (got == 0) latency = cycle - accepted_at;
      if (o_ready) begin
{on_answer}
        got = got + 1;
        idle = 0;
      end
    end
    if (accepted) begin
      sent = sent + 1;
      idle = 0;
    end
    cycle = cycle + 1;
{interrupt}    if (got == COUNT*OUT_BEATS && sent == COUNT*IN_BEATS && ended == 0) ended = cycle;
    if ((ended != 0 && cycle == ended + TRAILING) || idle == PATIENCE) begin
{on_end}
      $finish;
    end
  end
endmodule
"""

_CHECK = """\
        if (o_payload !== expected[got]) begin
          failures = failures + 1;
          if (failures <= 10) $display("sample %0d: %h, expected %h", got / OUT_BEATS, o_payload, expected[got]);
        end"""

_VERDICT = """\
      if (got != COUNT*OUT_BEATS)
        $display("FAIL: the circuit stopped after %0d of %0d answers", got / OUT_BEATS, COUNT);
      else if (failures != 0) $display("FAIL: %0d of %0d answers are wrong", failures, COUNT*OUT_BEATS);
      else $display("PASS: %0d answers in %0d cycles, latency %0d cycles", COUNT, cycle, latency);"""

_INTERRUPT = """\
    if (phase < {} && sent == most[phase]) begin
      rst = 1'b1;
      i_valid = 1'b0;
      accepted = 1'b0;
      {{resets, cycle, sent, got, idle}} = 160'd0;
      phase = phase + 1;
    end
"""

_RECORD = '        $fwrite(file, "%h\\n", o_payload);'
_SUMMARY = """\
      $fwrite(file, "# %0d %0d\\n", ended, latency);
      $fclose(file);"""


def instance(interface: Interface, name: str) -> str:
    """Returns a module `name` around the circuit, with the same ports."""
    pins = ", ".join(f".{port}({port})" for _, port, _ in ports(interface))
    return f"{module_head(interface, name)}\n  {interface.name} circuit ({pins});\nendmodule\n"


def self_checking(
    interface: Interface, samples: NDArray[np.uint8], expected: NDArray[np.uint8], *, stall: bool = False
) -> dict[str, str]:
    """Returns texts by file name: a testbench NAME_tb.v and its two memory files, to be simulated together with NAME.v.

    samples, expected: words of samples and answers, (N, bytes) uint8 (`threshc.hdl.payload`), N >= 1. It prints PASS or
    FAIL and every wrong answer (the first ten), and reads the memory files from the folder where the simulation runs.
    Icarus: `iverilog -g2005 -o tb NAME.v NAME_tb.v && vvp tb`; Verilator 5: `verilator --binary --timing -Wno-fatal
    -CFLAGS -std=c++20 --top-module NAME_tb NAME.v NAME_tb.v && obj_dir/VNAME_tb`.
    """
    name = interface.name
    head = f"// Self-checking testbench of threshc. icarus: iverilog -g2005 -o tb {name}.v {name}_tb.v && vvp tb"
    text = _bench(
        interface,
        f"{name}_tb",
        f"{name}_in.hex",
        len(samples),
        stall=stall,
        head=head,
        declarations=f"  reg {_range(interface.output.width)} expected [0:COUNT*OUT_BEATS-1];",
        initial=f'    $readmemh("{name}_out.hex", expected);',
        on_answer=_CHECK,
        on_end=_VERDICT,
    )
    return {
        f"{name}_tb.v": text,
        f"{name}_in.hex": hex_lines(samples, interface.input),
        f"{name}_out.hex": hex_lines(expected, interface.output),
    }


def recording(
    interface: Interface,
    name: str,
    samples: str,
    answers: str,
    count: int,
    stall: bool,
    *,
    interrupted: Sequence[int] = (),
    waves: str = "",
) -> str:
    """Returns a testbench `name` that writes every answer to the file `answers`, one hexadecimal payload a line, at the
    end "# cycles latency"; and what probe K leads out to `answers`.K.

    interrupted: before that, for each of these numbers, so many beats are fed and all is reset; nothing of it is
    written. waves: a file for all signals, "" for none.
    """
    return _bench(
        interface,
        name,
        samples,
        count,
        stall=stall,
        head="",
        declarations="  integer file;",
        initial=f'    file = $fopen("{answers}", "w");',
        on_answer=_RECORD,
        on_end=_SUMMARY,
        probes=answers,
        interrupted=interrupted,
        waves=waves,
    )


def _bench(
    interface: Interface,
    name: str,
    samples: str,
    count: int,
    *,
    stall: bool,
    head: str,
    declarations: str,
    initial: str,
    on_answer: str,
    on_end: str,
    probes: str = "",
    interrupted: Sequence[int] = (),
    waves: str = "",
) -> str:
    """The text of a testbench whose four holes are filled with Verilog (`on_answer` may read `o_payload` and `got`).

    probes: the file, without its number, that holds what a probe leads out. waves: the file of signals, written where
    a run is started with +waves; of a recording always.
    """
    on_cycle, goal = "", waves or f"{interface.name}.vcd"
    asked = "" if waves else 'if ($test$plusargs("waves")) '
    initial += f'\n    {asked}begin $dumpfile("{goal}"); $dumpvars(0, {name}); end' if waves or not probes else ""
    most, counted, interrupt = "COUNT*IN_BEATS", "", ""
    if interrupted:
        declarations += f"\n  integer phase = 0;\n  integer most [0:{len(interrupted)}];"
        initial += "".join(f"\n    most[{k}] = {n};" for k, n in enumerate(interrupted))
        initial += f"\n    most[{len(interrupted)}] = COUNT*IN_BEATS;"
        most, counted, interrupt = (
            "most[phase]",
            f" && phase == {len(interrupted)}",
            _INTERRUPT.format(len(interrupted)),
        )
    for k, probe in enumerate(interface.probes):
        wire = f"probe{k}"
        declarations += f"\n  integer {wire}_file;\n  wire {_range(probe.width)} {wire}_payload;\n  wire {wire}_valid;"
        initial += f'\n    {wire}_file = $fopen("{probes}.{k}", "w");'
        on_cycle += f'    if ({wire}_valid === 1\'b1{counted}) $fwrite({wire}_file, "%h\\n", {wire}_payload);\n'
        on_end += f"\n      $fclose({wire}_file);"
    pins = {name: name for _, name, _ in ports(interface) if name.startswith("probe")}
    pins |= {} if interface.load is None else {name: f"{width}'d0" for name, width in interface.load.ports}
    body = _DRIVER.format(
        on_cycle=on_cycle,
        most=most,
        counted=counted,
        interrupt=interrupt,
        probe_pins="".join(f",\n    .{name}({net})" for name, net in pins.items()),
        head=head,
        name=name,
        top=f"{name}_circuit",
        count=count,
        in_beats=interface.input.count,
        out_beats=interface.output.count,
        patience=interface.timing.patience,
        stall=int(stall),
        trailing=interface.trailing,
        samples=samples,
        resets=RESET_CYCLES,
        input_width=interface.input.width,
        i_range=_range(interface.input.width),
        o_range=_range(interface.output.width),
        declarations=declarations,
        initial=initial,
        on_answer=on_answer,
        on_end=on_end,
    )
    return body + "\n" + instance(interface, f"{name}_circuit")


RESET_CYCLES = 4


def hex_lines(words: NDArray[np.uint8], beats: Beats) -> str:
    """Returns words (N, bytes) for $readmemh: one payload a line, as a hexadecimal number."""
    digits = -(-beats.width // 4)
    return "".join(f"{row.tobytes()[::-1].hex()[-digits:]}\n" for row in to_beats(words, beats))


def _range(width: int) -> str:
    return f"[{width - 1}:0]"
