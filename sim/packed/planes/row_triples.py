# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""Three rows at a time: what two or three of them have in common is counted once.

For rows of +-1 weights, half of the inputs of each are counted (`neurons.py`), 3/2 of them for three rows. Sorted by
which of the three rows want them, the inputs fall into eight classes of about an eighth each, one of which nobody
wants: 7/8 are counted, in seven lists, and sums of lists are added as numbers. With c101 the number of set inputs
that rows 1 and 3 want, and so on:

    phase | starts from   | counts | adds | and then
    0     | constant Q    | c101   | H    | is kept as Q + H
    1     | constant R    | c011   |      | is kept as R
    2     | constant P    | c111   |      | is kept as P
    3     | what is there | c110   |      | is kept as X
    4     | what is there | c100   |      | is row 1, against Q + H
    5     | X             | c010   | R    | is row 2, against H
    6     | P             | c001   | R    | is row 3, against Q + H

The constants of the rows are e1 = P + Q, e2 = P + R, e3 = P + Q + R (see `row_triples_plan.py`). A row is 2 * U + low,
compared with 2 * H + h as in `rows.py`, mode AGAINST, which takes carries only: Q is added to H once for two rows. This
is adder sharing as in a circuit, chosen such that a literal is still read from the few planes of the inputs, and that
no list is short.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils

from threshc.sim.packed.machine.simd import I32, I64, V, broadcast, has_pternlog, kernel, load_at, pointer, store_at
from threshc.sim.packed.planes.rows import Emitter

_NEAR = 9
"""Sums of so many digits are of planes that fit in the nearest cache, or nearly."""


class _RowTriple(Emitter):
    """A running sum that is kept in, and added from, slots: `count` planes each, from word `slots` on."""

    def __init__(self, context, builder, count, planes, lits, slots) -> None:
        super().__init__(context, builder, count, planes, lits, far=count > _NEAR)
        self.slots = slots

    def place(self, slot):
        """The first word of a slot."""
        b = self.builder
        return b.add(self.slots, b.mul(slot, I64(8 * self.levels)))

    def _at(self, slot, level):
        return self.builder.add(self.place(slot), I64(8 * level))

    def keep(self, slot):
        b = self.builder
        for level in range(self.levels):
            store_at(b, self.planes, self._at(slot, level), b.load(self.s[level]), 64)

    def resume(self, slot):
        b = self.builder
        for level in range(self.levels):
            b.store(load_at(b, self.planes, self._at(slot, level), V, 64), self.s[level])

    def add(self, place):
        """Add the number whose digits begin at a word."""
        b, carry = self.builder, ir.Constant(V, [0] * 8)
        for level in range(self.levels):
            other = load_at(b, self.planes, b.add(place, I64(8 * level)), V, 64)
            total, carry = self.add3(b.load(self.s[level]), other, carry)
            b.store(total, self.s[level])


def make(levels, width):
    """Returns the kernel (see `simd.kernel`) for a number of digits of the comparison, and literals of `width` bits.

    The running sum has one digit less. The three words are slots, nothing, against: `slots` is room for
    4 * (levels - 1) planes. Per triple t: starts[t] in lits; runs[7*t + phase] = blocks of four literals;
    masks[t * (3*levels + 3) ..] = the digits of the constants Q, R and P as 0 / -1, then for each row `low` and
    the flip.
    """
    count = levels - 1

    def emit(context, b, planes, lits, starts, runs, masks, first, last, slots, _, against, out):
        starts, runs, masks = pointer(b, starts, I64), pointer(b, runs, I32), pointer(b, masks, I64)
        literals = pointer(b, lits, ir.IntType(width))
        e = _RowTriple(context, b, count, pointer(b, planes, I64), literals, b.shl(slots, I64(3)))
        words, against = cgutils.alloca_once(b, I64), b.shl(against, I64(3))
        upper = b.add(against, I64(8))
        pairs = has_pternlog(context)  # there are enough registers
        b.store(b.shl(out, I64(3)), words)

        def mask(index):
            return broadcast(b, b.load(b.gep(masks, [index])))

        def among(phases, phase):
            return b.icmp_unsigned("!=", b.and_(b.lshr(I64(sum(1 << p for p in phases)), phase), I64(1)), I64(0))

        with cgutils.for_range_slice(b, first, last, I64(1), intp=I64, inc=True) as (triple, _):
            constants = b.mul(triple, I64(3 * count + 6))
            ends = b.add(constants, I64(3 * count))
            b.store(b.load(b.gep(starts, [triple])), e.at)
            for slot in e.s:
                b.store(ir.Constant(V, [0] * 8), slot)
            with cgutils.for_range(b, I64(7), intp=I64) as loop:
                phase = loop.index
                with b.if_then(among((0, 1, 2), phase)):
                    for level in range(count):
                        b.store(mask(b.add(constants, b.add(b.mul(phase, I64(count)), I64(level)))), e.s[level])
                with b.if_then(among((5, 6), phase)):
                    e.resume(b.sub(I64(8), phase))
                e.add_list(b.zext(b.load(b.gep(runs, [b.add(b.mul(triple, I64(7)), phase)])), I64), pairs=pairs)
                with b.if_then(among((0, 5, 6), phase)):
                    e.add(b.select(among((0,), phase), upper, e.place(I64(1))))
                with b.if_then(among((0, 1, 2, 3), phase)):
                    e.keep(phase)
                with b.if_then(among((4, 5, 6), phase)):
                    row = b.add(ends, b.shl(b.sub(phase, I64(4)), I64(1)))
                    shared = b.select(among((5,), phase), upper, e.place(I64(0)))
                    e.compare(mask(row), against, shared, b.load(words), mask(b.add(row, I64(1))))
                    b.store(b.add(b.load(words), I64(8)), words)

    return kernel(emit)
