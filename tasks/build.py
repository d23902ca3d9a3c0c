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
from threshc.hdl.targets.registry import target as find_target
from threshc.tasks.compile import Settings, compile_into, make_design, read_network, title
from threshc.tasks.failed_build import leaving_failures
from threshc.tasks.folder import output_folder
from threshc.tasks.options import Keywords, ModelOptions, check_run, circuit_options, model_options
from threshc.tasks.report import Report
from threshc.tasks.report_markdown import write_report
from threshc.tasks.stimulus import Stimulus, answers, stimulus

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from threshc.hdl.flow.report import BuildReport
    from threshc.hdl.flow.verify_netlists import Samples
    from threshc.hdl.targets.base import Target
    from threshc.hdl.unrolled.design import Design
    from threshc.tasks.load import Model

VERIFY = ("none", "netlist", "proof")
"""What `build` can check of Yosys' netlists."""


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
    """Does what `compile` does, and makes a bitstream for a target in the same folder, measured by the tools.

    target: a board or bare device of `threshc.hdl.targets`; it states the circuit's family. reading, options, keywords:
    as for `compile`. freq: Hz to reach (a board must reach its clock anyway). target_fmax: Hz to reach too, for which
    the levels of logic between registers are chosen: from a model of the delays first, then fewer until the routed
    circuit reaches it, in five tries at most. seed: of the placement. baud: of the board's serial port. verify:
    `netlist` also runs the samples through the cells that Yosys made, those of the network alone and those that are
    placed, bit for bit. `proof` also proves the circuit, and the cells of the network alone, equal to the network on
    all inputs. Raises CompileError, for wrong options before the model is read, and when tools are missing, the
    circuit does not fit or is too slow; `out_dir` is
    left as it was then, and where a tool had run, what it was given and said is in `out_dir`-failed.
    """
    from threshc.hdl.flow.build import build as build_for
    from threshc.hdl.shell.protocol import BAUD

    chosen = find_target(target)
    asked = circuit_options(options, keywords) or USUAL_CIRCUIT
    if target_fmax is not None:
        _refuse_both(asked.pipeline, freq)
    how, circuit = model_options(reading, keywords), asked.settled(chosen)
    baud = BAUD if baud is None else baud
    _check(chosen, freq, target_fmax, seed, baud, verify)
    check_run(simulator, samples, jobs)
    progress = progress or silent
    settings = Settings(how, circuit, simulator, verify_passes, print_after, note, jobs, chosen.device, large)
    goal = Path(out_dir)
    with output_folder(goal, force=force) as folder, leaving_failures(folder, goal, chosen):
        network, changes = read_network(model, settings, x, progress)
        given = stimulus(network, x, labels, samples=samples)

        def place(design: Design, required: float | None) -> BuildReport:
            return build_for(
                design,
                chosen,
                folder,
                seed=seed,
                freq=required,
                baud=baud,
                prove=_prover(design, chosen, progress) if verify == "proof" else None,
                samples=None if verify == "none" else netlist_samples(design, given),
                progress=progress,
            )

        name = title(model, network)
        if target_fmax is None:
            report = compile_into(folder, goal, name, given, settings, progress)
            made = place(report.design, freq)
        else:
            design, made, settings = _fast_enough(network, settings, chosen, target_fmax, place, progress)
            # only what is kept is simulated
            report = compile_into(folder, goal, name, given, settings, progress, design)
        names = [path.name for path in made.files] + made.project.within(made.project.files)
        made = replace(made, bitstream=goal / made.bitstream.name, files=tuple(goal / path.name for path in made.files))
        report = replace(report, build=made, changes=changes, files=tuple(sorted({*report.files, *names})))
        write_report(report, folder)
    return report


def netlist_samples(design: Design, given: Stimulus) -> Samples:
    """Returns the samples with the packed simulator's answers, as words of the design."""
    from threshc.hdl.flow.verify_netlists import Samples

    return Samples(given.words, answers(design, given.expected))


def _prover(design: Design, target: Target, progress: Progress) -> Callable[[Path], str]:
    """Proves the design, and then a netlist of it."""
    from threshc.hdl.unrolled.certify import certify
    from threshc.tasks.prove import check_certificate, prove_file

    def prove(netlist: Path) -> str:
        progress("proving the circuit and its netlist")
        certificate = certify(design)
        check_certificate(design.network, certificate, (), progress)
        return prove_file(certificate, netlist, target.device.family, progress)

    return prove


def _check(target: Target, freq: float | None, target_fmax: float | None, seed: object, baud: int, verify: str) -> None:
    """Raises CompileError for options of the tools that are wrong, or that the target cannot do."""
    from threshc.hdl.families.registry import family, flow_of
    from threshc.hdl.flow.routing import checked_frequency
    from threshc.hdl.shell.uart import divisor

    if verify not in VERIFY:
        raise fail(f"there is no verification {verify!r}", where=option("verify"), hint=", ".join(VERIFY))
    for name, hertz in (("freq", freq), ("target_fmax", target_fmax)):
        if hertz is not None:
            checked_frequency(hertz, name)
            flow_of(target.device.family)
    if target_fmax is not None:
        family(target.device.family).delays_of(target.device.part)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 31:
        raise fail(f"seed {seed!r} is not understood", where=option("seed"), hint="0 to 2147483647")
    if target.board is not None:
        divisor(target.board.clock_hz, baud)


def _refuse_both(pipeline: str | int, freq: float | None) -> None:
    for name, given in (("pipeline", pipeline != "auto"), ("freq", freq is not None)):
        if given:
            why = "it chooses the registers itself" if name == "pipeline" else "it must be reached as well"
            what = f"{option('target_fmax')} and {option(name)} cannot be together"
            raise fail(what, where=option(name), why=why, hint="omit one")


def _fast_enough(
    network: Network,
    settings: Settings,
    target: Target,
    fmax: float,
    place: Callable[[Design, float], BuildReport],
    progress: Progress,
) -> tuple[Design, BuildReport, Settings]:
    """Returns the circuit whose build reaches `fmax` (Hz; on a board at least its clock), that build, and the settings
    with its levels of logic between registers."""
    from threshc.hdl.flow.reach_fmax import reach

    required = fmax if target.board is None else max(fmax, float(target.board.clock_hz))

    def with_levels(levels: int) -> Settings:
        return replace(settings, circuit=replace(settings.circuit, pipeline=levels))

    def attempt(levels: int) -> tuple[Design, BuildReport]:
        design = make_design(network, with_levels(levels).circuit, settings.jobs, progress)
        return design, place(design, required)

    design, made, levels = reach(attempt, target.device, required, progress)
    return design, made, with_levels(levels)
