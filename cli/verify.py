"""threshc verify"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.chosen import CIRCUIT, MODEL, TARGET, circuit, reading, takes

_JUDGED = 1024  # samples whose accuracy is looked at


@takes(MODEL, CIRCUIT, TARGET)
def verify(
    model: o.Model,
    data: o.Data = None,
    table: o.Table = None,
    limit: o.Limit = None,
    samples: o.Samples = 256,
    rtl: Annotated[bool, typer.Option("--rtl/--no-rtl", help="Also simulate the emitted Verilog.")] = True,
    rtl_samples: Annotated[
        int, typer.Option("--rtl-samples", metavar="N", min=1, help="The Verilog sees the first N samples.")
    ] = 64,
    jobs: o.Jobs = None,
    simulator: o.Simulator = "auto",
    waves: Annotated[
        Path | None,
        typer.Option(
            "--waves",
            metavar="FILE",
            help="Every signal of the Verilog, as .vcd or .fst, by Icarus (or .vcd by Amaranth's simulator).",
            callback=o.goal,
        ),
    ] = None,
    large: o.Large = False,
    json: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Also write the report, with the evaluators that ran, as JSON.",
            callback=o.goal,
        ),
    ] = None,
    quiet: o.Quiet = False,
    **chosen: Any,
) -> None:
    """Run everything against everything: ONNX, reference, packed simulator, Verilog; every hidden bit and output.

    An evaluator that is not ours runs the ONNX model too: onnxruntime, or onnx's own with qonnx's operators.
    Prints each comparison, or the first difference: sample, layer, neuron, sum, threshold.
    Exit code 1 if there is a difference that was not shown to be rounding.

    [dim]threshc verify digits.onnx --data digits_test.npz --rtl-samples 450[/]
    [dim]threshc verify tfc.onnx --input uint8/255 --no-rtl[/]
    """
    from json import dumps

    import threshc
    from threshc.cli.data import samples_and_labels
    from threshc.cli.outcome import print_hints
    from threshc.cli.progress import note, steps
    from threshc.compiler.files import write_whole

    how, made = reading(chosen), circuit(chosen)
    x, y = samples_and_labels(data, None, limit, table)
    with steps(quiet) as progress:
        report = threshc.verify(
            model,
            x,
            reading=how,
            options=made,
            target=chosen["target"],
            jobs=jobs,
            samples=samples,
            rtl=rtl,
            waves=waves,
            rtl_samples=rtl_samples,
            simulator=simulator,
            large=large,
            note=note,
            progress=progress,
        )
    if json is not None:
        write_whole(json, dumps(report.as_dict(), indent=2) + "\n")
    print(report)
    if x is not None:
        answers, known = report.answers.first(_JUDGED), y if y is None else y[:_JUDGED]
        right = None if known is None or answers.labels is None else int((answers.labels == known).sum())
        print_hints(answers.network, x[:_JUDGED], known, right)
    if not report.ok:
        raise typer.Exit(1)
