"""What the commands that train deep networks share: options, samples in their own shape, the run, the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from threshc.cli import options as o

if TYPE_CHECKING:
    from threshc.cli.training_data import Table

Hidden = Annotated[
    str,
    typer.Option(
        "--hidden", metavar="NET", help="Widths (256,256), layers (conv6k5p2-pool2-fc84), or mlp, lenet, convnet4."
    ),
]
Activation = Annotated[
    str, typer.Option("--activation", metavar="NAME", help="sign, step, staircase3 (2 bits), staircase5 (3 bits).")
]
Weights = Annotated[str, typer.Option("--weights", metavar="KIND", help="binary, ternary, int3 to int16.")]
QuantizeFrom = Annotated[
    float,
    typer.Option(
        "--quantize-from", metavar="SHARE", min=0, max=1, help="Train with real weights for this share of the epochs."
    ),
]
BatchNorm = Annotated[bool, typer.Option("--batch-norm/--no-batch-norm", help="Before each step; becomes thresholds.")]
Encoding = Annotated[
    str,
    typer.Option("--encoding", metavar="NAME", help="thermometer, integer (whole features as they are), or auto."),
]
Image = Annotated[
    str | None, typer.Option("--image", metavar="CxHxW", help="The shape of samples that are flat, for convolutions.")
]
Epochs = Annotated[int, typer.Option("--epochs", metavar="N", min=1, help="Passes over the samples.")]
Batch = Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Samples per step.")]
Rate = Annotated[float, typer.Option("--rate", metavar="R", min=1e-9, help="Learning rate.")]
WeightDecay = Annotated[float, typer.Option("--weight-decay", metavar="D", min=0, help="Of the optimizer.")]
Optimizer = Annotated[str, typer.Option("--optimizer", metavar="NAME", help="adam, sgd, or bop for binary weights.")]
Schedule = Annotated[str, typer.Option("--schedule", metavar="NAME", help="Of the rate: cosine, step or constant.")]
Validation = Annotated[
    float, typer.Option("--validation", metavar="SHARE", min=0, max=0.9, help="Keep the epoch that is best on these.")
]
Patience = Annotated[
    int | None, typer.Option("--patience", metavar="N", min=1, help="Stop after N epochs without a better one.")
]
CheckpointFile = Annotated[
    Path | None,
    typer.Option("--checkpoint", metavar="FILE", help="Written every epoch; a run goes on from it.", callback=o.goal),
]
TestData = Annotated[Path | None, typer.Option("--test-data", metavar="FILE", help="Samples to test with, as --data.")]
TestLabels = Annotated[Path | None, typer.Option("--test-labels", metavar="FILE", help="Labels of --test-data.")]

_COMPARED = 10_000


def image_shape(text: str | None) -> tuple[int, ...] | None:
    """Of `--image`. Raises CompileError for anything but CxHxW or HxW."""
    from threshc.compiler.diagnostics import fail

    if text is None:
        return None
    parts = text.lower().split("x")
    if not 2 <= len(parts) <= 3 or not all(part.isdecimal() and int(part) for part in parts):
        raise fail(f"{text!r} is no shape of images", where="--image", hint="1x28x28, or 28x28")
    return tuple(int(part) for part in parts)


def held_back(data: Path | None, labels: Path | None, target: str | None, table: str | None) -> Table | None:
    """The samples of --test-data, None without."""
    from threshc.cli.training_data import read_table
    from threshc.compiler.diagnostics import fail

    if data is None:
        if labels is not None:
            raise fail("labels without samples", where="--test-labels", hint="give the samples with --test-data")
        return None
    return own_shape(read_table(data, labels, target, table))


def own_shape(table: Table) -> Table:
    """The table with samples in the shape and, if these are integers, the type of their file."""
    from dataclasses import replace

    x = table.x.astype(table.dtype if table.dtype.kind in "iub" else "float64")
    return replace(table, x=x.reshape(len(x), *table.shape))


def train_and_report(
    classifier: Any,
    table: Table,
    held_back: Table | None,
    out: Path,
    *,
    test: float,
    seed: int,
    plot: Path | None,
) -> None:
    """Fits, exports and prints; draws the curves. table: from `own_shape`. held_back: samples to test with, if any."""
    from threshc.cli.training_fit import fit
    from threshc.cli.training_report import plot as draw
    from threshc.cli.training_report import print_trained

    accuracies = fit(classifier, table, test, seed)
    if held_back is not None:
        right = f"{classifier.score(held_back.x, held_back.y):.2%} of {len(held_back.x):,}"
        accuracies.append(("accuracy, test samples", right, "counted"))
    classifier.export_onnx(out)
    network, epochs = classifier.network_, classifier.history_.epochs
    figures = [("loss of the last epoch", f"{epochs[-1].loss:.6f}", "counted"), *accuracies]
    if classifier.quantize_from > 0:
        lost = classifier.real_accuracy_ - classifier.integer_accuracy_
        figures.append(("accuracy lost by rounding weights", f"{100 * lost:.2f} points", "counted"))
    figures += [
        ("epochs", f"{len(epochs)}", "counted"),
        ("neurons", f"{network.neurons:,}", "counted"),
        ("weights that are 0", f"{network.sparsity:.2%}", "counted"),
    ]
    x = (table if held_back is None else held_back).x[:_COMPARED]
    expected = classifier.predict(x)
    x = x.reshape(len(x), *classifier.shape_)
    numbers = (classifier.classes_ == expected[:, None]).argmax(axis=1)
    print_trained(out, figures, x, numbers, classifier.classes_.tolist())
    if plot is not None:
        curves = {"loss": [e.loss for e in epochs], "training error": [1 - e.accuracy for e in epochs]}
        held = [1 - e.held_accuracy for e in epochs if e.held_accuracy is not None]
        draw(plot, {**curves, **({"validation error": held} if held else {})}, "epoch")
