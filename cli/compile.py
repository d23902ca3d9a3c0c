"""threshc compile"""

from __future__ import annotations

from typing import Any

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
    """
    import threshc
    from threshc.cli.data import samples_and_labels
    from threshc.cli.ir import ir_printer
    from threshc.cli.printed_report import print_report
    from threshc.cli.progress import note, steps

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
            large=large,
            force=force,
            progress=progress,
        )
    print_report(report)
