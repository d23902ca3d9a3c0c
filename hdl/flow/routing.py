"""nextpnr and the packers: a netlist to a routed design, its timing, and a bitstream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threshc.compiler.diagnostics import CompileError, Diagnostic, fail, option
from threshc.compiler.progress import Progress
from threshc.hdl.cells.made import read_made
from threshc.hdl.families.base import Flow
from threshc.hdl.families.registry import flow_of
from threshc.hdl.flow.plan import Step, run_step
from threshc.hdl.flow.synthesis import Cells
from threshc.hdl.flow.tools import Run, Tool, check
from threshc.hdl.interface import Interface
from threshc.hdl.size import too_big
from threshc.hdl.targets.base import Device

_USED = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", re.MULTILINE)
_UNPLACED = ("no BELs remaining", "Unable to place", "Unable to find legal placement")


class TooSlow(CompileError):
    """The routed circuit misses the frequency that it must reach; fmax_hz is what it reaches."""

    def __init__(self, problem: Diagnostic, fmax_hz: float) -> None:
        super().__init__(problem)
        self.fmax_hz = fmax_hz


@dataclass(frozen=True, slots=True)
class Routing:
    """used, available: cells by type; fmax_hz: of the slowest clock; run: the nextpnr run."""

    used: dict[str, int]
    available: dict[str, int]
    fmax_hz: float
    run: Run


def checked_frequency(hertz: float, name: str) -> float:
    """Returns a frequency in Hz that was given as the option `name`. Raises CompileError unless it is a number from
    1 kHz to 10 GHz."""
    number = None if isinstance(hertz, bool | str) else float(hertz)
    if number is None or not 1e3 <= number <= 1e10:
        said = repr(hertz) if number is None else f"{number:g}"
        raise fail(f"a frequency of {said} Hz is not possible", where=option(name), hint="1 kHz to 10 GHz")
    return number


def refuse_oversize(device: Device, cells: Cells) -> None:
    """Raises CompileError when the synthesized cells cannot fit whatever nextpnr does."""
    counts = (
        ("LUTs", cells.luts, device.luts),
        ("flip-flops", cells.ffs, device.ffs),
        ("block RAMs", cells.brams, device.brams),
    )
    over = [f"{used} {what}, of {available}" for what, used, available in counts if used > available]
    if over:
        raise too_big(device, "synthesis", "; ".join(over), cells.luts, cells.ffs)


def refuse_sprams(interface: Interface, device: Device) -> None:
    """Raises CompileError when a device has fewer memories that are filled at start than a circuit."""
    used = 0 if interface.load is None else len(interface.load.contents)
    if used > device.sprams:
        raise fail(
            f"the circuit does not fit the {device.part}",
            where=option("fold"),
            why=f"its weights take {used} SPRAMs, of {device.sprams}",
            hint="fewer layers with :spram, or a smaller PE x SIMD of theirs",
        )


def route_step(device: Device, *, constrained: bool, freq_hz: float, seed: int, crowded: bool = False) -> Step:
    """Returns the command that places and routes top.json into what the family's packer reads, aiming for a frequency.

    constrained: whether there is a file with pins. crowded: whether nextpnr's second router is
    asked. The netlist of what is placed is routed.json, the timing of its paths timing.json.
    """
    flow = flow_of(device.family)
    arguments = [*flow.place(device.nextpnr, constrained), "--json", "top.json", "--report", "timing.json"]
    arguments += ["--write", "routed.json", "--log", "nextpnr.log"]
    arguments += ["--freq", f"{freq_hz / 1e6:g}", "--seed", str(seed), "--timing-allow-fail"]
    arguments += ["--router", "router2"] if crowded else []
    return Step(
        doing=f"placing and routing on {device.part}",
        role="NEXTPNR",
        tool=flow.nextpnr,
        arguments=tuple(arguments),
        reads=("top.json", *([f"top.{flow.constraints}"] if constrained else [])),
        makes=tuple(dict.fromkeys((flow.routed, "routed.json", "timing.json"))),
        log="nextpnr.log",
    )


def route(nextpnr: Tool, step: Step, device: Device, folder: Path, progress: Progress) -> Routing:
    """Runs the step in the project's folder. Missing the frequency is not an error here.

    Raises CompileError when the circuit does not fit.
    """
    flow = flow_of(device.family)
    done = run_step(step, nextpnr, folder, progress)
    utilization = {kind: (int(used), int(available)) for kind, used, available in _USED.findall(done.text)}
    if done.code:
        over = [f"{used} {kind}, of {available}" for kind, (used, available) in utilization.items() if used > available]
        if over or any(sign in done.text for sign in _UNPLACED):
            raise too_big(device, "place and route", "; ".join(over) or _logic(utilization, device, flow))
        check(done, step.doing)
    return parse_report(read_made(folder / "timing.json"), done)


def parse_report(report: dict[str, Any], run: Run) -> Routing:
    """Reads a nextpnr `--report` file. A design without any path between registers has fmax_hz inf."""
    fmax = [float(clock["achieved"]) * 1e6 for clock in report.get("fmax", {}).values()]
    utilization = report["utilization"]
    return Routing(
        {kind: int(cell["used"]) for kind, cell in utilization.items() if cell["used"]},
        {kind: int(cell["available"]) for kind, cell in utilization.items() if cell["used"]},
        min(fmax, default=float("inf")),
        run,
    )


def logic_cells(routing: Routing, device: Device) -> tuple[int, int]:
    """Returns the logic cells used and available, as nextpnr counts them for the family."""
    kind = flow_of(device.family).placed.logic
    return routing.used.get(kind, 0), routing.available.get(kind, device.luts)


def pack_step(device: Device) -> Step:
    """Returns the command that packs the routed design into the bitstream."""
    flow = flow_of(device.family)
    return Step(
        doing="packing the bitstream",
        role="PACK",
        tool=flow.packer,
        arguments=tuple(flow.pack(device.nextpnr)),
        reads=(flow.routed,),
        makes=(flow.bitstream,),
        log="pack.log",
    )


def pack_bitstream(packer: Tool, step: Step, folder: Path, progress: Progress) -> Run:
    """Runs the step in the project's folder. Raises CompileError when the packer fails."""
    return check(run_step(step, packer, folder, progress), step.doing)


def _logic(utilization: dict[str, tuple[int, int]], device: Device, flow: Flow) -> str:
    kind = flow.placed.logic
    used, available = utilization.get(kind, (0, device.luts))
    return f"{used} {kind}, of {available}; they cannot all be placed"
