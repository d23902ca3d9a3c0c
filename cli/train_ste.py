"""`threshc train ste`"""

from __future__ import annotations

from typing import Annotated

import typer

from threshc.cli import options as o
from threshc.cli import training_deep as d
from threshc.cli import training_options as t


def ste(
    data: o.NeededData,
    out: t.Model,
    labels: o.Labels = None,
    target: t.Target = None,
    table: o.Table = None,
    test_data: d.TestData = None,
    test_labels: d.TestLabels = None,
    hidden: d.Hidden = "64",
    surrogate: Annotated[
        str, typer.Option("--surrogate", metavar="NAME", help="identity, clipped_relu, relu, sech2 or reste.")
    ] = "sech2",
    activation: d.Activation = "sign",
    weights: d.Weights = "ternary",
    quantize_from: d.QuantizeFrom = 0.0,
    batch_norm: d.BatchNorm = True,
    fan_in: t.FanIn = None,
    encoding: d.Encoding = "auto",
    levels: t.Levels = 4,
    image: d.Image = None,
    epochs: d.Epochs = 30,
    batch: d.Batch = 64,
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
    """Straight-through training as it is done today: BatchNorm, ternary or binary weights, a surrogate slope.

    [dim]threshc train ste --data table.csv --out model.onnx --hidden 64,64 --test 0.25[/]
    """
    from threshc.cli.progress import steps
    from threshc.cli.training_data import read_table
    from threshc.train import DeepStraightThroughClassifier

    rows = d.own_shape(read_table(data, labels, target, table))
    held_back = d.held_back(test_data, test_labels, target, table)
    with steps(quiet) as say:
        classifier = DeepStraightThroughClassifier(
            hidden,
            surrogate=surrogate,
            activation=activation,
            weights=weights,
            quantize_from=quantize_from,
            batch_norm=batch_norm,
            fan_in=fan_in,
            encoding=encoding,
            levels=levels,
            image_shape=d.image_shape(image),
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
