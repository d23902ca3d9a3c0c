# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""Input bytes to planes: 64 comparisons per instruction, then a 64 x 64 bit transpose of eight words side by side."""

from __future__ import annotations

from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.extending import intrinsic

from threshc.sim.packed.layout import WORDS
from threshc.sim.packed.simd import BYTES, I8, I64, V, broadcast, data, load_at, store_at

@intrinsic
def compare64(typingctx, address, mask, limits, at, scratch, slot):
    """Word of 64 bits (byte & mask) >= limit, of the bytes at an address, to scratch[slot]."""

    def codegen(context, builder, sig, args):
        address, mask, limits, at, scratch, slot = args
        raw = builder.load(builder.inttoptr(address, BYTES.as_pointer()), align=1)
        limit = load_at(builder, data(context, builder, sig.args[2], limits), at, BYTES, 1)
        masked = builder.and_(raw, broadcast(builder, builder.trunc(mask, I8), 64))
        word = builder.bitcast(builder.icmp_unsigned(">=", masked, limit), I64)
        builder.store(word, builder.gep(data(context, builder, sig.args[4], scratch), [slot]))
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, limits, i, scratch, i), codegen


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
    for m in range(samples):
        slot = ((m & 63) << 3) + (m >> 6)
        for k in range(chunks):
            first = min(64 * k, width - 64)
            compare64(x + m * pitch + first, mask, limits, at + 64 * k, scratch, k * WORDS + slot)
    for k in range(chunks):
        for g in range(8):
            exchange_coarse(scratch, k * WORDS + 8 * g, scratch, k * WORDS + 8 * g, 64)
        for g in range(8):
            exchange_fine(scratch, k * WORDS + 64 * g, planes, 8 * (plane + 64 * k + 8 * g), 8)
