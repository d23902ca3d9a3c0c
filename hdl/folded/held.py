"""What the stages of the cycle model note of themselves: what they held, and when a step waited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple


class Held(NamedTuple):
    """Something that a stage holds up to `places` of. In cycle t it holds as many as there are numbers up to t in
    `came`, less those in `left`."""

    what: Literal["buffer", "queue", "word", "class", "registers"]
    places: int
    came: Sequence[int]
    left: Sequence[int]


class Wait(NamedTuple):
    """Cycles from `first` on in which a step was not taken: for want of its chunk, or of a place for the answer."""

    first: int
    cycles: int
    want: Literal["chunk", "place"]
