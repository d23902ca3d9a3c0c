# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""Input bytes to planes, 64 bytes at a time, in three rounds.

1. Eight samples: every byte collects its eight comparisons as bits. The samples are read one after the other from end
   to end, up to 16 vectors of a sample with an accumulator each, because that is what the processor's prefetcher
   follows; reading eight samples side by side was a tenth slower.
2. 64 samples: eight such vectors are interleaved byte by byte, so that 64-bit words belong to one input byte.
3. 512 samples: the words of eight such groups are put side by side, which are the planes.

Rounds 2 and 3 are three rounds each of two-vector shuffles on an eighth of the data. Round 2 writes to the planes in
the places that round 3 takes its eight vectors from and puts them back to, so they are moved no more than once.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.extending import intrinsic

from threshc.sim.packed.machine.simd import BYTES, I8, I32, I64, V, broadcast, opaque, put_vector_at, vector_at
from threshc.sim.packed.planes.layout import CHUNKS

MOST, ZEROS = CHUNKS[-1], ir.Constant(BYTES, [0] * 64)


def _loop(values, before, end):
    """Set what phis of a loop are: (phi, first value, next value) each, and the blocks that these come from."""
    for phi, first, following in values:
        phi.add_incoming(first, before)
        phi.add_incoming(following, end)


def _collect(size, masked):
    """collect(x, pitch, count, end, mask, limits, out): round 1, bits m < 8 of (byte & mask) >= limit.

    `count` >= 1 samples from address x on, `size` vectors each; the last begins `end` after x, as do those that stick
    out. limits, out: addresses of vectors, the latter 8 apart, the next one for every eight samples.
    """
    whole = 0 if masked else max((n for n in CHUNKS if n < size), default=0)

    @intrinsic
    def collect(typingctx, x, pitch, count, end, mask, limits, out):
        def codegen(context, builder, sig, args):
            b = builder
            x, pitch, count, end, mask, limits, out = args
            wanted = broadcast(b, b.trunc(mask, I8), 64)
            offsets = [I64(64 * k) for k in range(size)]
            for k in range(whole, size):
                offsets[k] = b.select(b.icmp_signed("<", offsets[k], end), offsets[k], end)
            limit = [vector_at(b, limits, 64 * k, BYTES) for k in range(size)]
            first = broadcast(b, b.trunc(opaque(b, I64(1)), I8), 64)
            before = b.block
            eight, loop, done, after = (b.append_basic_block(n) for n in ("eight", "sample", "done", "after"))
            b.branch(eight)

            b.position_at_end(eight)
            row, to, left = b.phi(I64), b.phi(I64), b.phi(I64)
            some = b.select(b.icmp_signed("<", left, I64(8)), left, I64(8))
            stop = b.add(row, b.mul(pitch, some))
            b.branch(loop)

            b.position_at_end(loop)
            here, one = b.phi(I64), b.phi(BYTES)
            found = [b.phi(BYTES) for _ in range(size)]
            sums = []
            for k in range(size):
                raw = b.load(b.inttoptr(b.add(here, offsets[k]), BYTES.as_pointer()), align=1)
                reached = b.icmp_unsigned(">=", b.and_(raw, wanted) if masked else raw, limit[k])
                sums.append(b.select(reached, b.add(found[k], one), found[k]))
            doubled, following = b.add(one, one), opaque(b, b.add(here, pitch))  # keeps LLVM from unrolling
            b.cbranch(b.icmp_unsigned("==", following, stop), done, loop)

            b.position_at_end(done)
            for k in range(size):
                put_vector_at(b, to, 512 * k, sums[k])
            beside, rest = b.add(to, I64(64)), b.sub(left, I64(8))
            b.cbranch(b.icmp_signed(">", rest, I64(0)), eight, after)

            _loop(((here, row, following), (one, first, doubled)), eight, loop)
            _loop([(phi, ZEROS, total) for phi, total in zip(found, sums, strict=True)], eight, loop)
            _loop(((row, x, stop), (to, out, beside), (left, count, rest)), before, done)
            b.position_at_end(after)
            return context.get_dummy_value()

        i = types.int64
        return types.void(i, i, i, i, i, i, i), codegen

    return collect


plain_1, plain_2, plain_4, plain_7, plain_10, plain_13, plain_16 = (_collect(n, False) for n in CHUNKS)
masked_4, masked_16 = _collect(4, True), _collect(16, True)


def _unpack(bits):
    """Fields of two vectors by turns, those of the lower and those of the upper half of every 128 bits."""
    fields, per = 512 // bits, 128 // bits
    return [
        [start + i + side for start in range(half, fields, per) for i in range(per // 2) for side in (0, fields)]
        for half in (0, per // 2)
    ]


_LANES = [[start + i for start in (at, at + 4, at + 8, at + 12) for i in (0, 1)] for at in (0, 2)]
"""Every other 128 bits of two vectors one after the other, the first or the second of them."""


def _mix(builder, vectors, rounds):
    """Eight vectors to eight: each round takes neighbours and makes two vectors of them, by its two lists of fields.

    Vector 4 a + 2 b + c of the result took list a in the first round, b in the second and c in the third.
    """
    groups = [[v] for v in vectors]
    for bits, lists in rounds:
        field = ir.VectorType(ir.IntType(bits), 512 // bits)
        chosen = [ir.Constant(ir.VectorType(I32, len(fields)), fields) for fields in lists]

        def mixed(a, b, field=field, chosen=chosen):
            a, b = builder.bitcast(a, field), builder.bitcast(b, field)
            return [builder.bitcast(builder.shuffle_vector(a, b, fields), V) for fields in chosen]

        pairs = zip(groups[::2], groups[1::2], strict=True)
        groups = [[w for a, b in zip(*pair, strict=True) for w in mixed(a, b)] for pair in pairs]
    return groups[0]


_BYTES = [(bits, _unpack(bits)) for bits in (8, 16, 32)]
_WORDS = [(64, _unpack(64)), (64, _LANES), (64, _LANES)]
_PLACES = [16 * lane + k for lane in range(4) for k in (0, 1)]
"""Which planes of 64 round 3 makes, if it begins at the first: in round 2, 128 bits hold two of 16 in a row."""


@intrinsic
def interleave(typingctx, source, target):
    """Rounds 2: eight vectors of bytes to words of eight bytes, one of each vector."""

    def codegen(context, builder, sig, args):
        v = [vector_at(builder, args[0], 64 * i, V) for i in range(8)]
        for i, value in enumerate(_mix(builder, v, _BYTES)):
            put_vector_at(builder, args[1], 128 * i, value)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def transpose(typingctx, planes):
    """Rounds 3: eight vectors of eight words to eight of the words in the same place, which are planes."""

    def codegen(context, builder, sig, args):
        v = _mix(builder, [vector_at(builder, args[0], 64 * p, V) for p in _PLACES], _WORDS)
        for n, value in enumerate(v):
            put_vector_at(builder, args[0], 64 * _PLACES[4 * (n & 1) + 2 * (n >> 1 & 1) + (n >> 2)], value)
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@njit(nogil=True, error_model="numpy")
def _collect_some(size, x, pitch, count, end, mask, limits, out):
    if mask != 255:
        if size <= 4:
            masked_4(x, pitch, count, end, mask, limits, out)
        else:
            masked_16(x, pitch, count, end, mask, limits, out)
    elif size <= 1:
        plain_1(x, pitch, count, end, mask, limits, out)
    elif size <= 2:
        plain_2(x, pitch, count, end, mask, limits, out)
    elif size <= 4:
        plain_4(x, pitch, count, end, mask, limits, out)
    elif size <= 7:
        plain_7(x, pitch, count, end, mask, limits, out)
    elif size <= 10:
        plain_10(x, pitch, count, end, mask, limits, out)
    elif size <= 13:
        plain_13(x, pitch, count, end, mask, limits, out)
    else:
        plain_16(x, pitch, count, end, mask, limits, out)


@njit(nogil=True, error_model="numpy")
def pack(x, pitch, samples, width, mask, limits, planes, scratch):
    """Writes bits (x[m, j] & mask) >= limits[j] of samples 0..samples-1 (at most 512) to the planes from plane 0 on.

    x, limits, planes and scratch are addresses, the last three on 64-byte boundaries, pitch > 0 the bytes per sample;
    width >= 64. The last chunk of 64 is the last 64 bytes, so it overlaps the one before where width is not a multiple
    of 64.
    """
    chunks = (width + 63) >> 6
    for start in range(0, samples, 64):
        for k in range(0, chunks, MOST):
            _collect_some(
                min(chunks - k, MOST), x + start * pitch + 64 * k, pitch, min(64, samples - start),
                width - 64 - 64 * k, mask, limits + 64 * k, scratch + 512 * k,
            )  # fmt: skip
        group = start >> 6
        for k in range(chunks):
            interleave(scratch + 512 * k, planes + 4096 * k + 64 * (16 * (group >> 1) + (group & 1)))
    for k in range(chunks):
        for r in range(8):
            transpose(planes + 4096 * k + 128 * r)
