"""`threshc train ste`"""

from __future__ import annotations

from typing import Annotated

import typer

from threshc.cli import options as o
from threshc.cli import training_options as t
from threshc.cli.training_fit import class_numbers, fit


def ste(
    data: t.Data,
    out: t.Model,
    labels: o.Labels = None,
    target: t.Target = None,
    hidden: Annotated[int, typer.Option("--hidden", metavar="N", min=1, help="Hidden units.")] = 64,
    surrogate: Annotated[
        str, typer.Option("--surrogate", metavar="NAME", help="identity, clipped_relu, relu or sech2.")
    ] = "sech2",
    weights: Annotated[str, typer.Option("--weights", metavar="NAME", help="ternary or binary.")] = "ternary",
    levels: t.Levels = 4,
    fan_in: t.FanIn = None,
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", min=1, help="Passes over the samples.")] = 100,
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Samples per step.")] = 32,
    rate: Annotated[float, typer.Option("--rate", metavar="R", min=1e-9, help="Learning rate of Adam.")] = 5e-3,
    test: t.Test = 0.0,
    seed: t.Seed = 0,
    plot: t.Plot = None,
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
        accuracies = fit(classifier, table, test, seed)
    classifier.export_onnx(out)
    network, losses = classifier.network_, classifier.loss_curve_
    figures = [
        ("loss of the last epoch", f"{losses[-1]:.6f}", "counted"),
        *accuracies,
        ("neurons", f"{len(network.t):,}", "counted"),
        ("hidden weights that are 0", f"{network.sparsity:.2%}", "counted"),
    ]
    print_trained(out, figures, table.x, class_numbers(classifier, table))
    if plot is not None:
        draw(plot, {"cross entropy": losses}, "epoch")
