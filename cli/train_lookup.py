"""`threshc train lookup`"""

from __future__ import annotations

from typing import Annotated

import typer

from threshc.cli import options as o
from threshc.cli import training_deep as d
from threshc.cli import training_options as t


def lookup(
    data: o.NeededData,
    out: t.Model,
    labels: o.Labels = None,
    target: t.Target = None,
    table: o.Table = None,
    test_data: d.TestData = None,
    test_labels: d.TestLabels = None,
    hidden: Annotated[
        str, typer.Option("--hidden", metavar="N,N", help="Widths of the layers; the last a multiple of the classes.")
    ] = "200,100",
    fan_in: Annotated[int, typer.Option("--fan-in", metavar="N", min=1, help="Inputs per neuron; 6 is one LUT6.")] = 6,
    pruned_by: Annotated[
        float, typer.Option("--pruned-by", metavar="SHARE", min=0.01, max=1, help="Of the epochs, to choose inputs in.")
    ] = 0.3,
    thresholds: Annotated[
        str | None,
        typer.Option("--thresholds", metavar="T,T", help="Compare every feature with these, not by quantiles."),
    ] = None,
    weights: d.Weights = "int8",
    quantize_from: d.QuantizeFrom = 0.0,
    encoding: d.Encoding = "thermometer",
    levels: t.Levels = 4,
    epochs: d.Epochs = 30,
    batch: d.Batch = 128,
    rate: d.Rate = 3e-3,
    weight_decay: d.WeightDecay = 0.0,
    optimizer: d.Optimizer = "adam",
    schedule: d.Schedule = "cosine",
    validation: d.Validation = 0.0,
    patience: d.Patience = None,
    checkpoint: d.CheckpointFile = None,
    test: t.Test = 0.0,
    seed: t.Seed = 0,
    plot: t.Plot = None,
    quiet: o.Quiet = False,
) -> None:
    """Layers of neurons of few inputs, each one look-up table of the circuit, whose last layer votes.

    [dim]threshc train lookup --data table.csv --out model.onnx --hidden 200,100 --levels 4 --test 0.25[/]
    """
    from threshc.cli.progress import steps
    from threshc.cli.training_data import read_table
    from threshc.train import LookupThresholdClassifier

    rows = d.own_shape(read_table(data, labels, target, table))
    held_back = d.held_back(test_data, test_labels, target, table)
    with steps(quiet) as say:
        classifier = LookupThresholdClassifier(
            hidden,
            fan_in=fan_in,
            pruned_by=pruned_by,
            thresholds=_numbers(thresholds),
            weights=weights,
            quantize_from=quantize_from,
            encoding=encoding,
            levels=levels,
            epochs=epochs,
            batch_size=batch,
            learning_rate=rate,
            weight_decay=weight_decay,
            optimizer=optimizer,
            schedule=schedule,
            validation_fraction=validation,
            patience=patience,
            checkpoint=checkpoint,
            callback=lambda epoch: say(str(epoch)),
            random_state=seed,
        )
        d.train_and_report(classifier, rows, held_back, out, test=test, seed=seed, plot=plot)


def _numbers(text: str | None) -> list[float] | None:
    from threshc.compiler.diagnostics import fail

    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise fail(f"{text!r} is no list of numbers", where="--thresholds", hint="128, or 64,128,192") from None
