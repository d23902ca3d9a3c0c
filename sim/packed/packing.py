# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""Input bytes to planes: 64 comparisons per instruction, then a 64 x 64 bit transpose of eight words side by side."""

from __future__ import annotations

from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.extending import intrinsic

from threshc.sim.packed.layout import WORDS
from threshc.sim.packed.simd import BYTES, I8, I64, V, broadcast, data, load_at, prefetch, store_at

ROWS, AHEAD = 1, 3
"""Rows of each word of a plane that are taken at once, and how far ahead memory is asked for the next ones."""


def _compare(rows, masked):
    """compare(address, pitch, mask, limits, at, scratch, slot): words of 64 bits (byte & mask) >= limit.

    Of one sample, or of `rows` samples and those 64, 128, .. 448 further on: words that lie side by side in a plane, so
    that whole lines of the scratch memory are written at a time. Meanwhile the samples after these are asked for.
    """

    @intrinsic
    def compare(typingctx, address, pitch, mask, limits, at, scratch, slot):
        def codegen(context, builder, sig, args):
            b = builder
            address, pitch, mask, limits, at, scratch, slot = args
            limit = load_at(b, data(context, b, sig.args[3], limits), at, BYTES, 1)
            words = data(context, b, sig.args[5], scratch)
            wanted = broadcast(b, b.trunc(mask, I8), 64)
            places = [(r, g) for r in range(rows) for g in range(8)] if rows else [(0, 0)]
            for r, g in places:
                here = b.add(address, b.mul(pitch, I64(64 * g + r)))
                if rows:
                    prefetch(b, b.add(here, b.mul(pitch, I64(AHEAD))))
                raw = b.load(b.inttoptr(here, BYTES.as_pointer()), align=1)
                bits = b.icmp_unsigned(">=", b.and_(raw, wanted) if masked else raw, limit)
                b.store(b.bitcast(bits, I64), b.gep(words, [b.add(slot, I64(8 * r + g))]))
            return context.get_dummy_value()

        i = types.int64
        return types.void(i, i, i, limits, i, scratch, i), codegen

    return compare


compare_all, masked_all, masked_one = _compare(ROWS, False), _compare(ROWS, True), _compare(0, True)


def _exchange(builder, v, a, b, shift):
    """Swap the upper halves of v[a]'s fields of 2 * shift bits with the lower halves of v[b]'s."""
    low = sum(((1 << shift) - 1) << k for k in range(0, 64, 2 * shift))
    low -= (low >> 63) << 64  # as a signed constant
    field, by = ir.Constant(V, [low] * 8), ir.Constant(V, [shift] * 8)
    d = builder.and_(builder.xor(builder.lshr(v[a], by), v[b]), field)
    v[b] = builder.xor(v[b], d)
    v[a] = builder.xor(v[a], builder.shl(d, by))


def _exchange8(fine):
    """Three of the six rounds of the transpose, on eight vectors `pitch` words apart."""

    @intrinsic
    def exchange8(typingctx, source, place, out, to, pitch):
        def codegen(context, builder, sig, args):
            pointer, target = (data(context, builder, sig.args[k], args[k]) for k in (0, 2))
            steps = [builder.mul(args[4], I64(i)) for i in range(8)]
            v = [load_at(builder, pointer, builder.add(args[1], s), V, 8) for s in steps]
            for stride in (4, 2, 1):
                for i in range(8):
                    if not i & stride:
                        _exchange(builder, v, i, i | stride, stride * (1 if fine else 8))
            for s, value in zip(steps, v, strict=True):
                store_at(builder, target, builder.add(args[3], s), value, 8)
            return context.get_dummy_value()

        i = types.int64
        return types.void(source, i, out, i, i), codegen

    return exchange8


exchange_coarse, exchange_fine = _exchange8(False), _exchange8(True)


@njit(nogil=True, error_model="numpy")
def pack(x, pitch, samples, width, mask, limits, at, planes, plane, scratch):
    """Bits (x[m, j] & mask) >= limits[at + j] of samples 0..samples-1 (at most 512) to planes plane + j.

    x is an address, pitch its bytes per sample; width >= 64. The last chunk of 64 is the last 64 bytes, so it
    overlaps the one before where width is no multiple of 64.
    """
    chunks = (width + 63) >> 6
    if samples == 512:
        for m in range(0, 64, ROWS):
            for k in range(chunks):
                here, to = x + m * pitch + min(64 * k, width - 64), k * WORDS + 8 * m
                if mask == 255:
                    compare_all(here, pitch, mask, limits, at + 64 * k, scratch, to)
                else:
                    masked_all(here, pitch, mask, limits, at + 64 * k, scratch, to)
    else:
        for m in range(samples):
            slot = ((m & 63) << 3) + (m >> 6)
            for k in range(chunks):
                here, to = x + m * pitch + min(64 * k, width - 64), k * WORDS + slot
                masked_one(here, pitch, mask, limits, at + 64 * k, scratch, to)
    for k in range(chunks):
        for g in range(8):
            exchange_coarse(scratch, k * WORDS + 8 * g, scratch, k * WORDS + 8 * g, 64)
        for g in range(8):
            exchange_fine(scratch, k * WORDS + 64 * g, planes, 8 * (plane + 64 * k + 8 * g), 8)
