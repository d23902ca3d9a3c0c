"""threshc partition"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.chosen import EXACT, MODEL, reading_alone, takes

if TYPE_CHECKING:
    from threshc.tasks.partition import PartitionReport


@takes(MODEL, EXACT)
def partition(
    model: o.Model,
    target: Annotated[str, typer.Option("--target", metavar="NAME", help="The chips' kind (`threshc targets`).")],
    chips: Annotated[
        int | None,
        typer.Option("--chips", metavar="N", help="The fastest way over N chips. [default: as few as hold it]"),
    ] = None,
    target_fps: Annotated[
        float | None,
        typer.Option("--target-fps", metavar="N", help="The fewest chips for N samples a second at the clock."),
    ] = None,
    clock: Annotated[
        float | None, typer.Option("--clock", metavar="MHZ", help="The clock, where no board states it.")
    ] = None,
    samples: Annotated[
        int,
        typer.Option("--samples", metavar="N", help="Simulate all chips together on N random samples, every bit."),
    ] = 0,
    simulator: Annotated[
        str, typer.Option("--simulator", metavar="NAME", help="For that: auto, verilator, icarus or amaranth.")
    ] = "auto",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Write a network and a plan for each chip."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write beside files that threshc did not make.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The partition as JSON on stdout.")] = False,
    quiet: o.Quiet = False,
    **chosen: Any,
) -> None:
    """Put a network that no device holds on several chips: where to cut it, what goes between them, a plan for each.

    Cycles are exact, sizes are estimated; nothing is built.

    [dim]threshc partition lfc.onnx --input uint8/255 --target ecp5-45f[/]
    [dim]threshc partition lfc.onnx --input uint8/255 --target ecp5-85f --chips 2 -o parts[/]
    [dim]threshc compile parts/part0.thresh --fold parts/part0.json -o chip0[/]
    """
    from threshc.cli.progress import note, steps
    from threshc.tasks.partition import partition as make

    with steps(quiet) as progress:
        report = make(
            model,
            target=target,
            chips=chips,
            target_fps=target_fps,
            clock=None if clock is None else clock * 1e6,
            out_dir=out,
            force=force,
            samples=samples,
            simulator=simulator,
            reading=reading_alone(chosen),
            note=note,
            progress=progress,
        )
    if as_json:
        import json

        print(json.dumps(report.as_dict(), indent=2))
    else:
        _show(report, stated=clock is not None)
        if out is not None:
            print(f"{out}: a network and a plan for each chip, partK.thresh and partK.json")
    if report.check is not None and not report.check.equal:
        raise typer.Exit(1)


def _show(report: PartitionReport, *, stated: bool) -> None:
    from threshc.cli.tables import print_table
    from threshc.compiler.diagnostics import visible

    made, device, rate = report.partition, report.target.device, report.samples_per_second
    rows = []
    for k, chip in enumerate(made.chips):
        plan = chip.plan
        on = f"{chip.bits:,} on {chip.width} wires, {chip.bits * rate / 1e6:,.4g} Mbit/s" if chip.behind else ""
        rows.append(
            (
                str(k),
                f"{plan.layers[0].name} .. {plan.layers[-1].name}" if len(plan.layers) > 1 else plan.layers[0].name,
                f"{plan.interval:,}",
                f"{plan.luts:,} of {device.luts:,}",
                f"{plan.ffs:,}",
                f"{plan.brams} of {device.brams}" + (f" + {plan.sprams} SPRAMs" if plan.sprams else ""),
                on,
                str(plan),
            )
        )
    head = ("chip", "layers", "cycles", "LUTs", "FFs", "block RAMs", "bits of a sample to the next", "--fold")
    print_table(f"{visible(report.model)} on {len(rows)} x {device.part}", head, rows, "llrrrrll")
    says = "assumed" if report.assumed else "stated" if stated else "of the board"
    print(
        f"{rate:,.0f} samples a second at {report.clock_hz / 1e6:g} MHz ({says}): one per {made.interval:,} cycles"
        + ("; two wires more from chip to chip say when a beat goes over" if len(rows) > 1 else "")
    )
    if report.check is not None:
        print(report.check)
