"""A model to a bitstream: everything that `compile` makes, then synthesis, place and route."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.network import Network
from threshc.compiler.progress import Note, Progress, silent
from threshc.hdl.options import USUAL_CIRCUIT, CircuitOptions
from threshc.hdl.targets.links import UART
from threshc.hdl.targets.registry import target as find_target
from threshc.tasks.build_options import FASTEST, check_clock, check_link, check_tools, refuse_both
from threshc.tasks.circuit_folder import Settings, compile_into, prepare
from threshc.tasks.failed_build import leaving_failures
from threshc.tasks.folder import output_folder
from threshc.tasks.netlist_checks import netlist_samples, prover
from threshc.tasks.options import Keywords, ModelOptions, check_run, circuit_options, lists_options, model_options
from threshc.tasks.report import Report
from threshc.tasks.report_markdown import write_report

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from threshc.hdl.chain import Circuit
    from threshc.hdl.flow.report import BuildReport
    from threshc.hdl.targets.base import Target
    from threshc.hdl.targets.clock import Clock
    from threshc.tasks.read_network import Model


@lists_options(ModelOptions, CircuitOptions)
def build(
    model: Model,
    out_dir: str | os.PathLike[str],
    *,
    target: str,
    reading: ModelOptions | None = None,
    options: CircuitOptions | None = None,
    freq: float | None = None,
    target_fmax: float | None = None,
    seed: int = 1,
    baud: int | None = None,
    clock: float | str | None = None,
    link: str = "uart",
    jobs: int | None = None,
    x: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    samples: int = 256,
    simulator: str = "auto",
    verify: str = "none",
    verify_passes: bool = False,
    print_after: Callable[[str, Network], None] | None = None,
    note: Note | None = None,
    large: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    **keywords: Unpack[Keywords],
) -> Report:
    """Makes the circuit that `compile` makes, and a bitstream of it for a target, in one folder.

    target: the name of a board or a bare device (`threshc.hdl.targets`), which decides the device family.
    reading, options, keywords: as for `compile`.
    freq: the frequency in Hz that place and route has to reach; a board must reach its own clock in any case.
    target_fmax: a frequency in Hz for which the levels of logic between registers are chosen: first by a model of the
    device's delays, then fewer levels until the routed circuit reaches it, in at most five tries.
    seed: the seed of placement, 0 to 2**31 - 1. baud: the rate of the board's serial port in bits per second.
    clock: what a board's circuit runs at, in Hz, made by a PLL from the board's crystal, whose frequency is the usual
    clock; within 1 % of what is asked for, the report has it exactly. `max`: the fastest that the routed circuit bears,
    found in up to five tries, each placed and routed.
    link: between a board and its host: `uart`, `spi`, or with pins of one's own `spi:sck=20,cs=26,copi=23,cipo=18`;
    `ft245:d0=..,d7=..,rxf=..,txe=..,rd=..,wr=..` for the FIFO of a bridge.
    verify: `netlist` also runs the samples through the cells that Yosys made, alone and as they are placed, bit for
    bit; `proof` also proves the circuit, and the cells of the network alone, equal to the network on all inputs.

    Raises CompileError for wrong options before the model is read, and where tools are missing, the circuit does not
    fit or is too slow. `out_dir` is unchanged then; if a tool has run, its inputs and logs are in `out_dir`-failed.
    """
    from threshc.hdl.flow.build import build as build_for
    from threshc.hdl.flow.reach_clock import fastest
    from threshc.hdl.shell.protocol import BAUD

    chosen = find_target(target)
    asked = circuit_options(options, keywords) or USUAL_CIRCUIT
    if target_fmax is not None:
        refuse_both(asked.pipeline, freq)
    how, circuit = model_options(reading, keywords), asked.settled(chosen)
    if verify == "proof" and circuit.fold is not None:
        hint = f"{option('verify', 'netlist')} runs samples through Yosys' cells, `threshc prove` proves the circuit"
        raise fail("netlists of folded circuits are not proved", where=option("verify"), hint=hint)
    if target_fmax is not None and circuit.fold is not None:
        hint = f"{option('pipeline', 'N')} chooses them, {option('freq')} what must be reached"
        raise fail("the registers of folded circuits are not searched for", where=option("target_fmax"), hint=hint)
    if verify == "proof" and circuit.cut:
        hint = f"{option('verify', 'netlist')}, and `threshc prove` for the units"
        raise fail("netlists of several units are not proved", where=option("verify"), hint=hint)
    between = check_link(chosen, link, baud)
    baud = BAUD if baud is None else baud
    check_tools(chosen, freq, target_fmax, seed, verify)
    fixed = check_clock(chosen, clock, freq, target_fmax, baud if between.kind == UART else None)
    check_run(simulator, samples, jobs)
    progress = progress or silent
    settings = Settings(
        how,
        circuit,
        simulator=simulator,
        verify_passes=verify_passes,
        print_after=print_after,
        note=note,
        jobs=jobs,
        device=chosen.device,
        large=large,
        target=chosen,
    )
    goal = Path(out_dir)
    with output_folder(goal, force=force) as folder, leaving_failures(folder, goal, chosen):
        ready = prepare(model, settings, x, labels, samples, progress)

        def place(design: Circuit, required: float | None, at: Clock | None = fixed, aim: bool = False) -> BuildReport:
            return build_for(
                design,
                chosen,
                folder,
                seed=seed,
                freq=required,
                baud=baud,
                clock=at,
                link=between,
                aim=aim,
                prove=prover(design, chosen.device.family, progress) if verify == "proof" else None,
                samples=None if verify == "none" else netlist_samples(design, ready.given),
                progress=progress,
            )

        if target_fmax is None:
            report = compile_into(folder, goal, ready, settings, progress)
            made = (
                fastest(lambda at: place(report.design, None, at, aim=True), chosen, progress)
                if clock == FASTEST
                else place(report.design, freq)
            )
        else:
            least = max(target_fmax, 0.0 if fixed is None else float(fixed.hz))
            design, made, settings = _fast_enough(ready.given.network, settings, chosen, least, place, progress)
            # only what is kept is simulated
            report = compile_into(folder, goal, ready, settings, progress, design)
        names = [path.name for path in made.files] + made.project.within(made.project.files)
        made = replace(made, bitstream=goal / made.bitstream.name, files=tuple(goal / path.name for path in made.files))
        report = replace(report, build=made, files=tuple(sorted({*report.files, *names})))
        write_report(report, folder)
    return report


def _fast_enough(
    network: Network,
    settings: Settings,
    target: Target,
    fmax: float,
    place: Callable[[Circuit, float], BuildReport],
    progress: Progress,
) -> tuple[Circuit, BuildReport, Settings]:
    """Returns the circuit whose build reaches `fmax` (Hz), that build, and the settings with its levels of logic
    between registers."""
    from threshc.hdl.chain import build as build_chain
    from threshc.hdl.flow.reach_fmax import reach

    def with_levels(levels: int) -> Settings:
        return replace(settings, circuit=replace(settings.circuit, pipeline=levels))

    def attempt(levels: int) -> tuple[Circuit, BuildReport]:
        design = build_chain(network, with_levels(levels).circuit, jobs=settings.jobs, progress=progress)
        return design, place(design, fmax)

    design, made, levels = reach(attempt, target.device, fmax, progress)
    return design, made, with_levels(levels)
