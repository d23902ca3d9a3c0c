"""The sparsity path of `threshc train rvscgd --path`: a table of its networks, of which one is exported."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail

if TYPE_CHECKING:
    from threshc.cli.training_data import Table
    from threshc.train.rvscgd import RVSCGDClassifier
    from threshc.train.rvscgd_sparsity_path import PathPoint


def prices(text: str) -> list[float]:
    """Returns the lambdas of `--path`. Raises CompileError for anything but numbers above 0 with commas between."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 < lam < math.inf for lam in found):
        raise fail(f"{text!r} is not a list of numbers above 0", where="--path", hint="1e-5,3e-5,1e-4")
    return found


def train_path(
    path_of: Callable[..., list[PathPoint]],
    classifier: RVSCGDClassifier,
    table: Table,
    held_back: Table | None,
    out: Path,
    *,
    lams: Sequence[float],
    lose: float,
    test: float,
    seed: int,
    plot: Path | None,
) -> None:
    """Trains the path and prints it; exports the sparsest network whose accuracy is within `lose` points of the best's.

    Accuracies are those of held_back, else of the share `test` of the table, else of the training samples.
    """
    from sklearn.model_selection import train_test_split

    from threshc.cli.tables import print_table
    from threshc.cli.training_fit import expected_outputs
    from threshc.cli.training_plot import draw
    from threshc.cli.training_report import COMPARED, print_trained

    try:
        x, y, held = table.x, table.y, None
        if held_back is not None:
            held = held_back.x, held_back.y
        elif test > 0:
            x, held_x, y, held_y = train_test_split(x, y, test_size=test, random_state=seed, stratify=y)
            held = held_x, held_y
        points = path_of(classifier, x, y, lams, held)
    except ValueError as error:
        raise fail(str(error), where="threshc train") from None
    enough = max(point.accuracy for point in points) - lose / 100
    chosen = max((point for point in points if point.accuracy >= enough), key=lambda point: point.sparsity)
    print_table(
        "path", ("lambda", "weights that are 0", "weights left", "accuracy", "written"), _rows(points, chosen), "rrrrl"
    )
    trained, samples = chosen.classifier, (x if held is None else held[0])
    trained.export_onnx(out)
    figures = [
        ("lambda", f"{chosen.lam:g}", "chosen"),
        ("accuracy, training", f"{trained.score(x, y):.2%} of {len(x):,}", "counted"),
        *([("accuracy, test samples", f"{chosen.accuracy:.2%} of {len(samples):,}", "counted")] if held else []),
        ("weights that are 0", f"{trained.network_.sparsity:.2%}", "counted"),
        ("neurons", f"{trained.network_.neurons:,}", "counted"),
    ]
    samples = samples[:COMPARED]
    shaped = samples.reshape(len(samples), *trained.shape_)
    print_trained(out, figures, shaped, expected_outputs(trained, samples), trained.classes_.tolist())
    if plot is not None:
        errors = {f"{'test' if held else 'training'} error": [1 - point.accuracy for point in points]}
        draw(plot, errors, "share of the weights that are 0", [point.sparsity for point in points])


def _rows(points: Sequence[PathPoint], chosen: PathPoint) -> list[tuple[str, ...]]:
    return [
        (f"{p.lam:g}", f"{p.sparsity:.2%}", f"{p.nonzero:,}", f"{p.accuracy:.2%}", "yes" if p is chosen else "")
        for p in points
    ]
