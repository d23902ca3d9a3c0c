"""The cost of a circuit that adds up rows: tables, levels of logic, and registers where they are put by levels."""

from __future__ import annotations

from collections.abc import Sequence

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.mapping import mapped_size

_LEVEL = 1 / 400  # of the tables: what a level more may save
_REGISTER = 0.5  # tables: about every other one has a table of its own before it, and shares its cell


def cost(luts: LutNet, wanted: Sequence[int], size: int, limit: int) -> float:
    """Returns what the tables that literals need cost, in tables of up to `size` inputs.

    A level of logic counts a little, and a register half a table; limit: the most levels between registers, 0 for none.
    """
    tables = mapped_size(luts, wanted, size)
    first = min(luts.depths[1 : luts.inputs + 1], default=0)
    levels = max(map(luts.depth, wanted), default=first) - first
    held = _REGISTER * registers(luts, wanted, limit) if limit else 0
    return tables * (1 + _LEVEL * levels) + held


def registers(luts: LutNet, wanted: Sequence[int], limit: int) -> int:
    """Returns how many registers hold bits for later stages; all literals leave in the last one."""
    live = luts.live(wanted)
    stage = [max(depth - 1, 0) // limit for depth in luts.depths]
    last = {lit >> 1: max(stage[x >> 1] for x in wanted) for lit in wanted if lit > 1}
    for node in live:
        for x in luts.operands[node]:
            last[x] = max(last.get(x, 0), stage[node])
    return sum(max(0, until - stage[node]) for node, until in last.items())
