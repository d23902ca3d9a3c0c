"""Properties of folded circuits proved by induction over cycles, in Yosys' own SAT solver: no other tool is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from amaranth.back import rtlil

from threshc.compiler.progress import Progress, silent
from threshc.compiler.scratch import scratch_folder
from threshc.hdl.flow.tools import YOSYS, Tool, check, find_tools, run_tool
from threshc.hdl.folded.branch_properties import BranchProperties
from threshc.hdl.folded.link_properties import LinkProperties
from threshc.hdl.folded.pipeline_properties import PipelineProperties
from threshc.hdl.folded.pool_properties import PoolProperties
from threshc.hdl.folded.properties import Properties
from threshc.hdl.folded.shift_properties import ShiftProperties
from threshc.hdl.proof.bits import Unproved

Demands = Properties | LinkProperties | PipelineProperties | PoolProperties | BranchProperties | ShiftProperties
"""A circuit with the bit `ok`."""

# Memories and the modules of the arithmetic become free bits: what holds then holds whatever they say. Tables of the
# control and constants of the entry stay logic (-norom): as memories they would be free, too.
_SCRIPT = """\
read_rtlil {file}.il
hierarchy -top top
proc -norom
flatten
delete {boxes}
opt_clean
async2sync
dffunmap
opt
sat -tempinduct -prove ok 1 -maxsteps {steps} -timeout {seconds} top
"""
_PROVED = "Induction step proven: SUCCESS!"
_TIMEOUT = "Interrupted SAT solver: TIMEOUT!"
_STEPS = 2
"""Most cycles that induction looks back; one is enough for what we emit."""


def prove_properties(
    tops: Mapping[str, Demands],
    progress: Progress = silent,
    *,
    seconds: int = 300,
) -> None:
    """Proves that `ok` of each is 1 in every cycle, for all inputs and resets, by induction. tops: by their names.

    Raises Unproved, with the name, where Yosys finds a state in which it may be 0, or no proof in `seconds`, and
    CompileError where Yosys is not there or fails.
    """
    if not tops:
        return
    yosys = find_tools([YOSYS])[YOSYS]
    with scratch_folder() as folder:
        for k, (name, top) in enumerate(tops.items()):
            progress(f"induction over cycles: {name}")
            _prove(yosys, top, folder, name, f"top{k}", seconds)


def _prove(yosys: Tool, top: Demands, folder: Path, name: str, file: str, seconds: int) -> None:
    ports = [getattr(top, port) for port in top.signature.members]
    (folder / f"{file}.il").write_text(rtlil.convert(top, name="top", ports=ports, emit_src=False), encoding="utf-8")
    boxes = " ".join(["t:$mem*", *(f"t:{box}" for box in top.boxes)])
    script = _SCRIPT.format(file=file, boxes=boxes, steps=_STEPS, seconds=seconds)
    (folder / f"{file}.ys").write_text(script, encoding="utf-8")
    said = check(run_tool(yosys, ["-Q", "-T", "-s", f"{file}.ys"], folder, silent), "proving properties").text
    if _PROVED not in said:
        why = "no proof in the time given" if _TIMEOUT in said else "a property does not hold in every cycle"
        raise Unproved(f"{name}: {why}")
