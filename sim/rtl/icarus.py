"""RTL simulation in Icarus Verilog, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from itertools import chain
from pathlib import Path

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.files import write_whole
from threshc.compiler.scratch import scratch_folder
from threshc.hdl.payload import from_ints
from threshc.hdl.shell.testbench import hex_lines, recording
from threshc.sim.rtl.trace import Job, Trace, tool_failed

_NAME = "threshc__bench"


def missing() -> str:
    """Returns what keeps Icarus from running here, "" for nothing."""
    absent = [tool for tool in ("iverilog", "vvp") if shutil.which(tool) is None]
    return f"no {' and '.join(absent)} on PATH (Icarus Verilog 11 or newer)" if absent else ""


def simulate(job: Job) -> Trace:
    """Runs a job; see `Trace`. Raises CompileError when Icarus cannot read the Verilog or the circuit gets stuck."""
    made = "" if job.waves is None else f"waves{job.waves.suffix.lower()}"
    bench = recording(
        job.interface, _NAME, "in.hex", "out.hex", len(job.words), job.stall, interrupted=job.interrupted, waves=made
    )
    with scratch_folder() as folder:
        (folder / "design.v").write_text(job.unit.verilog(), encoding="utf-8")
        (folder / "bench.v").write_text(bench, encoding="utf-8")
        for name, text in job.unit.files().items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / "in.hex").write_text(hex_lines(job.words, job.interface.input), encoding="utf-8")
        _run(["iverilog", "-g2005", "-o", "bench", "-s", _NAME, "design.v", "bench.v"], folder)
        _run(["vvp", "-n", "bench", *(["-fst"] if made.endswith(".fst") else [])], folder)
        if job.waves is not None:
            write_whole(job.waves, (folder / made).read_bytes())
        *answers, summary = (folder / "out.hex").read_text(encoding="utf-8").splitlines()
        probes = job.interface.probes
        seen = [(folder / f"out.hex.{k}").read_text(encoding="utf-8").split() for k in range(len(probes))]
    if any(c not in "0123456789abcdef" for line in chain(answers, *seen) for c in line):
        raise fail("the circuit answered with undefined bits", where=f"simulation of {job.interface.name} in Icarus")
    cycles, latency = map(int, summary.split()[1:])
    widths = [job.interface.output.width, *(probe.width for probe in probes)]
    read = [from_ints([int(line, 16) for line in lines], w) for lines, w in zip([answers, *seen], widths, strict=True)]
    return job.traced(read[0], cycles, latency, tuple(read[1:]))


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise tool_failed(command[0], done, f"{option('simulator', 'verilator')} or {option('simulator', 'amaranth')}")
