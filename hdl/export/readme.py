"""The README of an export: what its streams and registers are, and what of it was tried."""

from __future__ import annotations

from threshc.hdl.contract.contract import contract
from threshc.hdl.export.registers import registers
from threshc.hdl.interface import Interface
from threshc.hdl.payload import byte_count

_AXI = """\
# {top}: a network as an AXI4-Stream block

{title}.

| port | what |
|---|---|
| aclk, aresetn | one clock for all; reset is synchronous, low, one cycle or more |
| s_axis | samples: {in_beats} transfers of {in_bytes} bytes each, TLAST with the last one |
| m_axis | answers in the samples' order: {out_beats} transfers of {out_bytes} bytes each, TLAST with the last one |
| s_axil | registers: AXI4-Lite, 32 bits |

{words}

Bit b of a transfer is bit b of tdata; bits beyond the {in_width} of a sample's transfer are ignored, those beyond the
{out_width} of an answer's are 0. There is no TKEEP: all bytes are valid. A sample whose TLAST is early or late is
dropped and counted; no other one is shifted or changed.

| offset | register | access | what |
|---|---|---|---|
{rows}

Other addresses answer SLVERR, and so do writes to registers that are only read.

## Files

| file | what | tried |
|---|---|---|
| `{top}.v`, `{top}_registers.v` | the wrapper, Verilog-2001 | simulated, `verilator -Wall` without a warning |
| `{name}.v` and what it reads | the circuit | simulated on the samples of `{name}_in.hex` |
| `test_{top}.py`, `Makefile` | `make` tests the block in cocotb with cocotbext-axi: gaps, back-pressure, wrong \
TLAST, resets | Icarus Verilog, in threshc's own tests on other networks |
| `{top}.core` | FuseSoC | read by FuseSoC 2 |
| `{top}_vivado.tcl`, `{top}_ipxact.tcl` | Vivado: out of context, and packed as an IP | not run, parsed only |
| `{top}_quartus.tcl` | Quartus | not run, parsed only |
| `{top}_litex.py` | class `{class_name}` for LiteX | not run in a SoC |
"""

_PLAIN = """\
# {name}: a network as Verilog with plain ports

{title}.

| port | what |
|---|---|
| clk, rst | one clock; reset is synchronous, high, one cycle or more |
| i_payload, i_valid, i_ready | samples: {in_beats} transfers of {in_width} bits each |
| o_payload, o_valid, o_ready | answers in the order of their samples: {out_beats} transfers of {out_width} bits each |

A transfer happens in a cycle in which valid and ready are 1. Valid stays, with its payload, until then.

{words}

`make` simulates `{name}.v` on its testbench in Icarus Verilog. `{name}.core` is for FuseSoC 2. `{name}_vivado.tcl` and
`{name}_quartus.tcl` were not run by threshc, which has neither tool; they are parsed in its tests.
"""


def axi_readme(interface: Interface, top: str, class_name: str, title: str) -> str:
    """Returns the README.md of a block whose top module is `top` and whose LiteX class is `class_name`."""
    rows = [f"| {r.offset:#04x} | {r.name} | {_ACCESS[r.access]} | {r.text} |" for r in registers(interface)]
    return _AXI.format(top=top, class_name=class_name, rows="\n".join(rows), **_facts(interface, title))


def plain_readme(interface: Interface, title: str) -> str:
    """Returns the README.md of a circuit without a wrapper."""
    return _PLAIN.format(**_facts(interface, title))


_ACCESS = {"ro": "read", "w1": "read, write ones"}


def _facts(interface: Interface, title: str) -> dict[str, object]:
    given, taken = interface.input, interface.output
    return {
        "name": interface.name,
        "title": title,
        "words": "\n".join(f"- {line}" for line in contract(interface).words()),
        "in_beats": given.count,
        "out_beats": taken.count,
        "in_width": given.width,
        "out_width": taken.width,
        "in_bytes": byte_count(given.width),
        "out_bytes": byte_count(taken.width),
    }
