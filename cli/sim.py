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
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", min=1, help="Threads of the packed engine. Default: all cores."),
    ] = None,
    quiet: o.Quiet = False,
) -> None:
    """Run a model on samples: classes, and the accuracy where labels are known.

    The packed engine takes files of any size block by block: .npy, .npz, idx(.gz), .csv, .parquet, a folder of images.

    [dim]threshc sim digits.onnx --data digits_test.npz[/]
    [dim]threshc sim tfc.onnx --input uint8/255 --data t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz[/]
    [dim]threshc sim digits.onnx --data digits_test.npz --engine rtl --limit 100 --out classes.npy[/]
    """
    import threshc

    if engine == "packed":
        _stream(model, data, labels, out, input, limit, threads, quiet)
        return
    from threshc.cli.data import samples_and_labels
    from threshc.cli.outcome import print_outcome
    from threshc.cli.progress import steps

    x, y = samples_and_labels(data, labels, limit)
    assert x is not None
    with steps(quiet) as say:
        say("reading the model")
        result = threshc.simulate(threshc.load(model, input=input), x, engine=engine, progress=say)  # type: ignore[arg-type]
    print_outcome(result, y, out)


def _stream(
    model: str,
    data: Path,
    labels: Path | None,
    out: Path | None,
    input: str | None,
    limit: int | None,
    threads: int | None,
    quiet: bool,
) -> None:
    import threshc
    from threshc.cli.progress import steps
    from threshc.samples import labels_beside, read_labels
    from threshc.sim import sources, stream

    y = read_labels(labels) if labels is not None else labels_beside(data)
    with steps(quiet) as say:
        say("reading the model")
        network = threshc.load(model, input=input)
        say("packed simulator (its first run on a machine compiles for some seconds)")
        found = stream.run(
            network,
            sources.blocks(data, limit),
            labels=y if y is None else y[:limit],
            out=out,
            threads=threads,
            progress=stream.Rate(say),
        )
    more = "..." if found.samples > len(found.first) else ""
    print("classes:" if found.first.ndim == 1 else "scores:", *found.first.ravel(), more)
    print(f"samples: {found.samples}")
    if found.right is not None:
        print(f"accuracy: {found.right / found.samples:.2%} ({found.right} of {found.samples})")
