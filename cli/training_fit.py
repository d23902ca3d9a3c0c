"""Fitting an estimator to a table, for the commands of `threshc train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threshc.cli.training_data import Table


def fit(
    estimator: Any, table: Table, held_back: Table | None, test: float, seed: int, *, regression: bool
) -> list[tuple[str, str, str]]:
    """Trains on all but the share `test` of the table, stratified by class.

    Returns rows (figure, value, source) of accuracies, or of R^2 for regression: of the samples trained on, of the
    share, and of held_back. Raises CompileError for what the estimator refuses with a ValueError.
    """
    from sklearn.model_selection import train_test_split

    from threshc.compiler.diagnostics import fail

    try:
        x, y, parts = table.x, table.y, {}
        if test > 0:
            by = None if regression else y
            x, held_x, y, held_y = train_test_split(x, y, test_size=test, random_state=seed, stratify=by)
            parts["held back"] = held_x, held_y
        if held_back is not None:
            parts["test samples"] = held_back.x, held_back.y
        estimator.fit(x, y)
    except ValueError as error:
        raise fail(str(error), where="threshc train") from None
    name, form = ("R^2", ".4f") if regression else ("accuracy", ".2%")
    return [
        (f"{name}, {part}", f"{estimator.score(*of):{form}} of {len(of[0]):,}", "counted")
        for part, of in {"training": (x, y), **parts}.items()
    ]


def expected_outputs(estimator: Any, x: Any) -> Any:
    """Returns what the estimator's integers say of samples x, int64 (N,): positions in `classes_`, or a regressor's
    scores."""
    if hasattr(estimator, "classes_"):
        return (estimator.classes_ == estimator.predict(x)[:, None]).argmax(axis=1)
    return estimator.network_.scores(x)[:, 0]
