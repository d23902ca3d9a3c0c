"""Fitting an estimator to a table, for the commands of `threshc train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threshc.cli.training_data import Table


def fit(classifier: Any, table: Table, test: float, seed: int) -> list[tuple[str, str, str]]:
    """Train on a share of the samples, stratified; the accuracies. Wrong parameters become errors of the command."""
    from sklearn.model_selection import train_test_split

    from threshc.compiler.diagnostics import fail

    try:
        x, y, held = table.x, table.y, None
        if test > 0:
            x, held_x, y, held_y = train_test_split(x, y, test_size=test, random_state=seed, stratify=y)
            held = held_x, held_y
        classifier.fit(x, y)
    except ValueError as error:
        raise fail(str(error), where="threshc train") from None
    found = [("accuracy, training", f"{classifier.score(x, y):.2%} of {len(x):,}", "counted")]
    if held is not None:
        found.append(("accuracy, held back", f"{classifier.score(*held):.2%} of {len(held[0]):,}", "counted"))
    return found


def class_numbers(classifier: Any, table: Table) -> Any:
    """Predicted classes as positions in `classes_`, which is what the circuit puts out."""
    import numpy as np

    return np.searchsorted(classifier.classes_, classifier.predict(table.x))
