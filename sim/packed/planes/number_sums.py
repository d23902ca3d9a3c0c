# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""Sums of numbers instead of bits: the digits of a number lie in `NUMBER` planes in a row.

A row is U = the sum of the numbers of its list plus a constant; a number is added with a full adder per digit, so it
takes one index where its bits would take one each. At the end of a row, by mode:
    VALUE    stores the digits of U and a zero, each xored with the row's flip
    AGAINST  stores the top digit of 2 * U + low + H as in `rows.py`, xored with the flip
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils

from threshc.sim.packed.machine.simd import I32, I64, V, broadcast, kernel, load_at, pointer, store_at
from threshc.sim.packed.planes.layout import AGAINST, NUMBER, VALUE
from threshc.sim.packed.planes.rows import Emitter


class _Total(Emitter):
    def add_number(self):
        """Add the next number of the list."""
        b = self.builder
        place = b.zext(b.load(b.gep(self.lits, [b.load(self.at)])), I64)
        carry = None
        for level in range(self.levels):
            s = b.load(self.s[level])
            if level >= NUMBER:
                total, carry = b.xor(s, carry), b.and_(s, carry)
            else:
                digit = load_at(b, self.planes, b.add(place, I64(8 * level)), V, 64)
                total, carry = self.add3(s, digit, carry) if level else (b.xor(s, digit), b.and_(s, digit))
            b.store(total, self.s[level])
        b.store(b.add(b.load(self.at), I64(1)), self.at)


def make(levels, width):
    """Returns the kernel (see `simd.kernel`) for a number of digits of the comparison, and literals of `width` bits.

    The running sum has one digit less. The three words are nothing, mode, against. Per row r: runs[r] numbers from
    starts[r] in lits on; masks[r * (levels + 1) ..] = the digits of the constant as 0 / -1, then `low` and the flip.
    """
    count = levels - 1

    def emit(context, b, planes, lits, starts, runs, masks, first, last, _, mode, against, out):
        starts, runs, masks = pointer(b, starts, I64), pointer(b, runs, I32), pointer(b, masks, I64)
        e = _Total(context, b, count, pointer(b, planes, I64), pointer(b, lits, ir.IntType(width)))
        words, against = cgutils.alloca_once(b, I64), b.shl(against, I64(3))
        b.store(b.shl(out, I64(3)), words)
        stride = b.select(b.icmp_signed("==", mode, I64(VALUE)), I64(8 * levels), I64(8))

        def mask(index):
            return broadcast(b, b.load(b.gep(masks, [index])))

        with cgutils.for_range_slice(b, first, last, I64(1), intp=I64, inc=True) as (row, _):
            constants = b.mul(row, I64(count + 2))
            for level in range(count):
                b.store(mask(b.add(constants, I64(level))), e.s[level])
            b.store(b.load(b.gep(starts, [row])), e.at)
            with cgutils.for_range(b, b.zext(b.load(b.gep(runs, [row])), I64), intp=I64):
                e.add_number()
            low, flip = mask(b.add(constants, I64(count))), mask(b.add(constants, I64(count + 1)))
            with b.if_then(b.icmp_signed("==", mode, I64(VALUE))):
                for level in range(count):
                    store_at(b, e.planes, b.add(b.load(words), I64(8 * level)), b.xor(b.load(e.s[level]), flip), 64)
                store_at(b, e.planes, b.add(b.load(words), I64(8 * count)), flip, 64)
            with b.if_then(b.icmp_signed("==", mode, I64(AGAINST))):
                e.compare(low, against, b.add(against, I64(8)), b.load(words), flip)
            b.store(b.add(b.load(words), stride), words)

    return kernel(emit)
