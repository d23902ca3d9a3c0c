"""Bits that several rows add up alike: all with the same signs, or all with the opposite ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from threshc.hdl.logic.tables import full
from threshc.hdl.unrolled.claims import Step

Signs = tuple[int, ...]
"""Per row of a group: 1, -1 (every bit is inverted), or 0 (the row has none of them). The first other than 0 is 1."""


@dataclass(frozen=True, slots=True)
class Carry:
    """A carry that is not a cell yet: it becomes a cell of its own, or part of the q of a pair."""

    depth: int
    support: int
    operands: tuple[int, ...]
    truth: int
    step: Step


@dataclass(slots=True)
class SharedPart:
    """A part of several rows that is added up once: (column, literal), (column, carry), and the steps that led there.

    A row of sign 1 has the part as it stands, a row of sign -1 with every literal inverted, constants too. So every
    step must stay valid when all literals are inverted. Full adders have this property; smaller counters are padded
    with constant 0 to get it.
    """

    signs: Signs
    plain: list[tuple[int, int]] = field(default_factory=list)
    pending: list[tuple[int, Carry]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """The number of rows that have the part."""
        return sum(map(bool, self.signs))

    def counts(self, width: int) -> list[int]:
        """Returns the entries per column, of the lowest `width` columns."""
        found = [0] * width
        for c, _ in (*self.plain, *self.pending):
            if c < width:
                found[c] += 1
        return found

    def constant(self, sign: int) -> int:
        """Returns the sum of the constants that a row of a sign has in it: those left, and those that steps have
        taken."""
        one = int(sign > 0)
        total = sum(1 << c for c, lit in self.plain if lit == one)
        for step in self.steps:
            total += sum(1 << step.column for term in step.inputs if term == (one,))
            total -= sum(1 << c for c, term in step.outputs if term == (one,))
        return total

    def below(self, width: int) -> SharedPart:
        """Returns the same part modulo 2**width."""
        steps = {id(s): Step(s.column, s.inputs, [o for o in s.outputs if o[0] < width]) for s in self.steps}
        pending = [(c, replace(carry, step=steps[id(carry.step)])) for c, carry in self.pending if c < width]
        kept = [steps[id(s)] for s in self.steps if s.column < width]
        return SharedPart(self.signs, [(c, lit) for c, lit in self.plain if c < width], pending, kept)


def restrict(parts: Sequence[SharedPart], rows: Sequence[int]) -> list[SharedPart]:
    """Returns what some rows of a group have of the parts; parts of equal signs become one. Steps are copied."""
    found: dict[Signs, SharedPart] = {}
    for part in parts:
        signs = tuple(part.signs[r] for r in rows)
        first = next((s for s in signs if s), 0)
        if first:
            key = tuple(s * first for s in signs)
            append(found.setdefault(key, SharedPart(key)), part, first < 0)
    return list(found.values())


def append(target: SharedPart, part: SharedPart, inverted: bool) -> None:
    """Adds a part, or its opposite, to another one, in place."""
    flip = int(inverted)
    if not inverted and not part.pending:  # complete steps never change
        target.plain += part.plain
        target.steps += part.steps
        return
    copies = {id(step): _copy(step, flip) for step in part.steps}
    target.plain += [(c, lit ^ flip) for c, lit in part.plain]
    target.steps += copies.values()
    for c, carry in part.pending:
        truth = carry.truth ^ (full(len(carry.operands)) if inverted else 0)
        target.pending.append((c, replace(carry, truth=truth, step=copies[id(carry.step)])))


def _copy(step: Step, flip: int) -> Step:
    inputs = tuple((t[0] ^ flip, *t[1:]) for t in step.inputs)
    return Step(step.column, inputs, [(c, (t[0] ^ flip, *t[1:])) for c, t in step.outputs])
