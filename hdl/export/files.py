"""All files of an export, by name: those in an output folder beside the circuit, its testbench and its report."""

from __future__ import annotations

import re
from collections.abc import Mapping

from threshc.compiler.diagnostics import fail, option, visible
from threshc.hdl.export.axi_stream import axi_stream_verilog
from threshc.hdl.export.cocotb_test import cocotb_makefile, cocotb_test
from threshc.hdl.export.kinds import PLAIN, checked_kind
from threshc.hdl.export.litex import litex_class, litex_module
from threshc.hdl.export.readme import axi_readme, plain_readme
from threshc.hdl.export.registers import registers_verilog
from threshc.hdl.export.scripts import Sources, fusesoc_core, ipxact, quartus, vivado, waivers
from threshc.hdl.interface import Interface
from threshc.hdl.naming import Names
from threshc.hdl.shell.protocol import fingerprint


def export_files(interface: Interface, kind: str, verilog: str, memories: Mapping[str, str]) -> dict[str, str]:
    """Returns the files of an export beside NAME.v, the memories that it reads, and its testbench.

    verilog: the text of NAME.v; memories: by name, the circuit's `files()`. Raises CompileError for a kind that is not
    known, and for a circuit whose memories are filled at start, which an AXI4-Stream block has no way for.
    """
    name, kept = interface.name, tuple(sorted(memories))
    title = visible(f"{name}, made by threshc; fingerprint of the network {fingerprint(interface).hex()}")
    if checked_kind(kind) == PLAIN:
        bench = (f"{name}_tb.v",), (f"{name}_in.hex", f"{name}_out.hex"), f"{name}_tb"
        plain = Sources(name, (f"{name}.v",), kept, "clk", title, *bench)
        return {
            f"{name}.core": fusesoc_core(plain),
            f"{name}.vlt": waivers(name),
            f"{name}_vivado.tcl": vivado(plain),
            f"{name}_quartus.tcl": quartus(plain),
            "Makefile": _BENCH.format(name=name),
            "README.md": plain_readme(interface, title),
        }
    if interface.load is not None:
        raise fail(
            "weights in SPRAM cannot be exported as AXI4-Stream",
            where=option("export_as"),
            why="they are loaded at start, and the block has no way for them",
            hint=f"omit :spram in {option('fold')}, for weights in block RAM, or {option('export_as', PLAIN)}",
        )
    names = Names(tuple(re.findall(r"^module +\\?(\S+)", verilog, re.MULTILINE)))
    top = names.pick(f"{name}_axis")
    inner = names.pick(f"{top}_registers")
    sources = Sources(top, (f"{name}.v", f"{top}.v", f"{inner}.v"), kept, "aclk", title)
    return {
        f"{top}.v": axi_stream_verilog(interface, top, inner, title),
        f"{inner}.v": registers_verilog(interface, inner, top),
        f"{top}.core": fusesoc_core(sources),
        f"{top}.vlt": waivers(name),
        f"{top}_vivado.tcl": vivado(sources),
        f"{top}_ipxact.tcl": ipxact(sources),
        f"{top}_quartus.tcl": quartus(sources),
        f"{top}_litex.py": litex_module(interface, top, sources.verilog),
        f"test_{top}.py": cocotb_test(interface, top),
        "Makefile": cocotb_makefile(top, list(sources.verilog)),
        "README.md": axi_readme(interface, top, litex_class(top), title),
    }


_BENCH = """\
# `make` simulates {name}.v on its testbench in Icarus Verilog, which prints PASS or FAIL.
test: {name}_sim
\tvvp -n {name}_sim
{name}_sim: {name}.v {name}_tb.v
\tiverilog -g2005 -o $@ $^
clean:
\trm -f {name}_sim
.PHONY: test clean
"""
