"""What `threshc train` prints about a trained network, and the picture of its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threshc.cli.tables import print_table
from threshc.compiler.diagnostics import fail
from threshc.compiler.files import draft

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from threshc.cli.training_data import Table


Rows = list[tuple[str, str, str]]
"""Figure, value, source."""

COMPARED = 10_000
"""Samples, at most, that a deep network's labels are compared on: its integers are computed in numpy, slowly."""


def report(
    estimator: Any,
    table: Table,
    held_back: Table | None,
    out: Path,
    scores: Rows,
    plot: Path | None,
) -> None:
    """Prints the figures of a trained estimator and of its circuit, and draws its curves where plot is given.

    What is printed follows the attributes that the estimator has after `fit`: certificate_ and history_ of convex
    training, else loss_curve_ and n_iter_ (epochs); real_accuracy_ and integer_accuracy_ where weights were rounded;
    network_ with neurons and sparsity. scores: rows from `fit`. out: the model that was written. The circuit must give
    what the estimator says of held_back, else of the table; raises AssertionError if it does not.
    """
    from threshc.cli.training_fit import expected_outputs

    network = estimator.network_
    convex = hasattr(estimator, "certificate_")
    rows = _convex(estimator) if convex else [("loss of the last epoch", f"{estimator.loss_curve_[-1]:.6f}", "counted")]
    rows += scores
    if getattr(estimator, "quantize_from", 0) > 0:
        lost = estimator.real_accuracy_ - estimator.integer_accuracy_
        rows.append(("accuracy lost by rounding weights", f"{100 * lost:.2f} points", "counted"))
    if not convex:
        rows.append(("epochs", f"{estimator.n_iter_}", "counted"))
    rows.append(("neurons", f"{network.neurons:,}", "counted"))
    rows.append((f"{'hidden ' * convex}weights that are 0", f"{network.sparsity:.2%}", "counted"))
    x = (table if held_back is None else held_back).x[: None if convex else COMPARED]
    shape = getattr(estimator, "shape_", x.shape[1:])
    classes = estimator.classes_.tolist() if hasattr(estimator, "classes_") else ()
    print_trained(out, rows, x.reshape(len(x), *shape), expected_outputs(estimator, x), classes)
    if plot is not None:
        draw(plot, _curves(estimator), "round of column generation" if convex else "epoch")


def _convex(estimator: Any) -> Rows:
    certificate = estimator.certificate_
    return [
        ("objective", f"{certificate.objective:.6f}", "counted"),
        ("lower bound", f"{certificate.lower_bound:.6f}", "proved"),
        ("gap", f"{certificate.gap:.6f}", "proved"),
        ("objective, output weights rounded", f"{estimator.rounded_objective_:.6f}", "counted"),
        ("columns", f"{certificate.columns:,}", "counted"),
    ]


def _curves(estimator: Any) -> dict[str, list[float]]:
    """Curves by name: objective and lower bound, else the loss and, where epochs have accuracies, errors (0 to 1)."""
    if hasattr(estimator, "certificate_"):
        history = estimator.history_
        return {"objective": [c.objective for c in history], "lower bound": [c.lower_bound for c in history]}
    epochs = getattr(getattr(estimator, "history_", None), "epochs", [])
    held = [1 - e.held_accuracy for e in epochs if e.held_accuracy is not None]
    errors = {"training error": [1 - e.accuracy for e in epochs], "validation error": held}
    return {"loss": list(estimator.loss_curve_), **{name: curve for name, curve in errors.items() if curve}}


def print_trained(
    out: Path,
    figures: Sequence[tuple[str, str, str]],
    x: NDArray[np.float64],
    expected: NDArray[np.int64],
    classes: Sequence[object] = (),
) -> None:
    """The figures, and those of the circuit, which must give the classes or scores expected (N,) of x (N, d).

    classes: the label of each class number, which is said where a label is not its own number.
    """
    import numpy as np

    from threshc.compiler.encoding import Affine
    from threshc.hdl.options import CircuitOptions
    from threshc.hdl.size import predict
    from threshc.sim import packed
    from threshc.tasks.load import load

    network = load(out)
    whole = isinstance(network.input.encoding, Affine)
    result = packed.run(network, x.astype(np.int64 if whole else np.float32), bits=False)
    what, found = ("labels", result.labels) if result.labels is not None else ("scores", result.scores)
    if found is None or not np.array_equal(found.reshape(-1), expected):
        raise AssertionError(f"{what} of the compiled network are not the estimator's")
    luts = [predict(network, CircuitOptions(family=family)).luts for family in (None, "xilinx")]
    rows = [
        *figures,
        (f"{what} equal to predict", f"{len(x):,} of {len(x):,}", "simulated"),
        ("LUT4 of all layers", f"{luts[0]:,}", "estimated"),
        ("LUT6 of all layers", f"{luts[1]:,}", "estimated"),
    ]
    print_table(str(out), ("figure", "value", "source"), rows, "lrl")
    if list(classes) != list(range(len(classes))):
        print_table("classes", ("number", "label"), [(str(k), str(label)) for k, label in enumerate(classes)], "rl")


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
