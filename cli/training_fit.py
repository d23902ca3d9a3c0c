"""Fitting an estimator to a table, for the commands of `threshc train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threshc.cli.training_data import Table


def fit(
    classifier: Any, table: Table, test: float, seed: int, *, regression: bool = False
) -> list[tuple[str, str, str]]:
    """Train on a share of the samples, stratified; the accuracies, or R^2. Wrong parameters become errors of the
    command."""
    from sklearn.model_selection import train_test_split

    from threshc.compiler.diagnostics import fail

    try:
        x, y, held = table.x, table.y, None
        by = None if regression else y
        if test > 0:
            x, held_x, y, held_y = train_test_split(x, y, test_size=test, random_state=seed, stratify=by)
            held = held_x, held_y
        classifier.fit(x, y)
    except ValueError as error:
        raise fail(str(error), where="threshc train") from None
    name, form = ("R^2", ".4f") if regression else ("accuracy", ".2%")
    found = [(f"{name}, training", f"{classifier.score(x, y):{form}} of {len(x):,}", "counted")]
    if held is not None:
        found.append((f"{name}, held back", f"{classifier.score(*held):{form}} of {len(held[0]):,}", "counted"))
    return found


def class_numbers(classifier: Any, table: Table) -> Any:
    """Predicted classes as positions in `classes_`, which is what the circuit puts out."""
    import numpy as np

    return np.searchsorted(classifier.classes_, classifier.predict(table.x))


def real_targets(table: Table) -> Table:
    """The table with its labels as real numbers. Raises CompileError by row for others."""
    from dataclasses import replace

    import numpy as np

    from threshc.compiler.diagnostics import fail

    values = np.zeros(len(table.y))
    for row, label in enumerate(table.y.tolist()):
        try:
            values[row] = float(label)
        except ValueError:
            raise fail(f"the target {label!r} is no number", where=f"sample {row + 1}") from None
        if not np.isfinite(values[row]):
            raise fail(f"the target {label!r} is not finite", where=f"sample {row + 1}")
    return replace(table, y=values)


def whole_scores(regressor: Any, table: Table) -> Any:
    """What the circuit of a regressor puts out: its integer scores without the constant, which the offset holds."""
    return (regressor.network_.scores(table.x) - regressor.network_.bias)[:, 0]
