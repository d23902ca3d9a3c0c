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

from numba import njit
from numba.core import cgutils, types
from numba.core.extending import intrinsic

from threshc.sim.packed.layout import SPARSE, sparse_width
from threshc.sim.packed.simd import I32, I64, ONES, V, call, data, has_pternlog, load_at, store_at

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


def _emit(context, builder, size, negative, types_, args):
    _, base, _, start, first, last, out = args
    b, width, digits = builder, types_[2].dtype.bitwidth, size.bit_length() - 1
    here = b.gep(data(context, b, types_[0], args[0]), [base])
    lits = b.gep(data(context, b, types_[2], args[2]), [start])
    per = 64 // width
    with cgutils.for_range_slice(b, first, last, I64(1), intp=I64, inc=True) as (row, _):
        line = b.bitcast(b.gep(lits, [b.mul(row, I64(sparse_width(size)))]), I64.as_pointer())

        def plane(k):
            word = b.load(b.gep(line, [I64(k // per)]), align=8)
            offset = b.and_(b.lshr(word, I64(width * (k % per))), I64((1 << width) - 1))
            return load_at(b, here, offset, V, 64)

        column = [(plane(k), k >= size - negative) for k in range(size)]
        bit = _Adders(context, b).top(column, [(plane(size + k), False) for k in range(digits)])
        store_at(b, here, b.shl(b.add(out, row), I64(3)), b.xor(bit, plane(size + digits)), 64)
    return context.get_dummy_value()


def _make(size, negative):
    """kernel(planes, base, lits, start, first, last, out): neurons first..last-1 of `size` literals.

    planes from word `base` on; plane `out` takes neuron 0. Its literals begin at lits[start], each neuron has
    `sparse_width(size)`: inputs, the last `negative` of them complemented, digits of N - T, and the mask.
    """

    @intrinsic
    def kernel(typingctx, planes, base, lits, start, first, last, out):
        i = types.int64
        sig = types.void(planes, i, lits, i, i, i, i)

        def codegen(context, builder, sig, args):
            return _emit(context, builder, size, negative, sig.args, args)

        return sig, codegen

    return kernel


(
    four_0, four_1, four_2, eight_0, eight_1, eight_2, eight_3, eight_4,
    sixteen_0, sixteen_2, sixteen_4, sixteen_6, sixteen_8,
) = (_make(n, m) for n, m in SPARSE)  # fmt: skip


@njit(nogil=True, error_model="numpy")
def run_sparse(kind, planes, base, lits, start, first, last, out):
    """Neurons of SPARSE[kind]."""
    if kind == 0:
        four_0(planes, base, lits, start, first, last, out)
    elif kind == 1:
        four_1(planes, base, lits, start, first, last, out)
    elif kind == 2:
        four_2(planes, base, lits, start, first, last, out)
    elif kind == 3:
        eight_0(planes, base, lits, start, first, last, out)
    elif kind == 4:
        eight_1(planes, base, lits, start, first, last, out)
    elif kind == 5:
        eight_2(planes, base, lits, start, first, last, out)
    elif kind == 6:
        eight_3(planes, base, lits, start, first, last, out)
    elif kind == 7:
        eight_4(planes, base, lits, start, first, last, out)
    elif kind == 8:
        sixteen_0(planes, base, lits, start, first, last, out)
    elif kind == 9:
        sixteen_2(planes, base, lits, start, first, last, out)
    elif kind == 10:
        sixteen_4(planes, base, lits, start, first, last, out)
    elif kind == 11:
        sixteen_6(planes, base, lits, start, first, last, out)
    else:
        sixteen_8(planes, base, lits, start, first, last, out)
