"""Tables of five or six inputs as tables of four, after Ashenhurst (1957) and Curtis (1962).

`f = g(h(B), D)` takes two tables, `f = g(h1(B), h2(B), D)` three: the bound inputs B, at most four, only matter through
one or two bits. Of trained 6-input threshold functions most take two or three (docs/research/sharing.md).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.logic.tables import MUX, cofactors

_SIZE = 4
Split = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]
"""(bound inputs, direct inputs, tables over the bound ones, the table over their bits and the direct inputs)."""


def decompose(luts: LutNet, operands: list[int], truth: int) -> int:
    """Returns the literal of a table over up to six literals, made of tables of at most four inputs."""
    if len(operands) <= _SIZE:
        return luts.lut(operands, truth)
    found = split(truth, len(operands))
    if found is not None:
        bound, direct, inner, outer = found
        bits = [luts.lut([operands[k] for k in bound], table) for table in inner]
        return luts.lut([*bits, *(operands[k] for k in direct)], outer)
    last = len(operands) - 1
    low, high = (decompose(luts, operands[:last], half) for half in cofactors(truth, last, len(operands)))
    return luts.lut((operands[last], high, low), MUX)


@lru_cache(1 << 14)
def split(truth: int, inputs: int) -> Split | None:
    """Returns two tables that make a table of `inputs` inputs, else three, else None."""
    everything = tuple(range(inputs))
    for bits in (1, 2):
        for bound in combinations(everything, _SIZE):
            free = tuple(k for k in everything if k not in bound)
            room = _SIZE - bits - len(free)
            for shared in combinations(bound, max(room, 0)):
                found = _split(truth, inputs, bound, (*free, *shared), bits) if room >= 0 else None
                if found is not None:
                    return found
    return None


def _split(truth: int, inputs: int, bound: tuple[int, ...], direct: tuple[int, ...], bits: int) -> Split | None:
    """Returns `bits` inner tables over `bound` and an outer one that reads `direct` too; None where these do not
    suffice."""
    free = [k for k in direct if k not in bound]
    shared = [k for k, x in enumerate(bound) if x in direct]
    codes: dict[int, dict[tuple[int, ...], int]] = {}  # by the values of the shared inputs: the number of each column
    inner = [0] * bits
    columns: dict[tuple[int, int], tuple[int, ...]] = {}
    for b in range(1 << len(bound)):
        base = sum((b >> k & 1) << x for k, x in enumerate(bound))
        column = tuple(
            truth >> (base | sum((f >> k & 1) << x for k, x in enumerate(free))) & 1 for f in range(1 << len(free))
        )
        mine = sum((b >> k & 1) << j for j, k in enumerate(shared))
        known = codes.setdefault(mine, {})
        code = known.setdefault(column, len(known))
        if code >> bits:
            return None
        columns[mine, code] = column
        for j in range(bits):
            inner[j] |= (code >> j & 1) << b
    outer = 0
    for i in range(1 << (bits + len(direct))):
        code, rest = i & ((1 << bits) - 1), i >> bits
        found = columns.get((rest >> len(free), code))
        outer |= (found[rest & ((1 << len(free)) - 1)] if found else 0) << i
    return bound, direct, tuple(inner), outer
