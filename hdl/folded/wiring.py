"""Which stream each part of a circuit takes: in a line, or over ways that part and meet again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from threshc.hdl.folded.branch_schedule import FifoStage, ForkStage, JoinStage
from threshc.hdl.folded.schedule import Stage


class Feed(NamedTuple):
    """A stream: of a part, -1 being the circuit's own input, and which of its streams out."""

    part: int
    port: int = 0


Feeds = Sequence[Sequence[Feed]]
"""Of every part, the streams that it takes, in order. Every stream out but the last part's is taken once."""


def in_line(parts: int) -> Feeds:
    """Returns the wiring of a chain: each takes what the one before gives."""
    return [[Feed(k - 1)] for k in range(parts)]


def ends(part: Any) -> tuple[list[Any], list[Any]]:
    """Returns the streams of a component that come in and go out: `i` or `i0`, `i1`, .., and `o` or `o0`, `o1`, .."""
    found: dict[str, list[Any]] = {"i": [], "o": []}
    for name in part.signature.members:
        if name[0] in found and (name[1:].isdecimal() or len(name) == 1):
            found[name[0]].append(getattr(part, name))
    return found["i"], found["o"]


def link(stages: Sequence[Stage | None], feeds: Feeds, sink: Stage) -> list[Stage]:
    """Joins the stages of parts, None for those that take no cycle, and the sink behind the last one; returns the first
    one, and for every part where its first stream out goes to."""
    takes = {feed: k for k, some in enumerate(feeds) for feed in some}

    def behind(feed: Feed) -> Stage:
        if feed.part == len(stages) - 1:
            return sink
        k = takes[feed]
        stage = stages[k]
        return behind(Feed(k)) if stage is None else stage

    for k, stage in enumerate(stages):
        match stage:
            case None:
                continue
            case ForkStage():
                stage.branches = [behind(Feed(k, port)) for port in range(sum(f.part == k for f in takes))]
            case FifoStage():
                join = behind(Feed(k))
                assert isinstance(join, JoinStage)
                stage.join = join
            case JoinStage():
                before = [stages[feed.part] if feed.part >= 0 else None for feed in feeds[k]]
                stage.queues = [one if isinstance(one, FifoStage) else None for one in before]
                assert stage.queues.count(None) == 1
                stage.after = behind(Feed(k))
            case _:
                stage.after = behind(Feed(k))
    return [behind(Feed(-1)), *(behind(Feed(k)) for k in range(len(stages)))]
