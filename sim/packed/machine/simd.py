# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""Explicit SIMD for Numba: the value type V8 is LLVM's <8 x i64>, one 512-bit register where the CPU has them.

LLVM splits it into 2 x 256 or 4 x 128 bits elsewhere. `V8` values are 512 samples of one bit; `load` and `store`
take a plane number. Plain Numba loops reach a quarter of this on the same machine (KERNELS: short vectors, reloads).
Addresses are used as given: no bounds check, no negative index.
"""

from __future__ import annotations

from llvmlite import ir
from numba import carray, njit
from numba.core import cgutils, types
from numba.core.extending import intrinsic

from threshc.sim.packed.machine.vector import VECTOR, v8

I8, I16, I32, I64 = (ir.IntType(n) for n in (8, 16, 32, 64))
V = VECTOR
BYTES = ir.VectorType(I8, 64)
MASK = ir.VectorType(ir.IntType(1), 64)
ONES = ir.Constant(V, [-1] * 8)


def call(builder, name, result, args):
    """Calls the LLVM intrinsic `name`."""
    function = ir.FunctionType(result, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), args)


def broadcast(builder, scalar, lanes=8):
    """Returns a vector with the scalar in every lane."""
    vector = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    first = builder.insert_element(vector, scalar, I32(0))
    return builder.shuffle_vector(first, vector, ir.Constant(ir.VectorType(I32, lanes), [0] * lanes))


def data(context, builder, array_type, array):
    """Returns the pointer to an array's first element."""
    return context.make_array(array_type)(context, builder, array).data


def pointer(builder, address, kind):
    """Returns an address as a pointer to scalars of an LLVM type."""
    return builder.inttoptr(address, kind.as_pointer())


def load_at(builder, pointer, index, vector, align):
    """Loads a vector from element `index` of a pointer to scalars."""
    place = builder.bitcast(builder.gep(pointer, [index]), vector.as_pointer())
    value = builder.load(place)
    value.align = align
    return value


def store_at(builder, pointer, index, value, align):
    """Stores a vector at element `index` of a pointer to scalars."""
    builder.store(value, builder.bitcast(builder.gep(pointer, [index]), value.type.as_pointer()), align=align)


def vector_at(builder, address, offset, vector):
    """Loads a vector from an address plus a constant, a 64-byte boundary."""
    place = builder.inttoptr(builder.add(address, I64(offset)), vector.as_pointer())
    return builder.load(place, align=64)


def put_vector_at(builder, address, offset, value):
    """Stores a vector at an address plus a constant, a 64-byte boundary."""
    place = builder.inttoptr(builder.add(address, I64(offset)), value.type.as_pointer())
    builder.store(value, place, align=64)


def fetch(builder, address):
    """Brings the line at an address into the nearest cache; any address will do."""
    byte = I8.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, I32, I32, I32])
    prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(prefetch, [builder.inttoptr(address, byte), I32(0), I32(3), I32(1)])  # to read, into all caches, data


def opaque(builder, word):
    """Returns the same 64-bit word, of which the compiler knows nothing any more: loops stay loops."""
    return builder.asm(ir.FunctionType(I64, [I64]), "", "=r,0", [word], False)


def has_pternlog(context) -> bool:
    """Returns whether the machine that Numba compiles for has the three-input logic instruction (AVX-512F)."""
    return "+avx512f" in context.codegen().magic_tuple()[2].split(",")


def majority(context, builder, a, x, y):
    """Returns the carry of a full adder."""
    if has_pternlog(context):
        return call(builder, "llvm.x86.avx512.pternlog.q.512", V, [a, x, y, I32(0xE8)])
    return builder.or_(builder.and_(a, x), builder.and_(y, builder.or_(a, x)))


def parity(context, builder, a, x, y):
    """Returns the sum of a full adder."""
    if has_pternlog(context):
        return call(builder, "llvm.x86.avx512.pternlog.q.512", V, [a, x, y, I32(0x96)])
    return builder.xor(builder.xor(a, x), y)


@intrinsic
def load(typingctx, planes, plane):
    """Returns the 512 bits of a plane, by its number."""

    def codegen(context, builder, sig, args):
        return load_at(builder, data(context, builder, sig.args[0], args[0]), builder.shl(args[1], I64(3)), V, 64)

    return v8(planes, types.int64), codegen


@intrinsic
def store(typingctx, planes, plane, value):
    """Writes the 512 bits of a plane, by its number."""

    def codegen(context, builder, sig, args):
        store_at(builder, data(context, builder, sig.args[0], args[0]), builder.shl(args[1], I64(3)), args[2], 64)
        return context.get_dummy_value()

    return types.void(planes, types.int64, v8), codegen


@intrinsic
def splat(typingctx, word):
    """Returns the 64-bit word in all eight lanes."""

    def codegen(context, builder, sig, args):
        return broadcast(builder, args[0])

    return v8(types.int64), codegen


@intrinsic
def maj(typingctx, a, x, y):
    """Returns the majority of three vectors, bit by bit."""

    def codegen(context, builder, sig, args):
        return majority(context, builder, *args)

    return v8(v8, v8, v8), codegen


def _binary(name):
    @intrinsic
    def operation(typingctx, a, b):
        def codegen(context, builder, sig, args):
            return getattr(builder, name)(*args)

        return v8(v8, v8), codegen

    return operation


xor, and_, or_ = _binary("xor"), _binary("and_"), _binary("or_")


@intrinsic
def store_numbers(typingctx, out, index, planes, base, tables, table, levels, offset):
    """Stores 64 integers from element `index` on: offset + sum of 2**p * (word `base` of plane tables[table + p]).

    Eight digits at a time are added up in 64 bytes, which are then widened: an eighth of the work of 64-bit lanes.
    """

    def codegen(context, builder, sig, args):
        out, index, _, base, _, table, levels, offset = args
        words, lines = (data(context, builder, sig.args[k], args[k]) for k in (2, 4))
        start, total = broadcast(builder, offset), [cgutils.alloca_once(builder, V) for _ in range(8)]
        part, weight = cgutils.alloca_once(builder, BYTES), cgutils.alloca_once(builder, I8)
        for slot in total:
            builder.store(start, slot)
        with cgutils.for_range_slice(builder, I64(0), levels, I64(8), intp=I64, inc=True) as (first, _):
            builder.store(ir.Constant(BYTES, [0] * 64), part)
            builder.store(I8(1), weight)
            left = builder.sub(levels, first)
            count = builder.select(builder.icmp_signed("<", left, I64(8)), left, I64(8))
            with cgutils.for_range(builder, count, intp=I64) as loop:
                line = builder.load(builder.gep(lines, [builder.add(builder.add(table, first), loop.index)]))
                place = builder.add(builder.shl(builder.sext(line, I64), I64(3)), base)
                mask = builder.bitcast(builder.load(builder.gep(words, [place])), MASK)
                w = builder.load(weight)
                digit = builder.select(mask, broadcast(builder, w, 64), ir.Constant(BYTES, [0] * 64))
                builder.store(builder.add(builder.load(part), digit), part)
                builder.store(builder.add(w, w), weight)
            digits, shift = builder.load(part), broadcast(builder, first)
            for k, slot in enumerate(total):
                lanes = ir.Constant(ir.VectorType(I32, 8), list(range(8 * k, 8 * k + 8)))
                wide = builder.zext(builder.shuffle_vector(digits, ir.Constant(BYTES, ir.Undefined), lanes), V)
                builder.store(builder.add(builder.load(slot), builder.shl(wide, shift)), slot)
        for k, slot in enumerate(total):
            store_at(
                builder, data(context, builder, sig.args[0], out), builder.add(index, I64(8 * k)), builder.load(slot), 8
            )
        return context.get_dummy_value()

    i = types.int64
    return types.void(out, i, planes, i, tables, i, i, i), codegen


@intrinsic
def store_bytes(typingctx, out, index, word):
    """Stores the 64 bits of a word as 64 bytes 0 or 1 from element `index` on."""

    def codegen(context, builder, sig, args):
        out, index, word = args
        store_at(
            builder,
            data(context, builder, sig.args[0], out),
            index,
            builder.zext(builder.bitcast(word, MASK), BYTES),
            1,
        )
        return context.get_dummy_value()

    return types.void(out, types.int64, types.int64), codegen


@intrinsic
def number(typingctx, table, index):
    """Returns the 64-bit word at an index of the table at an address."""

    def codegen(context, builder, sig, args):
        value = builder.load(builder.gep(builder.inttoptr(args[0], I64.as_pointer()), [args[1]]))
        value.align = 8
        return value

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def address(typingctx, array):
    """Returns where an array begins."""

    def codegen(context, builder, sig, args):
        return builder.ptrtoint(data(context, builder, sig.args[0], args[0]), I64)

    return types.int64(array), codegen


@intrinsic
def _pointer(typingctx, address):
    def codegen(context, builder, sig, args):
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), codegen


@njit(nogil=True, error_model="numpy")
def array(table, index, dtype):
    """The array whose address is at an index of the table, and whose length is the next word."""
    return carray(_pointer(number(table, index)), (number(table, index + 1),), dtype)


KERNEL = types.void(*[types.int64] * 11)
"""The type of a counting kernel: see `kernel`."""


def kernel(emit):
    """Returns the function of type KERNEL whose code is written by emit(context, builder, *arguments).

    Arguments are addresses of planes (of the block that is meant), literals, starts, runs and masks (of the step); the
    first row and the one behind the last; three words whose meaning depends on the kernel; the plane of the first row.
    """

    @intrinsic
    def code(typingctx, planes, lits, starts, runs, masks, first, last, a, b, c, out):
        def codegen(context, builder, sig, args):
            emit(context, builder, *args)
            return context.get_dummy_value()

        return KERNEL, codegen

    def run(planes, lits, starts, runs, masks, first, last, a, b, c, out):
        code(planes, lits, starts, runs, masks, first, last, a, b, c, out)

    return run


@intrinsic
def invoke(typingctx, function, planes, lits, starts, runs, masks, first, last, a, b, c, out):
    """Calls the counting kernel at an address."""

    def codegen(context, builder, sig, args):
        kind = ir.FunctionType(ir.VoidType(), [I64] * (len(args) - 1))
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 12), codegen
