# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""Rows with few inputs, weights +-1: straight-line code for each number of literals.

A neuron of N = 2**L literals l_i (inputs, the last m of them complemented) is 1 iff sum l_i >= T. With N - T as L
binary constants the sum is sum l_i + N - T, below 2 N, and the neuron is its bit of weight N. The L + 1 columns of that
addition have N + 1, N/2 + 1, .. 3 bits: odd numbers, so full adders reduce each column to one bit without a rest. That
bit is not wanted, so the last adder of a column is a carry only: N - 1 adders, 2 (N - 1) - L three-input operations.
A complement is part of the operation's truth table and costs nothing. Constants are literals too (planes 0 and 1), and
so is the mask that the result is xored with: a neuron is one row of a matrix of plane numbers.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils

from threshc.sim.packed.machine.simd import I32, I64, ONES, V, call, has_pternlog, kernel, load_at, pointer, store_at
from threshc.sim.packed.planes.layout import SPARSE, sparse_width

_MAJORITY, _PARITY = 0xE8, 0x96


def _inverted(table, inverse):
    """The truth table of a three-input function of which some inputs are complemented."""
    flips = sum(1 << (2 - k) for k, flag in enumerate(inverse) if flag)
    return sum((table >> (i ^ flips) & 1) << i for i in range(8))


class _Adders:
    """Full adders of bits, each a plane and whether its complement is meant."""

    def __init__(self, context, builder) -> None:
        self.builder, self.native = builder, has_pternlog(context)

    def _three(self, table, bits):
        b, (values, inverse) = self.builder, zip(*bits, strict=True)
        if self.native:
            args = [*values, I32(_inverted(table, inverse))]
            return call(b, "llvm.x86.avx512.pternlog.q.512", V, args), False
        x, y, z = (b.xor(v, ONES) if flag else v for v, flag in bits)
        if table == _PARITY:
            return b.xor(b.xor(x, y), z), False
        return b.or_(b.and_(x, y), b.and_(z, b.or_(x, y))), False

    def top(self, column, constants):
        """The highest bit of the sum of the bits of a column and of a number; constants: its binary digits."""
        carries = []
        for constant in constants:
            column = [*column, constant]
            while column:
                three, column = column[:3], column[3:]
                carries.append(self._three(_MAJORITY, three))
                if column:
                    column.append(self._three(_PARITY, three))
            column, carries = carries, []
        return column[0][0]


def make(kind, width):
    """Returns the kernel (see `simd.kernel`) for neurons of SPARSE[kind], and literals of `width` bits.

    starts, runs, masks and the three words mean nothing. Each neuron has `sparse_width(size)` literals, those of row 0
    at `lits`: inputs, the last ones of them complemented, digits of N - T, and the mask.
    """
    size, negative = SPARSE[kind]
    digits, per = size.bit_length() - 1, 64 // width

    def emit(context, b, planes, lits, starts, runs, masks, first, last, _, __, ___, out):
        planes, lits = pointer(b, planes, I64), pointer(b, lits, ir.IntType(width))
        with cgutils.for_range_slice(b, first, last, I64(1), intp=I64, inc=True) as (row, _):
            line = b.bitcast(b.gep(lits, [b.mul(row, I64(sparse_width(size)))]), I64.as_pointer())

            def plane(k):
                word = b.load(b.gep(line, [I64(k // per)]), align=8)
                offset = b.and_(b.lshr(word, I64(width * (k % per))), I64((1 << width) - 1))
                return load_at(b, planes, offset, V, 64)

            column = [(plane(k), k >= size - negative) for k in range(size)]
            bit = _Adders(context, b).top(column, [(plane(size + k), False) for k in range(digits)])
            store_at(b, planes, b.shl(b.add(out, row), I64(3)), b.xor(bit, plane(size + digits)), 64)

    return kernel(emit)
