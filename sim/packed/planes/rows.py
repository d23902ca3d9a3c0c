# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""The hot kernel: bit-sliced sums of literals, 512 samples at a time, written as LLVM IR.

A row is U = sum over d of 2**d * (number of set literals in its list d), plus a constant E, all modulo 2**levels.
The running sum lives in `levels` vector registers s[0..], one per binary digit. Lists are taken from the highest d
down (Horner: shift the digits up by one, which is a renaming of registers, then add the next list), in blocks of
32, 16, 8 and 4 literals. A block of n literals takes n - 1 full adders (two three-input logic instructions each) in
carry-save order, and its last carry, of weight n, ripples into the digits above. So a literal costs about one full
adder whatever the number of digits, and a +-1 weight costs half a literal (see `lower.py`).

At the end of a row, by mode:
    VALUE    stores the `levels` digits
    SIGN     stores the top digit
    AGAINST  stores the top digit of U + E + H, H being `levels` planes shared by all rows: carries only
each xored with the row's last mask. Source: bit-sliced (carry-save) counting as in KERNELS section 3.
"""

from __future__ import annotations

from collections import deque

from llvmlite import ir
from numba.core import cgutils

from threshc.sim.packed.machine.simd import (
    I32,
    I64,
    V,
    broadcast,
    fetch,
    kernel,
    load_at,
    majority,
    parity,
    pointer,
    store_at,
)
from threshc.sim.packed.planes.layout import AGAINST, PREFETCHED, SIGN, VALUE

BLOCKS = (32, 16, 8, 4)
_AHEAD = 4


class Emitter:
    """Emits the code of one row loop. `s` are stack slots that LLVM turns into registers. far: fetch planes ahead."""

    def __init__(self, context, builder, levels, planes, lits, far=False) -> None:
        self.context, self.builder, self.levels = context, builder, levels
        self.planes, self.lits, self.far = planes, lits, far
        self.s = [cgutils.alloca_once(builder, V) for _ in range(levels)]
        self.at = cgutils.alloca_once(builder, I64)

    def literals(self, n):
        """Yields the planes of the next n literals, each loaded a little before it is used."""
        waiting = deque()
        for plane in self._loads(n):
            waiting.append(plane)
            if len(waiting) > _AHEAD:
                yield waiting.popleft()
        yield from waiting

    def _loads(self, n):
        """The planes of the next n literals; tables hold plane offsets in words, 64 bits of them are read at a time.

        Loads are what limits this kernel: a 16-bit load per literal costs a fifth more than one for four and shifts.
        `far` fetches every fourth plane in advance: the processor looks ahead far enough for the others.
        """
        b, width = self.builder, self.lits.type.pointee.width
        first = b.bitcast(b.gep(self.lits, [b.load(self.at)]), I64.as_pointer())
        for k in range(n * width // 64):
            word = b.load(b.gep(first, [I64(k)]), align=8)
            if self.far:
                ahead = b.gep(self.lits, [b.add(b.load(self.at), I64(64 // width * k + PREFETCHED))])
                fetch(b, b.ptrtoint(b.gep(self.planes, [b.zext(b.load(ahead), I64)]), I64))
            for j in range(64 // width):
                part = b.lshr(word, I64(width * j)) if j else word
                yield load_at(b, self.planes, b.and_(part, I64((1 << width) - 1)), V, 64)

    def add3(self, x, y, z):
        """Returns the sum and the carry of three bits."""
        return parity(self.context, self.builder, x, y, z), majority(self.context, self.builder, x, y, z)

    def count(self, n, literals):
        """Returns the digits of the number of set ones among n = 2**k - 1 literals.

        A tree, so that nothing waits for the running sum: three-input logic takes two cycles on some machines.
        """
        if n == 1:
            return [next(literals)]
        low, high = self.count(n // 2, literals), self.count(n // 2, literals)
        carry, digits = next(literals), []
        for x, y in zip(low, high, strict=True):
            digit, carry = self.add3(x, y, carry)
            digits.append(digit)
        return [*digits, carry]

    def add_low(self, n):
        """Adds n = 2**k literals to the lowest k digits of the running sum; the carry out of these."""
        b, literals = self.builder, self.literals(n)
        digits = self.count(n - 1, literals)
        carry = next(literals)
        for level, digit in enumerate(digits):
            total, carry = self.add3(b.load(self.s[level]), digit, carry)
            b.store(total, self.s[level])
        b.store(b.add(b.load(self.at), I64(n)), self.at)
        return carry

    def ripple(self, level, carry):
        """Adds a carry of weight 2**level to the running sum."""
        b = self.builder
        for k in range(level, self.levels):
            a = b.load(self.s[k])
            b.store(b.xor(a, carry), self.s[k])
            carry = b.and_(a, carry)

    def add_block(self, n):
        """Adds n = 2**k literals to the running sum."""
        self.ripple(n.bit_length() - 1, self.add_low(n))

    def add_two_blocks(self, n):
        """Adds twice n = 2**k literals: their two carries ripple as one."""
        level = n.bit_length() - 1
        total, carry = self.add3(self.builder.load(self.s[level]), self.add_low(n), self.add_low(n))
        self.builder.store(total, self.s[level])
        self.ripple(level + 1, carry)

    def add_list(self, fours, pairs=False):
        """Adds the next 4 * fours literals; pairs: blocks of 32 two by two, which is longer code.

        The carries of the last blocks, each of a size of its own, are one number, which ripples once.
        """
        b, most = self.builder, BLOCKS[0]
        sizes = BLOCKS if pairs else BLOCKS[1:]
        left = {n.bit_length() - 1: cgutils.alloca_once(b, V) for n in sizes}
        for slot in left.values():
            b.store(ir.Constant(V, [0] * 8), slot)
        with cgutils.for_range(b, b.lshr(fours, I64(4 if pairs else 3))):
            if pairs:
                self.add_two_blocks(most)
            else:
                self.add_block(most)
        for n in sizes:
            with b.if_then(b.icmp_unsigned("!=", b.and_(fours, I64(n // 4)), I64(0))):
                b.store(self.add_low(n), left[n.bit_length() - 1])
        (low, first), *others = sorted(left.items())
        a, other = b.load(self.s[low]), b.load(first)
        b.store(b.xor(a, other), self.s[low])
        carry = b.and_(a, other)
        for level, slot in others:
            total, carry = self.add3(b.load(self.s[level]), b.load(slot), carry)
            b.store(total, self.s[level])
        self.ripple(low + len(left), carry)

    def shift(self, low):
        """Doubles the running sum and puts `low` into its lowest digit."""
        b = self.builder
        for level in range(self.levels - 1, 0, -1):
            b.store(b.load(self.s[level - 1]), self.s[level])
        b.store(low, self.s[0])

    def finish(self, mode, against, out, flip):
        """Stores what the mode asks for; `out` and `against` in words."""
        b, top = self.builder, self.levels - 1
        with b.if_then(b.icmp_signed("==", mode, I64(VALUE))):
            for level in range(self.levels):
                store_at(b, self.planes, b.add(out, I64(8 * level)), b.xor(b.load(self.s[level]), flip), 64)
        with b.if_then(b.icmp_signed("==", mode, I64(SIGN))):
            store_at(b, self.planes, out, b.xor(b.load(self.s[top]), flip), 64)
        with b.if_then(b.icmp_signed("==", mode, I64(AGAINST))):
            carry = ir.Constant(V, [0] * 8)
            for level in range(top):
                h = load_at(b, self.planes, b.add(against, I64(8 * level)), V, 64)
                carry = majority(self.context, b, b.load(self.s[level]), h, carry)
            h = load_at(b, self.planes, b.add(against, I64(8 * top)), V, 64)
            sign = parity(self.context, b, b.load(self.s[top]), h, carry)
            store_at(b, self.planes, out, b.xor(sign, flip), 64)

    def compare(self, low, against, upper, out, flip):
        """Stores the sign of 2 * (U + H) + low + h, xored with `flip`; h is at `against`, the digits of H at
        `upper`."""
        b = self.builder
        carry = b.and_(low, load_at(b, self.planes, against, V, 64))
        for level in range(self.levels - 1):
            h = load_at(b, self.planes, b.add(upper, I64(8 * level)), V, 64)
            carry = majority(self.context, b, b.load(self.s[level]), h, carry)
        h = load_at(b, self.planes, b.add(upper, I64(8 * (self.levels - 1))), V, 64)
        sign = parity(self.context, b, b.load(self.s[self.levels - 1]), h, carry)
        store_at(b, self.planes, out, b.xor(sign, flip), 64)


def make(levels, width):
    """Returns the row kernel (see `simd.kernel`) for a number of digits, and literals of `width` bits.

    The three words are digits, mode, against. Per row r: starts[r] in lits; runs[r*digits + d] = blocks of four
    literals of weight 2**d; masks[r*(digits + levels) ..] = the digits of E as 0 / -1, then the flip.
    """

    def emit(context, b, planes, lits, starts, runs, masks, first, last, digits, mode, against, out):
        starts, runs, masks = pointer(b, starts, I64), pointer(b, runs, I32), pointer(b, masks, I64)
        e = Emitter(context, b, levels, pointer(b, planes, I64), pointer(b, lits, ir.IntType(width)))
        words = cgutils.alloca_once(b, I64)
        b.store(b.shl(out, I64(3)), words)
        stride = b.select(b.icmp_signed("==", mode, I64(VALUE)), I64(8 * levels), I64(8))

        def mask(index):
            return broadcast(b, b.load(b.gep(masks, [index])))

        with cgutils.for_range_slice(b, first, last, I64(1), intp=I64, inc=True) as (row, _):
            constants = b.mul(row, b.add(digits, I64(levels)))
            for level in range(levels):
                b.store(mask(b.add(constants, b.add(digits, I64(level - 1)))), e.s[level])
            b.store(b.load(b.gep(starts, [row])), e.at)
            with cgutils.for_range(b, digits, intp=I64) as loop:
                d = b.sub(b.sub(digits, I64(1)), loop.index)
                with b.if_then(b.icmp_signed("!=", loop.index, I64(0))):
                    e.shift(mask(b.add(constants, d)))
                e.add_list(b.zext(b.load(b.gep(runs, [b.add(b.mul(row, digits), d)])), I64))
            flip = mask(b.add(constants, b.add(digits, I64(levels - 1))))
            e.finish(mode, b.shl(against, I64(3)), b.load(words), flip)
            b.store(b.add(b.load(words), stride), words)

    return kernel(emit)
