"""How many chunks a folded layer's buffer holds and how many answers its queue, where a plan states it."""

from __future__ import annotations

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.folded.fold import Fold
from threshc.hdl.folded.walk import Walk

LONGEST = 1024
"""Places of a queue: each is a register."""


def check_places(fold: Fold, chunks: int, name: str, walk: Walk | None = None) -> None:
    """Raises CompileError where a layer's buffer cannot hold what its passes read, and where its queue is longer than
    is made of registers. walk: of a convolution, whose buffer has a power of two of places."""
    where = f"{option('fold')}: layer {name}"
    least, best = (chunks, 2 * chunks) if walk is None else (walk.span, walk.usual_places)
    if 0 < fold.buffer < least:
        raise fail(
            f"a buffer of {fold.buffer:,} chunks is too small",
            where=where,
            why=f"a sample is {chunks:,} chunks, and they stay until the last group of neurons has read them"
            if walk is None
            else f"a position needs up to {least:,} chunks at once",
            hint=f"{least:,} or more; with {best:,} a steady source never waits",
        )
    if walk is not None and fold.buffer & (fold.buffer - 1):
        why = "addresses of a convolution's buffer wrap by themselves"
        raise fail(f"a buffer of {fold.buffer:,} chunks is not a power of two", where=where, why=why, hint=f"{best:,}")
    if fold.queue > LONGEST:
        why = "each place for an answer is a register"
        raise fail(f"a queue of {fold.queue:,} places is too long", where=where, why=why, hint=f"{LONGEST:,} or fewer")
