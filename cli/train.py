"""threshc train"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from threshc.cli import options as o

if TYPE_CHECKING:
    from threshc.cli.training_data import Table

train = typer.Typer(
    name="train",
    no_args_is_help=True,
    help="Train threshold networks whose ONNX gives their labels exactly, after compilation too.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[
    Path, typer.Option("--data", metavar="FILE", help="Samples: .csv, .tsv (.gz), .npz (x, y), .npy, idx.")
]
Model = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The .onnx to write, whole or not at all.")]
Target = Annotated[
    str | None,
    typer.Option("--target", metavar="COLUMN", help="The labels' column. Default: target, class, label, y, the last."),
]
Test = Annotated[
    float, typer.Option("--test", metavar="SHARE", min=0, max=0.9, help="Hold this share back, for a test accuracy.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of the split and the training.")]
Levels = Annotated[int, typer.Option("--levels", metavar="N", min=1, help="Comparisons per real feature, at most.")]
FanIn = Annotated[int | None, typer.Option("--fan-in", metavar="N", min=1, help="Weights per hidden unit, at most.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw the training curve: .png, .svg, .pdf.")]


@train.command()
def convex(
    data: Data,
    out: Model,
    labels: o.Labels = None,
    target: Target = None,
    beta: Annotated[
        float, typer.Option("--beta", metavar="B", min=1e-9, help="Price of an output weight; larger: fewer units.")
    ] = 0.01,
    encoding: Annotated[
        str, typer.Option("--encoding", metavar="NAME", help="thermometer, or integer for whole features as they are.")
    ] = "thermometer",
    levels: Levels = 8,
    sampling: Annotated[
        str, typer.Option("--sampling", metavar="A,B", help="Some of gaussian, quantile, ternary, integer, pair.")
    ] = "quantile,ternary,pair",
    columns: Annotated[int, typer.Option("--columns", metavar="N", min=1, help="Units to sample.")] = 1000,
    max_weight: Annotated[int, typer.Option("--max-weight", metavar="N", min=1, help="Of the hidden units.")] = 3,
    fan_in: FanIn = None,
    multiclass: Annotated[
        str, typer.Option("--multiclass", metavar="NAME", help="ovr, or group: units shared by all classes.")
    ] = "ovr",
    output_bits: Annotated[int, typer.Option("--output-bits", metavar="N", min=2, help="Of the output weights.")] = 8,
    rounds: Annotated[int, typer.Option("--rounds", metavar="N", min=0, help="Of column generation.")] = 20,
    max_seconds: Annotated[
        float | None, typer.Option("--max-seconds", metavar="S", help="Begin no round after this time.")
    ] = None,
    test: Test = 0.0,
    seed: Seed = 0,
    plot: Plot = None,
    quiet: o.Quiet = False,
) -> None:
    """Globally optimal training: a LASSO over threshold units, with a proved bound on what any network can reach.

    [dim]threshc train convex --data table.csv --out model.onnx --test 0.25 --plot curve.png[/]
    """
    from threshc.cli.progress import steps
    from threshc.cli.training_data import read_table
    from threshc.cli.training_report import plot as draw
    from threshc.cli.training_report import print_trained
    from threshc.train import ConvexThresholdClassifier

    table = read_table(data, labels, target)
    with steps(quiet) as say:
        classifier = ConvexThresholdClassifier(
            beta,
            encoding=encoding,
            levels=levels,
            sampling=tuple(sampling.split(",")),
            columns=columns,
            max_weight=max_weight,
            fan_in=fan_in,
            multiclass=multiclass,
            output_bits=output_bits,
            rounds=rounds,
            max_seconds=max_seconds,
            random_state=seed,
            callback=lambda certificate: say(str(certificate)),
        )
        accuracies = _fit(classifier, table, test, seed)
    classifier.export_onnx(out)
    certificate, network = classifier.certificate_, classifier.network_
    figures = [
        ("objective", f"{certificate.objective:.6f}", "counted"),
        ("lower bound", f"{certificate.lower_bound:.6f}", "proved"),
        ("gap", f"{certificate.gap:.6f}", "proved"),
        ("objective, output weights rounded", f"{classifier.rounded_objective_:.6f}", "counted"),
        ("columns", f"{certificate.columns:,}", "counted"),
        *accuracies,
        ("neurons", f"{len(network.t):,}", "counted"),
        ("hidden weights that are 0", f"{network.sparsity:.2%}", "counted"),
    ]
    print_trained(out, figures, table.x, _classes(classifier, table))
    if plot is not None:
        history = classifier.history_
        curves = {"objective": [c.objective for c in history], "lower bound": [c.lower_bound for c in history]}
        draw(plot, curves, "round of column generation")


@train.command()
def ste(
    data: Data,
    out: Model,
    labels: o.Labels = None,
    target: Target = None,
    hidden: Annotated[int, typer.Option("--hidden", metavar="N", min=1, help="Hidden units.")] = 64,
    surrogate: Annotated[
        str, typer.Option("--surrogate", metavar="NAME", help="identity, clipped_relu, relu or sech2.")
    ] = "sech2",
    weights: Annotated[str, typer.Option("--weights", metavar="NAME", help="ternary or binary.")] = "ternary",
    levels: Levels = 4,
    fan_in: FanIn = None,
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", min=1, help="Passes over the samples.")] = 100,
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Samples per step.")] = 32,
    rate: Annotated[float, typer.Option("--rate", metavar="R", min=1e-9, help="Learning rate of Adam.")] = 5e-3,
    test: Test = 0.0,
    seed: Seed = 0,
    plot: Plot = None,
    quiet: o.Quiet = False,
) -> None:
    """Straight-through training of one hidden layer: the common baseline, without a certificate.

    [dim]threshc train ste --data table.csv --out model.onnx --hidden 64 --test 0.25[/]
    """
    from threshc.cli.progress import steps
    from threshc.cli.training_data import read_table
    from threshc.cli.training_report import plot as draw
    from threshc.cli.training_report import print_trained
    from threshc.train import StraightThroughClassifier

    table = read_table(data, labels, target)
    with steps(quiet) as say:
        classifier = StraightThroughClassifier(
            hidden,
            surrogate=surrogate,
            weights=weights,
            levels=levels,
            fan_in=fan_in,
            epochs=epochs,
            batch_size=batch,
            learning_rate=rate,
            random_state=seed,
            callback=lambda loss: say(f"loss {loss:.4f}"),
        )
        accuracies = _fit(classifier, table, test, seed)
    classifier.export_onnx(out)
    network, losses = classifier.network_, classifier.loss_curve_
    figures = [
        ("loss of the last epoch", f"{losses[-1]:.6f}", "counted"),
        *accuracies,
        ("neurons", f"{len(network.t):,}", "counted"),
        ("hidden weights that are 0", f"{network.sparsity:.2%}", "counted"),
    ]
    print_trained(out, figures, table.x, _classes(classifier, table))
    if plot is not None:
        draw(plot, {"cross entropy": losses}, "epoch")


def _fit(classifier: Any, table: Table, test: float, seed: int) -> list[tuple[str, str, str]]:
    """Train on a share of the samples, stratified; the accuracies. Wrong parameters become errors of the command."""
    from sklearn.model_selection import train_test_split

    from threshc.compiler.diagnostics import fail

    try:
        x, y, held = table.x, table.y, None
        if test > 0:
            x, held_x, y, held_y = train_test_split(x, y, test_size=test, random_state=seed, stratify=y)
            held = held_x, held_y
        classifier.fit(x, y)
    except ValueError as error:
        raise fail(str(error), where="threshc train") from None
    found = [("accuracy, training", f"{classifier.score(x, y):.2%} of {len(x):,}", "counted")]
    if held is not None:
        found.append(("accuracy, held back", f"{classifier.score(*held):.2%} of {len(held[0]):,}", "counted"))
    return found


def _classes(classifier: Any, table: Table) -> Any:
    import numpy as np

    return np.searchsorted(classifier.classes_, classifier.predict(table.x))
