"""`threshc train rvscgd`"""

from __future__ import annotations

from typing import Annotated

import typer

from threshc.cli import options as o
from threshc.cli import training_deep as d
from threshc.cli import training_options as t


def rvscgd(
    data: o.NeededData,
    out: t.Model,
    labels: o.Labels = None,
    target: t.Target = None,
    table: o.Table = None,
    test_data: d.TestData = None,
    test_labels: d.TestLabels = None,
    network: Annotated[
        str,
        typer.Option(
            "--network", metavar="NET", help="mlp, lenet, widths (256,256), or layers (conv6k5p2-pool2-fc84)."
        ),
    ] = "64",
    penalty: Annotated[str, typer.Option("--penalty", metavar="NAME", help="l0, l1 or tl1.")] = "l0",
    lam: Annotated[
        float, typer.Option("--lam", metavar="L", min=1e-12, help="Price of the penalty; larger: fewer weights.")
    ] = 1e-5,
    beta: Annotated[
        float, typer.Option("--beta", metavar="B", min=1e-9, help="How strongly weights are drawn to sparse ones.")
    ] = 1e-2,
    a: Annotated[float, typer.Option("--a", metavar="A", min=1e-9, help="Of tl1: from l0 (0) to l1 (large).")] = 1.0,
    path: Annotated[
        str | None,
        typer.Option("--path", metavar="L,L,..", help="Several --lam, one begun with the weights of the one before."),
    ] = None,
    lose: Annotated[
        float,
        typer.Option(
            "--lose", metavar="POINTS", min=0, help="--path: the sparsest within these of the best is written."
        ),
    ] = 1.0,
    refit: Annotated[
        int, typer.Option("--refit", metavar="N", min=0, help="Epochs, at the end, that train the weights left.")
    ] = 0,
    surrogate: Annotated[
        str, typer.Option("--surrogate", metavar="NAME", help="identity, clipped_relu, relu, sech2 or reste.")
    ] = "sech2",
    activation: d.Activation = "step",
    weights: d.Weights = "int8",
    batch_norm: d.BatchNorm = False,
    encoding: d.Encoding = "auto",
    levels: t.Levels = 4,
    image: d.Image = None,
    epochs: d.Epochs = 20,
    batch: d.Batch = 128,
    rate: d.Rate = 1e-2,
    weight_decay: d.WeightDecay = 5e-4,
    optimizer: Annotated[str, typer.Option("--optimizer", metavar="NAME", help="sgd or adam.")] = "sgd",
    schedule: d.Schedule = "step",
    checkpoint: d.CheckpointFile = None,
    test: t.Test = 0.0,
    seed: t.Seed = 0,
    plot: t.Plot = None,
    quiet: o.Quiet = False,
) -> None:
    """Sparse deep networks by relaxed variable splitting (RVSCGD; Dinh, Xin 2020).

    [dim]threshc train rvscgd --data table.csv --out model.onnx --network mlp --path 1e-5,3e-5,1e-4 --test 0.25[/]
    """
    from threshc.cli.progress import steps
    from threshc.cli.training_data import read_table
    from threshc.cli.training_path import prices, train_path
    from threshc.train import RVSCGDClassifier

    lams = None if path is None else prices(path)
    rows = d.own_shape(read_table(data, labels, target, table))
    held_back = d.held_back(test_data, test_labels, target, table)
    with steps(quiet) as say:
        classifier = RVSCGDClassifier(
            network,
            penalty=penalty,
            lam=lam,
            beta=beta,
            a=a,
            refit_epochs=refit,
            surrogate=surrogate,
            activation=activation,
            weights=weights,
            batch_norm=batch_norm,
            encoding=encoding,
            levels=levels,
            image_shape=d.image_shape(image),
            epochs=epochs,
            batch_size=batch,
            learning_rate=rate,
            weight_decay=weight_decay,
            optimizer=optimizer,
            schedule=schedule,
            checkpoint=checkpoint,
            callback=lambda epoch: say(str(epoch)),
            random_state=seed,
        )
        if lams is None:
            d.train_and_report(classifier, rows, held_back, out, test=test, seed=seed, plot=plot)
        else:
            train_path(classifier, rows, held_back, out, lams=lams, lose=lose, test=test, seed=seed, plot=plot)
