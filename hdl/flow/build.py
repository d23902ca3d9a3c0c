"""From a design to a bitstream: yosys, nextpnr, packing."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from threshc.compiler.diagnostics import CompileError, Diagnostic, fail, option
from threshc.compiler.files import draft, write_files
from threshc.compiler.progress import Progress, silent
from threshc.hdl.cells.drive import Exercised
from threshc.hdl.cells.made import read_made
from threshc.hdl.chain import Circuit
from threshc.hdl.families.base import Placed
from threshc.hdl.families.registry import family, flow_of
from threshc.hdl.flow.cells_by_layer import LayerCells, cells_by_layer
from threshc.hdl.flow.flash_image import PYTHON, python
from threshc.hdl.flow.loading import Loading, loading
from threshc.hdl.flow.makefile import makefile
from threshc.hdl.flow.placed_by_layer import PlacedCells, Places, placed_by_layer, places_by_layer
from threshc.hdl.flow.plan import PROJECT, run_step
from threshc.hdl.flow.report import BuildReport, Project
from threshc.hdl.flow.routing import (
    Routing,
    TooSlow,
    checked_frequency,
    logic_cells,
    pack_bitstream,
    refuse_oversize,
    refuse_sprams,
    route,
)
from threshc.hdl.flow.running import Running, running
from threshc.hdl.flow.synthesis import Synthesis, synthesize
from threshc.hdl.flow.tools import YOSYS, Run, check, find_tools
from threshc.hdl.flow.verify_netlists import Samples, verify_netlists
from threshc.hdl.naming import TOP
from threshc.hdl.shell.protocol import BAUD
from threshc.hdl.size import refuse_hopeless
from threshc.hdl.targets.base import Target
from threshc.hdl.targets.clock import Clock, crystal, megahertz
from threshc.hdl.targets.links import SERIAL_PORT, Link


def build(
    chain: Circuit,
    target: Target,
    out_dir: str | Path,
    *,
    seed: int = 1,
    freq: float | None = None,
    baud: int = BAUD,
    clock: Clock | None = None,
    link: Link = SERIAL_PORT,
    aim: bool = False,
    samples: Samples | None = None,
    prove: Callable[[Path], str] | None = None,
    progress: Progress = silent,
) -> BuildReport:
    """Builds a design for a target and leaves MODULE.bin or .bit and the tools' logs in `out_dir` (made if need be).

    Its folder `project` holds everything that the tools were given, what they said, and a Makefile that repeats it all.

    clock: what a board's circuit runs at, None for its crystal's; it must be reached in any case, and so must freq, in
    Hz, where it is given. aim: whether nextpnr works towards more than that, if need be: the family's aim.
    link: between a board and its host.
    seed: of nextpnr's placement. samples: the netlists that Yosys made, of the network alone and of the whole that is
    placed, must answer these right. prove: is given the netlist of the network alone, and returns what it proved.
    `progress` is told each step. For a family without place and route, MODULE.FAMILY.v is left instead of a bitstream:
    the pre-mapped text, for the vendor's tool.
    Raises CompileError when tools are missing, a netlist is wrong, the circuit does not fit or is too slow; nothing but
    `project` is left in `out_dir` then, and that only where a tool was to run.
    """
    from threshc.hdl.flow.project import make_plan  # brings in Amaranth
    from threshc.hdl.shell.top import make_top

    device, board = target.device, target.board
    chosen = family(device.family)
    flow = chosen.flow if freq is None else flow_of(device.family)
    if clock is None and board is not None:
        clock = crystal(target)
    required = _required(clock, freq)
    refuse_hopeless(sum(layer.estimate.luts(chosen.inputs) for layer in chain.neurons), device)
    tools = find_tools((YOSYS, *(() if flow is None else (flow.nextpnr, flow.packer))))
    refuse_sprams(chain.interface, device)
    tools[PYTHON] = python()
    top, towards = make_top(chain.interface, target, baud, clock, link), required
    if aim and flow is not None:
        towards = max(flow.aim_hz, required or 0.0)
    plan = make_plan(chain, target, top, freq_hz=towards, seed=seed, memories=chain.files())
    folder = Path(out_dir) / PROJECT
    try:
        plan.write(folder, makefile(plan, tools))
    except OSError as problem:
        raise _cannot_write(out_dir, problem) from None
    try:
        synthesizing, *rest = plan.steps
        progress(f"yosys: {synthesizing.doing}")
        synthesis = synthesize(tools[YOSYS], synthesizing, device, folder, progress)
        refuse_oversize(device, synthesis.whole)
        verified: tuple[Exercised, ...] = ()
        if samples is not None:
            verified = verify_netlists(chain.interface, target, folder, samples, baud, clock, progress, link.kind)
        layers = cells_by_layer(chain, _modules(folder / "network.json")[chain.name], chosen)
        proved = "" if prove is None else prove(folder / "network.json")
        routing: Routing | None = None
        placed: tuple[PlacedCells, ...] = ()
        places: Places = {}
        runs = [synthesis.run]
        if flow is None:
            progress(f"no bitstream is made: no open tool places and routes {chosen.title}")
            wanted = {"design.v": f"{chain.name}.{chosen.name}.v"}
        else:
            luts, ffs = synthesis.whole.luts, synthesis.whole.ffs
            progress(f"{rest[0].tool}: placing and routing {luts:,} LUTs and {ffs:,} flip-flops")
            routing = route(tools[rest[0].tool], rest[0], device, folder, progress)
            _refuse_slow(target, clock, required, routing)
            _check_pll(clock, routing)
            placed, places = _placed(
                chain, folder, flow.placed, "harness" if board is None else f"{link.kind.upper()} shell"
            )
            progress(f"{rest[1].tool}: {rest[1].doing}")
            runs += [routing.run, pack_bitstream(tools[rest[1].tool], rest[1], folder, progress)]
            for step in rest[2:]:
                check(run_step(step, tools[step.tool], folder, progress), step.doing)
            wanted = {"nextpnr.log": f"{chain.name}.nextpnr.log", "timing.json": f"{chain.name}.timing.json"}
            wanted[plan.result] = chain.name + Path(plan.result).suffix
        files = _deliver(folder, {"yosys.log": f"{chain.name}.yosys.log", **wanted}, Path(out_dir))
        if places:
            name = f"{chain.name}.places.json"
            write_files(Path(out_dir), {name: json.dumps({"places": places}, separators=(",", ":")) + "\n"})
            files = (*files, Path(out_dir) / name)
    finally:
        plan.tidy(folder)
    project = Project(folder.name, tuple(sorted(path.name for path in folder.iterdir())), plan.made, plan.digest())
    fmax = 0.0 if routing is None else routing.fmax_hz
    loaded = None if clock is None else loading(chain.interface, top.flash, float(clock.hz))
    on_board = None if clock is None else running(target, chain.interface, clock, baud, fmax, link.kind)
    return _report(
        chain,
        target,
        project,
        synthesis,
        routing,
        seed,
        files,
        runs,
        verified,
        proved,
        layers,
        placed,
        on_board,
        loaded,
    )


def _modules(netlist: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_made(netlist)["modules"]
    return found


def _placed(chain: Circuit, folder: Path, reading: Placed, around: str) -> tuple[tuple[PlacedCells, ...], Places]:
    (routed,) = _modules(folder / "routed.json").values()
    top, timing = _modules(folder / "top.json")[TOP], read_made(folder / "timing.json")
    placed = placed_by_layer(chain, top, routed, timing, around, reading)
    return placed, places_by_layer(chain, top, routed, around, reading)


def _required(clock: Clock | None, freq: float | None) -> float | None:
    own = None if clock is None else float(clock.hz)
    if freq is not None:
        checked_frequency(freq, "freq")
    return max((f for f in (own, freq) if f is not None), default=None)


def _refuse_slow(target: Target, clock: Clock | None, required: float | None, routing: Routing) -> None:
    if required is None or routing.fmax_hz >= required:
        return
    whose = "the frequency asked for"
    if clock is not None and required == float(clock.hz):
        whose = "the board's clock" if clock.pll is None else "the PLL's clock"
    problem = Diagnostic(
        f"the circuit is too slow for {target.name}: it reaches {routing.fmax_hz / 1e6:.1f} MHz",
        where="place and route",
        why=f"{whose} is {required / 1e6:g} MHz",
        hint=f"more registers ({option('pipeline', 'layer')}, or fewer levels between them), another {option('seed')}, "
        "or a faster target",
    )
    raise TooSlow(problem, routing.fmax_hz)


def _check_pll(clock: Clock | None, routing: Routing) -> None:
    """Raises CompileError where nextpnr, which searches the dividers of some PLLs, set another frequency."""
    if clock is None or clock.pll is None or not clock.pll.said:
        return
    said = re.search(clock.pll.said, routing.run.text)
    found = None if said is None else Fraction(said[1]) * 1_000_000
    if found != clock.hz:
        raise fail(
            f"nextpnr set the PLL to another frequency than {megahertz(clock.hz)} MHz",
            where="place and route",
            why="it names none" if found is None else f"it says {megahertz(found)} MHz",
            hint=f"another {option('clock')}",
        )


def _deliver(folder: Path, wanted: dict[str, str], out_dir: Path) -> tuple[Path, ...]:
    """Copies what is wanted of the project (names here: names there) beside it; the bitstream comes last."""
    try:
        for source, name in wanted.items():
            with draft(out_dir / name) as partial:
                shutil.copyfile(folder / source, partial)
    except OSError as problem:
        raise _cannot_write(out_dir, problem) from None
    return tuple(out_dir / name for name in reversed(wanted.values()))


def _cannot_write(out_dir: str | Path, problem: OSError) -> CompileError:
    return fail(f"cannot write the bitstream: {problem}", where=str(out_dir))


def _report(
    chain: Circuit,
    target: Target,
    project: Project,
    synthesis: Synthesis,
    routing: Routing | None,
    seed: int,
    files: tuple[Path, ...],
    runs: list[Run],
    verified: tuple[Exercised, ...],
    proved: str,
    layers: tuple[LayerCells, ...],
    placed: tuple[PlacedCells, ...],
    on_board: Running | None,
    loaded: Loading | None,
) -> BuildReport:
    used, available = (0, 0) if routing is None else logic_cells(routing, target.device)
    fmax = 0.0 if routing is None else routing.fmax_hz
    return BuildReport(
        target=target.name,
        part=target.device.part,
        on_board=target.board is not None,
        network=synthesis.network,
        whole=synthesis.whole,
        cells_used=used,
        cells_available=available,
        utilization={} if routing is None else {k: (n, routing.available[k]) for k, n in routing.used.items()},
        fmax_hz=fmax,
        clock_hz=fmax if on_board is None else float(Fraction(on_board.hz)),
        latency_cycles=chain.interface.timing.latency,
        interval_cycles=chain.interface.timing.interval,
        seed=seed,
        bitstream=files[0],
        sha256=hashlib.sha256(files[0].read_bytes()).hexdigest(),
        files=files,
        project=project,
        tools={run.tool.name: f"{run.tool.version} ({run.tool.origin})".strip() for run in runs},
        seconds={run.tool.name: round(run.seconds, 1) for run in runs},
        verified=verified,
        proved=proved,
        layers=layers,
        placed=placed,
        routed=routing is not None,
        running=on_board,
        loading=loaded,
    )
