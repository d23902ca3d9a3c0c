"""What `threshc train` prints about a trained network, and the comparison of its circuit with the estimator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threshc.cli.tables import print_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from threshc.cli.training_data import Table
    from threshc.compiler.ir.ops import Output


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
    from threshc.cli.training_plot import curves, draw

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
    values = (float(estimator.scale_[0]), float(estimator.offset_[0])) if not len(classes) else None
    print_trained(out, rows, x.reshape(len(x), *shape), expected_outputs(estimator, x), classes, values)
    if plot is not None:
        draw(plot, curves(estimator), "round of column generation" if convex else "epoch")


def _convex(estimator: Any) -> Rows:
    certificate = estimator.certificate_
    return [
        ("objective", f"{certificate.objective:.6f}", "counted"),
        ("lower bound", f"{certificate.lower_bound:.6f}", "proved"),
        ("gap", f"{certificate.gap:.6f}", "proved"),
        ("objective, output weights rounded", f"{estimator.rounded_objective_:.6f}", "counted"),
        ("columns", f"{certificate.columns:,}", "counted"),
    ]


def print_trained(
    out: Path,
    figures: Sequence[tuple[str, str, str]],
    x: NDArray[np.float64],
    expected: NDArray[np.int64],
    classes: Sequence[object] = (),
    values: tuple[float, float] | None = None,
) -> None:
    """Prints the figures, and those of the circuit, which must give the classes or scores expected (N,) of x (N, d).

    classes: the label of each class number, which is printed where a label is not its own number. values: scale and
    offset that make real values of expected scores. Raises AssertionError where the circuit gives others.
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
    if found is None or not (
        np.array_equal(found.reshape(-1), expected)
        if values is None
        else same_scores(network.outputs[0], found.reshape(-1), expected, *values)
    ):
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


def same_scores(
    output: Output, found: NDArray[np.integer], expected: NDArray[np.int64], scale: float, offset: float
) -> bool:
    """Returns whether scores found (N,) stand for the estimator's, expected (N,): expected = factor * found + constant.

    The compiler moves the factor and the constant, which are the same for all samples, into the output's scale and
    offset. The integers are compared exactly, and real values as closely as float32 tells them. scale, offset: those of
    the expected scores.
    """
    import numpy as np

    reach = int(found.max()) - int(found.min())
    factor = max(1, (int(expected.max()) - int(expected.min())) // max(reach, 1))
    constant = int(expected[0]) - factor * int(found[0])
    real = offset + scale * expected.astype(np.float64)
    given = output.offset.reshape(-1)[0] + output.scale.reshape(-1)[0] * found.astype(np.float64)
    near = np.abs(given - real) <= scale / 2 + 1e-6 * (abs(offset) + np.abs(real))
    return bool(near.all() and (expected == factor * found.astype(np.int64) + constant).all())
