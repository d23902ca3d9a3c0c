"""`--data`, `--labels` and `--limit` as arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def samples_and_labels(
    data: Path | None, labels: Path | None = None, limit: int | None = None
) -> tuple[NDArray[np.generic] | None, NDArray[np.int64] | None]:
    """Samples (N, ...) and labels (N,), None for what is not given. An .npz may hold both."""
    from threshc.samples import labels_beside, read_labels, read_samples

    if data is None:
        if labels is not None:
            raise fail("labels without samples", where="--labels", hint="give the samples with --data")
        return None, None
    x = read_samples(data)
    y = read_labels(labels) if labels is not None else labels_beside(data)
    if y is not None and len(y) != len(x):
        raise fail(f"there are {len(x)} samples and {len(y)} labels", where=str(labels or data))
    return x[:limit], None if y is None else y[:limit]
