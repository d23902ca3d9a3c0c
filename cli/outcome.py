"""What a network answered, in the terminal or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from threshc.compiler.ir.network import Network
    from threshc.sim.result import Result

_SHOWN = 20


def print_outcome(result: Result, labels: NDArray[np.int64] | None, out: Path | None) -> None:
    """Prints the first classes, and the accuracy if `labels` are known; writes all classes into the file `out` if
    given."""
    found = result.labels
    if found is None:
        assert result.scores is not None
        print("scores:", *result.scores[:_SHOWN].ravel(), "..." if len(result.scores) > _SHOWN else "")
        found = result.scores
    else:
        print("classes:", *found[:_SHOWN], "..." if len(found) > _SHOWN else "")
    print(f"samples: {len(found)}")
    if labels is not None and result.labels is not None:
        right = int((found == labels).sum())
        print(f"accuracy: {right / len(labels):.2%} ({right} of {len(labels)})")
    if out is not None:
        from threshc.tasks.samples import write_array

        write_array(out, found)


def print_hints(
    network: Network, x: NDArray[np.generic], labels: NDArray[np.int64] | None, right: int | None = None
) -> None:
    """Prints on stderr where samples and the stated input look as if they did not belong together."""
    from threshc.cli.progress import note
    from threshc.sim.hints import hints

    for text in hints(network, x, labels, right):
        note(text)
