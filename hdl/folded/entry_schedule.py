"""When comparisons with constants of every beat's own take and give a beat: their part of the cycle model."""

from __future__ import annotations

from dataclasses import dataclass

from threshc.hdl.folded.schedule import GatherStage


@dataclass(slots=True)
class CompareStage(GatherStage):
    """A beat is compared in the cycle in which it is taken, and its bits are valid in the next one; the next beat is
    taken in the cycle in which they leave, or later: a word of one beat."""
