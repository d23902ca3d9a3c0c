"""A model to a bitstream: everything that `compile` makes, then synthesis, place and route."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from threshc.compiler.diagnostics import fail
from threshc.compiler.ir.network import Network
from threshc.tasks.compile import Progress, Settings, compile_into, read_network, title
from threshc.tasks.failed_build import leaving_failures
from threshc.tasks.folder import output_folder
from threshc.tasks.report import Report
from threshc.tasks.report_markdown import write_report
from threshc.tasks.stimulus import Stimulus, answers, stimulus

if TYPE_CHECKING:
    from threshc.hdl.flow.report import BuildReport
    from threshc.hdl.flow.verify_netlists import Samples
    from threshc.hdl.targets.base import Target
    from threshc.hdl.unrolled.design import Design
    from threshc.tasks.load import Model, Scores

VERIFY = ("none", "netlist", "proof")
"""What `build` can check of Yosys' netlists."""


def build(
    model: Model,
    out_dir: str | os.PathLike[str],
    *,
    target: str,
    freq: float | None = None,
    target_fmax: float | None = None,
    seed: int = 1,
    baud: int | None = None,
    input: str | None = None,
    neuron: str = "auto",
    pipeline: str | int = "auto",
    effort: int = 1,
    jobs: int | None = None,
    dont_care: bool = False,
    scores: Scores = False,
    x: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    samples: int = 256,
    simulator: str = "auto",
    verify: str = "none",
    verify_passes: bool = False,
    print_after: Callable[[str, Network], None] | None = None,
    weight_bits: str | None = None,
    snap_weights: int | None = None,
    note: Callable[[str], None] | None = None,
    large: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Report:
    """`compile`, and a bitstream for a target in the same folder; the report gains what the tools measured.

    target: a board or bare device of `threshc.hdl.targets`. pipeline: as for `compile`, or `auto`: on boards a register
    at least every 12 levels of logic, which holds the slowest of them (12 MHz on a UP5K) with room to spare, else one
    behind every layer. freq: Hz to reach (a board must reach its clock anyway). target_fmax: Hz to reach too, for which
    `auto` chooses the levels of logic between registers: from a model of the delays first, then fewer until the routed
    circuit reaches it, in five tries at most. seed: of the placement. baud: of the board's serial port. verify:
    `netlist` also runs the samples through the cells that Yosys made, those of the network alone and those that are
    placed, bit for bit. `proof` also proves the circuit, and the cells of the network alone, equal to the network on
    all inputs. Raises CompileError when tools are missing, the circuit does not fit or is too slow; `out_dir` is
    left as it was then, and where a tool had run, what it was given and said is in `out_dir`-failed.
    """
    from threshc.hdl.flow.build import build as build_for
    from threshc.hdl.shell.protocol import BAUD
    from threshc.hdl.targets.registry import target as find_target

    if verify not in VERIFY:
        raise fail(f"there is no verification {verify!r}", where="--verify", hint=", ".join(VERIFY))
    if target_fmax is not None:
        _refuse_both(pipeline, freq)
    chosen = find_target(target)
    say = progress or (lambda _: None)
    settings = Settings(
        input,
        neuron,
        _resolved(pipeline, chosen),
        scores,
        samples,
        simulator,
        verify_passes,
        print_after,
        weight_bits,
        snap_weights,
        note,
        chosen.device.family,
        effort,
        jobs,
        dont_care,
        chosen.device,
        large,
    )
    goal = Path(out_dir)
    with output_folder(goal, force=force) as folder, leaving_failures(folder, goal, chosen):
        network, changes = read_network(model, settings, x, say)
        given = stimulus(network, x, labels, samples=samples)

        def place(design: Design, required: float | None) -> BuildReport:
            return build_for(
                design,
                chosen,
                folder,
                seed=seed,
                freq=required,
                baud=BAUD if baud is None else baud,
                prove=_prover(design, chosen, say) if verify == "proof" else None,
                samples=None if verify == "none" else netlist_samples(design, given),
                progress=say,
            )

        name = title(model, network)
        if target_fmax is None:
            report = compile_into(folder, goal, name, given, settings, say)
            made = place(report.design, freq)
        else:
            made, levels = _fast_enough(network, settings, chosen, target_fmax, place, say)
            # the same circuit once more: only the one that is kept is simulated
            report = compile_into(folder, goal, name, given, replace(settings, pipeline=levels), say)
        names = [path.name for path in made.files] + made.project.within(made.project.files)
        made = replace(made, bitstream=goal / made.bitstream.name, files=tuple(goal / path.name for path in made.files))
        report = replace(report, build=made, changes=changes, files=tuple(sorted({*report.files, *names})))
        write_report(report, folder)
    return report


def netlist_samples(design: Design, given: Stimulus) -> Samples:
    """Returns the samples with the packed simulator's answers, as words of the design."""
    from threshc.hdl.flow.verify_netlists import Samples

    return Samples(given.words, answers(design, given.expected))


def _prover(design: Design, target: Target, say: Progress) -> Callable[[Path], str]:
    """Proves the design, and then a netlist of it."""
    from threshc.hdl.unrolled.certify import certify
    from threshc.tasks.prove import check_certificate, prove_file

    def prove(netlist: Path) -> str:
        say("proving the circuit and its netlist")
        certificate = certify(design)
        check_certificate(design.network, certificate, (), say)
        return prove_file(certificate, netlist, target.device.family, say)

    return prove


def _refuse_both(pipeline: str | int, freq: float | None) -> None:
    for option, given in (("--pipeline", pipeline != "auto"), ("--freq", freq is not None)):
        if given:
            why = "it chooses the registers itself" if option == "--pipeline" else "it must be reached as well"
            raise fail(f"--target-fmax and {option} cannot be together", where=option, why=why, hint="leave one away")


def _fast_enough(
    network: Network,
    settings: Settings,
    target: Target,
    fmax: float,
    place: Callable[[Design, float], BuildReport],
    say: Progress,
) -> tuple[BuildReport, int]:
    """The build that reaches `fmax` (Hz; on a board at least its clock), and its levels of logic between registers."""
    from threshc.hdl.flow.reach_fmax import reach
    from threshc.hdl.unrolled.build import build_design

    required = fmax if target.board is None else max(fmax, float(target.board.clock_hz))

    def attempt(levels: int) -> BuildReport:
        design = build_design(network, replace(settings, pipeline=levels).circuit, jobs=settings.jobs)
        return place(design, required)

    return reach(attempt, target.device, required, say)


def _resolved(pipeline: str | int, target: Target) -> str | int:
    from threshc.hdl.options import BOARD_LEVELS

    if pipeline != "auto":
        return pipeline
    return "layer" if target.board is None else BOARD_LEVELS
