# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""XNOR-popcount in register tiles, written as LLVM IR: `samples` x `vectors` times eight rows at once.

For a row of weights w = sum_d 2**d w_d, w_d in -1, 0, 1, with p_d = (w_d > 0) and z_d = (w_d != 0):
    sum_i w_i x_i = sum_d 2**d (|p_d| - popcount((x ^ p_d) & z_d))
Weights lie as [block of 8 rows][digit, highest first][word][p, z][row]; z is left out where all weights are +-1 (not
masked). Eight rows are one 512-bit vector, the word of the sample is broadcast: no horizontal sums, no transposes.
The block's last vector holds sum_d 2**d |p_d| + bias - threshold of each row. (KERNELS sections 2 and 7.)
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic

from threshc.sim.packed.machine.simd import I8, I64, ONES, V, broadcast, call

_ZERO = ir.Constant(V, [0] * 8)


def _load(builder, address, kind, align):
    value = builder.load(builder.inttoptr(address, kind.as_pointer()))
    value.align = align
    return value


@intrinsic
def load64(typingctx, address):
    """Returns the 64-bit word at any address."""

    def codegen(context, builder, sig, args):
        return _load(builder, args[0], I64, 1)

    return types.int64(types.int64), codegen


@intrinsic
def store64(typingctx, address, value):
    """Stores a 64-bit word."""

    def codegen(context, builder, sig, args):
        builder.store(args[1], builder.inttoptr(args[0], I64.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def store8(typingctx, address, value):
    """Stores the low byte of a word."""

    def codegen(context, builder, sig, args):
        builder.store(builder.trunc(args[1], I8), builder.inttoptr(args[0], I8.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def compare64(typingctx, address, mask, limits):
    """Returns the word of 64 bits (byte & mask) >= limit, of the bytes at an address and the limits at another."""

    def codegen(context, builder, sig, args):
        bytes64 = ir.VectorType(I8, 64)
        raw, limit = (_load(builder, args[k], bytes64, 1) for k in (0, 2))
        masked = builder.and_(raw, broadcast(builder, builder.trunc(args[1], I8), 64))
        return builder.bitcast(builder.icmp_unsigned(">=", masked, limit), I64)

    return types.int64(types.int64, types.int64, types.int64), codegen


def tile(samples, vectors, masked):
    """Returns the kernel of one tile: tile(x, stride, words, digits, weights, mode, out, pitch), addresses and
    bytes."""
    parts = 2 if masked else 1

    def emit(builder, x, stride, words, digits, weights, mode, out, pitch):
        b = builder
        size = b.mul(b.mul(words, digits), I64(64 * parts))
        block = b.add(size, I64(64))
        firsts = [b.add(weights, b.mul(block, I64(j))) for j in range(vectors)]
        rows = [b.add(x, b.mul(stride, I64(i))) for i in range(samples)]
        sums = [[cgutils.alloca_once(b, V) for _ in range(vectors)] for _ in range(samples)]
        for slot in (s for row in sums for s in row):
            b.store(_ZERO, slot)
        at = cgutils.alloca_once_value(b, I64(0))
        with cgutils.for_range(b, digits, intp=I64) as loop:
            with b.if_then(b.icmp_unsigned("!=", loop.index, I64(0))):
                for slot in (s for row in sums for s in row):
                    b.store(b.shl(b.load(slot), ir.Constant(V, [1] * 8)), slot)
            with cgutils.for_range(b, words, intp=I64) as inner:
                place, word = b.load(at), b.shl(inner.index, I64(3))
                w = [[_load(b, b.add(b.add(f, place), I64(64 * k)), V, 64) for k in range(parts)] for f in firsts]
                for i in range(samples):
                    bits = broadcast(b, _load(b, b.add(rows[i], word), I64, 8))
                    for j in range(vectors):
                        different = b.xor(bits, w[j][0])
                        different = b.and_(different, w[j][1]) if masked else different
                        count = call(b, "llvm.ctpop.v8i64", V, [different])
                        b.store(b.sub(b.load(sums[i][j]), count), sums[i][j])
                b.store(b.add(place, I64(64 * parts)), at)
        totals = [
            [b.add(b.load(sums[i][j]), _load(b, b.add(firsts[j], size), V, 64)) for j in range(vectors)]
            for i in range(samples)
        ]
        outs = [b.add(out, b.mul(pitch, I64(i))) for i in range(samples)]
        with b.if_else(b.icmp_unsigned("==", mode, I64(0))) as (neurons, numbers):
            with neurons:
                for i in range(samples):
                    for j in range(vectors):
                        byte = b.bitcast(b.icmp_signed(">", totals[i][j], ONES), I8)
                        b.store(byte, b.inttoptr(b.add(outs[i], I64(j)), I8.as_pointer()), align=1)
            with numbers:
                for i in range(samples):
                    for j in range(vectors):
                        b.store(totals[i][j], b.inttoptr(b.add(outs[i], I64(64 * j)), V.as_pointer()), align=8)

    @intrinsic
    def kernel(typingctx, x, stride, words, digits, weights, mode, out, pitch):
        def codegen(context, builder, sig, args):
            emit(builder, *args)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 8), codegen

    return kernel
