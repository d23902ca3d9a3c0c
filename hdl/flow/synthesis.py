"""Yosys: the design's Verilog and the top's RTLIL to a netlist of the device's cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.progress import Progress
from threshc.hdl.cells.made import read_made
from threshc.hdl.families.base import Count, Family
from threshc.hdl.families.registry import family
from threshc.hdl.flow.plan import Step, run_step
from threshc.hdl.flow.tools import YOSYS, Run, Tool, check
from threshc.hdl.naming import TOP
from threshc.hdl.targets.base import Device

_EXHAUSTED = ("bad_alloc", "call stack exhausted", "out of memory", "Out of memory", "out of bounds memory access")


@dataclass(frozen=True, slots=True)
class Cells:
    """Counted by Yosys after mapping, as the family says. luts: its LUTs, those in carry cells too (an ECP5 CCU2C holds
    two); carries: its carry cells; sprams: memories that a bitstream cannot fill."""

    luts: int
    ffs: int
    carries: int
    brams: int
    sprams: int = 0


@dataclass(frozen=True, slots=True)
class Synthesis:
    """network: the network alone (network.json); whole: with its shell or harness (top.json); run: the Yosys run."""

    network: Cells
    whole: Cells
    run: Run


def synthesis_script(family: Family, module: str, places: Sequence[str] = ()) -> str:
    """Returns Yosys' script. `module` is the design's module; places: commands that say where cells stand.

    The network is mapped first, by itself, so that its figures do not depend on its surroundings. Yosys starts
    afresh for the whole: modules left over from mapping a first time are in the way of its ABC9.
    """
    return f"""\
read_verilog design.v
{family.unmap}{family.synth} -top {module}
tee -q -o network.stat stat -json
write_json network.json
select {module}
write_rtlil -selected network.il
design -reset
read_rtlil network.il
read_rtlil top.il
{family.whole or family.synth} -top {TOP}
{"".join(f"{place}{chr(10)}" for place in places)}tee -q -o whole.stat stat -json
write_json top.json
"""


def synthesis_step(device: Device, reads: tuple[str, ...]) -> Step:
    """Returns the command that runs the script, synth.ys, which reads design.v, top.il and more, and writes the
    netlists."""
    return Step(
        doing=f"synthesizing for {device.part}",
        role="YOSYS",
        tool=YOSYS,
        # YoWASP's ABC closes stdout and Yosys fails when it writes there afterwards, so the log goes to a file.
        arguments=("-q", "-l", "yosys.log", "synth.ys"),
        reads=("synth.ys", *reads),
        makes=("top.json", "network.json", "network.il", "network.stat", "whole.stat"),
        keeps=("top.json", "network.json"),
        log="yosys.log",
    )


def synthesize(yosys: Tool, step: Step, device: Device, folder: Path, progress: Progress) -> Synthesis:
    """Runs the step in the project's folder, where it writes network.json and top.json. Raises CompileError."""
    done = run_step(step, yosys, folder, progress)
    if done.code and any(sign in done.text for sign in _EXHAUSTED):
        raise fail(
            "Yosys ran out of memory",
            where=f"synthesis for {device.part}",
            why=done.tail(2),
            hint=f"a smaller network, another {option('neuron')}, or a native yosys on PATH "
            "(YoWASP is limited to 4 GB)",
        )
    check(done, step.doing)
    cells = [count_cells(read_made(folder / f), family(device.family)) for f in ("network.stat", "whole.stat")]
    return Synthesis(cells[0], cells[1], done)


def count_cells(stat: dict[str, Any], family: Family) -> Cells:
    """Returns the totals of a `stat -json` report."""
    total = [0] * len(Count())
    for kind, number in stat["design"]["num_cells_by_type"].items():
        total = [have + int(number) * one for have, one in zip(total, family.counting.of(kind), strict=True)]
    return Cells(*total)
