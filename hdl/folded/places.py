"""How many chunks a folded layer's buffer holds and how many answers its queue, where a plan states it."""

from __future__ import annotations

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.folded.fold import Fold

LONGEST = 1024
"""Places of a queue: each is a register."""


def buffer_places(fold: Fold, chunks: int) -> int:
    """Returns the places of a layer's buffer. Twice the chunks of a sample, where the plan says nothing: a steady
    source never waits then."""
    return fold.buffer or 2 * chunks


def check_places(fold: Fold, chunks: int, name: str) -> None:
    """Raises CompileError where a layer's buffer cannot hold the chunks of a sample, which stay until the last group of
    neurons has read them, and where its queue is longer than is made of registers."""
    where = f"{option('fold')}: layer {name}"
    if 0 < fold.buffer < chunks:
        raise fail(
            f"a buffer of {fold.buffer:,} chunks is too small",
            where=where,
            why=f"a sample is {chunks:,} chunks, and they stay until the last group of neurons has read them",
            hint=f"{chunks:,} or more; with {2 * chunks:,} a steady source never waits",
        )
    if fold.queue > LONGEST:
        why = "each place for an answer is a register"
        raise fail(f"a queue of {fold.queue:,} places is too long", where=where, why=why, hint=f"{LONGEST:,} or fewer")
