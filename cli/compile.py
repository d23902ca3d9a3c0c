"""threshc compile"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.chosen import CIRCUIT, MODEL, TARGET, circuit, reading, takes


@takes(MODEL, CIRCUIT, TARGET)
def compile(
    model: o.Model,
    out: o.Out = None,
    jobs: o.Jobs = None,
    data: o.Data = None,
    labels: o.Labels = None,
    table: o.Table = None,
    limit: o.Limit = None,
    samples: o.Samples = 256,
    simulator: o.Simulator = "auto",
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="DIR",
            help="The output folder, in place of -o, with wrapper, scripts and tests for other people's designs.",
        ),
    ] = None,
    export_as: Annotated[
        str | None,
        typer.Option(
            "--as",
            "--export-as",
            metavar="KIND",
            help="What --export makes: axi-stream (the default: AXI4-Stream and registers over AXI4-Lite) or plain. "
            "Without --export it is made in the folder of -o, or in NAME-threshc.",
        ),
    ] = None,
    verify_passes: o.VerifyPasses = False,
    print_ir_after: o.PrintIrAfter = None,
    large: o.Large = False,
    force: o.Force = False,
    quiet: o.Quiet = False,
    **chosen: Any,
) -> None:
    """Compile a model to Verilog, with a testbench and a report.

    The Verilog is simulated before anything is kept: on --data, or on random inputs.

    [dim]threshc compile digits.onnx[/]
    [dim]threshc compile digits.onnx -o out --data digits_test.npz --scores[/]
    [dim]threshc compile tfc.onnx -o out --input uint8/255 --pipeline 8 --neuron compressor[/]
    [dim]threshc compile digits.onnx --export digits_ip --as axi-stream[/]
    [dim]threshc compile tfc.onnx -o out --input uint8/255 --fold 4x49,2x8,2x8,1x4@7[/]
    """
    import threshc
    from threshc.cli.data import samples_and_labels
    from threshc.cli.ir import ir_printer
    from threshc.cli.printed_report import print_report
    from threshc.cli.progress import note, steps
    from threshc.compiler.diagnostics import fail, option
    from threshc.hdl.export.kinds import AXI_STREAM

    if export is not None and out is not None:
        why = "each names the folder in which everything is put"
        raise fail("-o and --export cannot be together", where=option("export"), why=why, hint="omit -o")
    if export is not None:
        out, export_as = export, export_as or AXI_STREAM
    how, made = reading(chosen), circuit(chosen)
    print_after = ir_printer(print_ir_after)
    x, y = samples_and_labels(data, labels, limit, table)
    with steps(quiet) as progress:
        report = threshc.compile(
            model,
            o.out_folder(out, model),
            jobs=jobs,
            reading=how,
            options=made,
            target=chosen["target"],
            x=x,
            labels=y,
            samples=samples,
            simulator=simulator,
            note=note,
            verify_passes=verify_passes,
            print_after=print_after,
            export_as=export_as,
            large=large,
            force=force,
            progress=progress,
        )
    print_report(report)
