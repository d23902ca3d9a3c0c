"""What a command of `threshc train` does: read samples, make the estimator, fit, export, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threshc.cli.training_options import TrainerOption, values
from threshc.train.signature import Trainer

if TYPE_CHECKING:
    from threshc.cli.training_data import Table


def run(trainers: Sequence[Trainer], own: Sequence[TrainerOption], given: Mapping[str, Any]) -> None:
    """Trains with the command's arguments, writes `--out` and prints the figures.

    trainers: those that share the command. own: the options of their estimators. given: all arguments, by the names
    of the command's parameters. Raises CompileError for wrong arguments and samples, before anything is written.
    """
    from threshc import train
    from threshc.cli.progress import steps
    from threshc.cli.training_fit import fit
    from threshc.cli.training_path import prices, train_path
    from threshc.cli.training_report import report
    from threshc.compiler.diagnostics import fail

    regression = given.get("regression", False)
    (trainer,) = (trainer for trainer in trainers if trainer.regression == regression)
    arguments = values(own, given, trainer)
    path, lose = given.get("path"), given.get("lose", 1.0)
    lams = None if path is None else prices(path)
    if lams is None and lose != 1.0:
        raise fail("--lose has no effect without --path", where="--lose", hint="--path, or omit --lose")
    make = getattr(train, trainer.estimator)
    rows, held_back = _samples(given, shaped="image_shape" in arguments, real=regression)
    test, seed, out, plot = (given[name] for name in ("test", "seed", "out", "plot"))
    with steps(given["quiet"]) as progress:
        estimator = make(**arguments, callback=lambda record: progress(str(record)))
        if lams is not None:
            path_of = getattr(train, trainer.path)
            train_path(path_of, estimator, rows, held_back, out, lams=lams, lose=lose, test=test, seed=seed, plot=plot)
            return
        scores = fit(estimator, rows, held_back, test, seed, regression=regression)
    estimator.export_onnx(out)
    report(estimator, rows, held_back, out, scores, plot)


def _samples(given: Mapping[str, Any], *, shaped: bool, real: bool) -> tuple[Table, Table | None]:
    """The samples to train with and those of `--test-data`, None without. shaped: as their file has them, in shape and,
    for integers, in type; else (n, d) float64. real: with real targets instead of labels."""
    from threshc.cli.training_data import own_shape, read_table, real_targets
    from threshc.compiler.diagnostics import fail

    def read(data: Path, labels: Path | None) -> Table:
        table = read_table(data, labels, given["target"], given["table"])
        table = own_shape(table) if shaped else table
        return real_targets(table) if real else table

    rows = read(given["data"], given["labels"])
    if given["test_data"] is not None:
        return rows, read(given["test_data"], given["test_labels"])
    if given["test_labels"] is not None:
        raise fail("labels without samples", where="--test-labels", hint="give the samples with --test-data")
    return rows, None
