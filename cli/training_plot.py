"""The picture of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from threshc.compiler.diagnostics import fail
from threshc.compiler.files import draft


def curves(estimator: Any) -> dict[str, list[float]]:
    """Returns curves by name: objective and lower bound, else the loss and, where there are any, errors of 0 to 1."""
    if hasattr(estimator, "certificate_"):
        history = estimator.history_
        return {"objective": [c.objective for c in history], "lower bound": [c.lower_bound for c in history]}
    epochs = getattr(getattr(estimator, "history_", None), "epochs", [])
    held = [1 - e.held_accuracy for e in epochs if e.held_accuracy is not None]
    errors = {"training error": [1 - e.accuracy for e in epochs], "validation error": held}
    return {"loss": list(estimator.loss_curve_), **{name: curve for name, curve in errors.items() if curve}}


def draw(path: Path, curves: Mapping[str, Sequence[float]], x_label: str, x: Sequence[float] | None = None) -> None:
    """Draws curves over x, the rounds by default, into a .png, .svg or .pdf, whole or not at all. Needs matplotlib."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise fail("pictures need matplotlib", where="--plot", hint='pip install "threshc[report]"') from None
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for name, values in curves.items():
        axes.plot(range(len(values)) if x is None else x, values, "-" if x is None else "o-", label=name)
    axes.set_xlabel(x_label)
    axes.set_ylim(bottom=0)
    axes.legend()
    try:
        with draft(path, path.suffix) as partial:
            figure.savefig(partial)
    except ValueError as error:
        raise fail("the picture cannot be written", where=str(path), why=str(error)) from None
    finally:
        pyplot.close(figure)
