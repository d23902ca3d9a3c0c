# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""Neurons with weights +-1 in register tiles: `samples` times 32 `groups` rows at once, written as LLVM IR.

    y_r = 1 iff popcount(x ^ p_r) <= start_r,  p_r = (w_r > 0),  start_r = |p_r| + bias - threshold
A vector holds 32 bits of the weights of 16 rows; the same 32 bits of the sample are broadcast, so nothing is added
across lanes. The sums begin with -1 - start_r, so y_r is their sign. As |sum| <= fan-in < 2**15, the last addition of
the even rows writes 16-bit words into the vector of the odd rows: the signs of 32 rows are one mask of 32 bits.
Without an instruction that counts ones in vectors, they are counted and added up byte by byte, and the bytes of a
32-bit lane are added every 31 parts, before they overflow.
Weights lie in order of use, as [32 rows][-1 - start, then every 32 bits][even rows, odd rows][lane].
"""

from __future__ import annotations

from contextlib import contextmanager

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic

from threshc.sim.packed.machine.simd import BYTES, I16, I32, I64, broadcast, call, opaque

_LANES = ir.VectorType(I32, 16)
_WORDS = ir.VectorType(I16, 32)
_EVEN = ir.Constant(ir.VectorType(ir.IntType(1), 32), [1, 0] * 16)
_ZERO = ir.Constant(_WORDS, [0] * 32)


def _added(builder, lanes):
    """The four bytes of each lane added up."""
    for shift, mask in ((8, 0x00FF00FF), (16, 0x0000FFFF)):
        kept = ir.Constant(_LANES, [mask] * 16)
        high = builder.and_(builder.lshr(lanes, ir.Constant(_LANES, [shift] * 16)), kept)
        lanes = builder.add(builder.and_(lanes, kept), high)
    return lanes


@contextmanager
def _rolled(builder, count):
    """A loop over 0 .. count - 1 that stays one: unrolled eight times, as LLVM does it, a single sample of a large
    network takes a fifth longer, as the prefetcher goes by the addresses of instructions."""
    b = builder
    before, loop, done = b.block, b.append_basic_block("part"), b.append_basic_block("done")
    b.cbranch(b.icmp_signed(">", count, I64(0)), loop, done)
    b.position_at_end(loop)
    index = b.phi(I64)
    index.add_incoming(I64(0), before)
    yield index
    following = opaque(b, b.add(index, I64(1)))
    index.add_incoming(following, b.block)
    b.cbranch(b.icmp_signed("<", following, count), loop, done)
    b.position_at_end(done)


def sign_tile(samples, groups):
    """Returns the kernel of one tile: kernel(x, stride, parts, weights, out, pitch), addresses and bytes.

    parts: 32-bit parts of a sample. Groups of weights follow each other; sample i's signs go to out + i * pitch.
    """

    def emit(b, counts_ones, x, stride, parts, weights, out, pitch):
        def load(address, kind, align):
            value = b.load(b.inttoptr(address, kind.as_pointer()))
            value.align = align
            return value

        size = b.shl(b.add(parts, I64(1)), I64(7))
        firsts = [b.add(weights, b.mul(size, I64(g))) for g in range(groups)]
        vectors = [(g, 64 * k) for g in range(groups) for k in range(2)]
        rows = [b.add(x, b.mul(stride, I64(i))) for i in range(samples)]
        starts = [load(b.add(firsts[g], I64(k)), _LANES, 64) for g, k in vectors]
        sums = [[cgutils.alloca_once(b, _LANES) for _ in vectors] for _ in range(samples)]
        for row in sums:
            for slot, start in zip(row, starts, strict=True):
                b.store(start, slot)

        def differing(part):
            place = b.shl(b.add(part, I64(1)), I64(7))
            w = [load(b.add(b.add(firsts[g], place), I64(k)), _LANES, 64) for g, k in vectors]
            for i in range(samples):
                bits = broadcast(b, load(b.add(rows[i], b.shl(part, I64(2))), I32, 4), 16)
                yield i, [b.xor(bits, v) for v in w]

        def add(i, found):
            for slot, count in zip(sums[i], found, strict=True):
                b.store(b.add(b.load(slot), count), slot)

        def put_out(i, found):
            for g in range(groups):
                even, odd = (b.load(slot) for slot in sums[i][2 * g : 2 * g + 2])
                odd = b.bitcast(b.add(odd, found[2 * g + 1]), _WORDS)
                even = b.add(b.bitcast(even, _WORDS), b.bitcast(found[2 * g], _WORDS))
                signs = b.bitcast(b.icmp_signed("<", b.select(_EVEN, even, odd), _ZERO), I32)
                at = b.add(b.add(out, b.mul(pitch, I64(i))), I64(4 * g))
                b.store(signs, b.inttoptr(at, I32.as_pointer()), align=4)

        def ones(found):
            return [call(b, "llvm.ctpop.v16i32", _LANES, [v]) for v in found]

        if counts_ones:
            last = b.sub(parts, I64(1))
            with _rolled(b, last) as part:
                for i, found in differing(part):
                    add(i, ones(found))
            for i, found in differing(last):
                put_out(i, ones(found))
            return
        counters = [[cgutils.alloca_once(b, BYTES) for _ in vectors] for _ in range(samples)]
        with cgutils.for_range_slice(b, I64(0), parts, I64(31), intp=I64, inc=True) as (first, _):
            for slot in (s for row in counters for s in row):
                b.store(ir.Constant(BYTES, [0] * 64), slot)
            left = b.sub(parts, first)
            count = b.select(b.icmp_signed("<", left, I64(31)), left, I64(31))
            with cgutils.for_range(b, count, intp=I64) as loop:
                for i, found in differing(b.add(first, loop.index)):
                    for slot, v in zip(counters[i], found, strict=True):
                        byte = call(b, "llvm.ctpop.v64i8", BYTES, [b.bitcast(v, BYTES)])
                        b.store(b.add(b.load(slot), byte), slot)
            for i in range(samples):
                add(i, [_added(b, b.bitcast(b.load(slot), _LANES)) for slot in counters[i]])
        for i in range(samples):
            put_out(i, [ir.Constant(_LANES, [0] * 16)] * len(vectors))

    @intrinsic
    def kernel(typingctx, x, stride, parts, weights, out, pitch):
        def codegen(context, builder, sig, args):
            features = context.codegen().magic_tuple()[2].split(",")
            emit(builder, "+avx512vpopcntdq" in features, *args)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 6), codegen

    return kernel
