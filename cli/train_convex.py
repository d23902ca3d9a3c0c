"""`threshc train convex`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli import training_options as t
from threshc.cli.training_fit import class_numbers, fit, real_targets, whole_scores
from threshc.compiler.diagnostics import fail


def convex(
    data: o.NeededData,
    out: t.Model,
    labels: o.Labels = None,
    target: t.Target = None,
    table: o.Table = None,
    beta: Annotated[
        float, typer.Option("--beta", metavar="B", min=1e-9, help="Price of an output weight; larger: fewer units.")
    ] = 0.01,
    encoding: Annotated[
        str, typer.Option("--encoding", metavar="NAME", help="thermometer, or integer for whole features as they are.")
    ] = "thermometer",
    levels: t.Levels = 8,
    regression: Annotated[
        bool, typer.Option("--regression/--classification", help="Real targets; the circuit puts integer scores out.")
    ] = False,
    below: Annotated[
        str, typer.Option("--below", metavar="A,B", help="Widths of sampled layers under the trained one.")
    ] = "",
    sampling: Annotated[
        str, typer.Option("--sampling", metavar="A,B", help="Some of gaussian, quantile, ternary, integer, pair.")
    ] = "quantile,ternary,pair",
    columns: Annotated[int, typer.Option("--columns", metavar="N", min=1, help="Units to sample.")] = 1000,
    max_weight: Annotated[int, typer.Option("--max-weight", metavar="N", min=1, help="Of the hidden units.")] = 3,
    fan_in: t.FanIn = None,
    multiclass: Annotated[
        str, typer.Option("--multiclass", metavar="NAME", help="ovr, or group: units shared by all classes.")
    ] = "ovr",
    output_bits: Annotated[int, typer.Option("--output-bits", metavar="N", min=2, help="Of the output weights.")] = 8,
    rounds: Annotated[int, typer.Option("--rounds", metavar="N", min=0, help="Of column generation.")] = 20,
    max_seconds: Annotated[
        float | None, typer.Option("--max-seconds", metavar="S", help="Begin no round after this time.")
    ] = None,
    refit: Annotated[
        float | None,
        typer.Option(
            "--refit", metavar="R", min=1e-9, help="Output weights anew by ridge regression of this strength."
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            "--patience", metavar="N", min=1, help="Hold 10 % back, stop after N rounds of no better accuracy."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", metavar="FILE", help="Written every round; a run goes on from it.", callback=o.goal
        ),
    ] = None,
    test: t.Test = 0.0,
    seed: t.Seed = 0,
    plot: t.Plot = None,
    quiet: o.Quiet = False,
) -> None:
    """Globally optimal training: a LASSO over threshold units, with a proved bound on what any network can reach.

    [dim]threshc train convex --data table.csv --out model.onnx --test 0.25 --plot curve.png[/]
    """
    from threshc.cli.progress import steps
    from threshc.cli.training_data import read_table
    from threshc.cli.training_report import plot as draw
    from threshc.cli.training_report import print_trained
    from threshc.train import ConvexThresholdClassifier, ConvexThresholdRegressor

    rows = read_table(data, labels, target, table)
    if regression:
        rows = real_targets(rows)
    with steps(quiet) as say:
        settings: dict[str, Any] = {
            "encoding": encoding,
            "levels": levels,
            "layers_below": _widths(below),
            "sampling": tuple(sampling.split(",")),
            "columns": columns,
            "max_weight": max_weight,
            "fan_in": fan_in,
            "output_bits": output_bits,
            "rounds": rounds,
            "max_seconds": max_seconds,
            "refit": refit,
            "early_stopping": patience is not None,
            "patience": patience or 5,
            "checkpoint": checkpoint,
            "random_state": seed,
            "callback": lambda certificate: say(str(certificate)),
        }
        estimator = (
            ConvexThresholdRegressor(beta, **settings)
            if regression
            else ConvexThresholdClassifier(beta, multiclass=multiclass, **settings)
        )
        accuracies = fit(estimator, rows, test, seed, regression=regression)
    estimator.export_onnx(out)
    certificate, network = estimator.certificate_, estimator.network_
    figures = [
        ("objective", f"{certificate.objective:.6f}", "counted"),
        ("lower bound", f"{certificate.lower_bound:.6f}", "proved"),
        ("gap", f"{certificate.gap:.6f}", "proved"),
        ("objective, output weights rounded", f"{estimator.rounded_objective_:.6f}", "counted"),
        ("columns", f"{certificate.columns:,}", "counted"),
        *accuracies,
        ("neurons", f"{network.neurons:,}", "counted"),
        ("hidden weights that are 0", f"{network.sparsity:.2%}", "counted"),
    ]
    if regression:
        print_trained(out, figures, rows.x, whole_scores(estimator, rows))
    else:
        print_trained(out, figures, rows.x, class_numbers(estimator, rows), estimator.classes_.tolist())
    if plot is not None:
        history = estimator.history_
        curves = {"objective": [c.objective for c in history], "lower bound": [c.lower_bound for c in history]}
        draw(plot, curves, "round of column generation")


def _widths(text: str) -> tuple[int, ...]:
    """Of `--below`. Raises CompileError for anything but whole numbers above 0."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise fail(f"{text!r} are no widths of layers", where="--below", hint="200, or 200,100")
    return tuple(map(int, parts))
