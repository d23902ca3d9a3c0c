"""`--data`, `--labels`, `--table` and `--limit` as arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from threshc.sim.data.options import TableOptions


def samples_and_labels(
    data: Path | None, labels: Path | None = None, limit: int | None = None, table: str | None = None
) -> tuple[NDArray[np.generic] | None, NDArray[np.int64] | None]:
    """Samples (N, ...) and labels (N,), None for what is not given. An .npz and a table may hold both."""
    if data is None:
        for option, value in (("--labels", labels), ("--table", table)):
            if value is not None:
                raise fail(f"{option} without samples", where=option, hint="give the samples with --data")
        return None, None
    from threshc.cli.progress import note
    from threshc.sim.data.options import parse_table_options
    from threshc.sim.data.whole import read_samples

    options = parse_table_options(table)
    y = labels_of(data, labels, options)
    x = read_samples(data, limit, options=samples_options(options, labels), note=note)
    if y is not None and (len(y) < len(x) or (limit is None and len(y) > len(x))):
        raise fail(f"there are {len(x)} samples and {len(y)} labels", where=str(labels or data))
    return x, None if y is None else y[: len(x)]


def labels_of(data: Path, labels: Path | None, options: TableOptions) -> NDArray[np.int64] | None:
    """Returns the labels of a file of their own, else those beside the samples, if any."""
    from threshc.cli.progress import note
    from threshc.sim.data.whole import labels_beside, read_labels

    if labels is not None:
        return read_labels(labels, options=options)
    return labels_beside(data, options=options, note=note)


def samples_options(options: TableOptions, labels: Path | None) -> TableOptions:
    """Returns how the samples are read: the target is a column of the labels' own table where there is one, not of
    theirs."""
    from threshc.sim.data.blocks import kind, readable

    if labels is None or options.target is None:
        return options
    with readable(labels):
        return replace(options, target=None) if kind(labels) in ("table", "parquet") else options
