"""threshc sim"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from threshc.cli import options as o


def sim(
    model: o.Model,
    data: o.NeededData,
    labels: o.Labels = None,
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME", help="packed (fast), reference (numpy) or rtl (the Verilog).")
    ] = "packed",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the classes, (N,) int64, to a .npy file.")
    ] = None,
    input: o.Input = None,
    limit: o.Limit = None,
    quiet: o.Quiet = False,
) -> None:
    """Run a model on samples: classes, and the accuracy where labels are known.

    [dim]threshc sim digits.onnx --data digits_test.npz[/]
    [dim]threshc sim tfc.onnx --input uint8/255 --data t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz[/]
    [dim]threshc sim digits.onnx --data digits_test.npz --engine rtl --limit 100 --out classes.npy[/]
    """
    import threshc
    from threshc.cli.data import samples_and_labels
    from threshc.cli.outcome import print_outcome
    from threshc.cli.progress import steps

    x, y = samples_and_labels(data, labels, limit)
    assert x is not None
    with steps(quiet) as say:
        say("reading the model")
        result = threshc.simulate(threshc.load(model, input=input), x, engine=engine, progress=say)  # type: ignore[arg-type]
    print_outcome(result, y, out)
