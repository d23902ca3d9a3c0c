# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""Ones and changes of planes while a network runs: the STATS step, eight planes at a time, written as LLVM IR.

Each plane takes two popcounts per 512 samples, of itself and of itself xored with itself one sample later; the counts
stay in registers over all blocks of a step, and are added across lanes at its end, for the eight planes at once.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.core.extending import intrinsic

from threshc.sim.packed.machine.simd import I64, V, broadcast, call, data, load_at, store_at

_TOGETHER = 8
_LANES = 512
_ZERO = ir.Constant(V, [0] * 8)
_HALVES = (
    ([0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]),
    ([0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]),
    ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]),
)


def _shuffle(builder, a, b, lanes):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), 8), lanes))


def _across(builder, vectors):
    """Lane k: the sum of the lanes of vector k, of eight."""
    for low, high in _HALVES:
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [builder.add(_shuffle(builder, a, b, low), _shuffle(builder, a, b, high)) for a, b in pairs]
    return vectors[0]


@intrinsic
def _count(typingctx, planes, stride, tables, table, full, rest, keep, last, shift, fresh, stats, rows, row):
    """Count eight planes, numbers tables[table..]: `full` whole blocks, `stride` words apart, then, if `rest`, the
    samples whose bits `keep` has. `last`: word of the last sample, `shift` makes that its highest bit; `fresh`: these
    samples are the first. Results: see `count_planes`."""
    i = types.int64
    sig = types.void(planes, i, tables, i, i, i, keep, i, i, i, stats, i, i)

    def codegen(context, b, sig, args):
        _, stride, _, table, full, rest, _, last, shift, fresh, _, rows, row = args
        words, lines, kept, out = (data(context, b, sig.args[k], args[k]) for k in (0, 2, 6, 10))
        places = [b.gep(out, [b.add(b.mul(rows, I64(k)), row)]) for k in range(4)]
        planes, state = [], []
        for k in range(_TOGETHER):
            line = b.sext(b.load(b.gep(lines, [b.add(table, I64(k))])), I64)
            planes.append(b.gep(words, [b.shl(line, I64(3))]))
        with b.if_then(b.icmp_signed("!=", fresh, I64(0)), likely=False):
            for k, plane in enumerate(planes):
                b.store(b.load(plane), b.gep(places[3], [I64(k)]))
        for k in range(_TOGETHER):
            word = b.load(b.gep(places[2], [I64(k)]))
            state.append([cgutils.alloca_once_value(b, x) for x in (_ZERO, _ZERO, broadcast(b, word))])

        def add(block, mask):
            for plane, (ones, toggles, before) in zip(planes, state, strict=True):
                v = load_at(b, plane, b.mul(block, stride), V, 64)
                late = _shuffle(b, b.load(before), v, list(range(7, 15)))
                changed = b.xor(v, call(b, "llvm.fshl.v8i64", V, [v, late, ir.Constant(V, [1] * 8)]))
                for slot, bits in ((ones, v), (toggles, changed)):
                    bits = bits if mask is None else b.and_(bits, mask)
                    b.store(b.add(b.load(slot), call(b, "llvm.ctpop.v8i64", V, [bits])), slot)
                b.store(v, before)

        with cgutils.for_range(b, full, intp=I64) as loop:
            add(loop.index, None)
        with b.if_then(b.icmp_signed("!=", rest, I64(0))):
            add(full, load_at(b, kept, I64(0), V, 8))
        half = ir.Constant(V, [32] * 8)  # both counts of few blocks fit one lane
        both = [b.add(b.load(ones), b.shl(b.load(toggles), half)) for ones, toggles, _ in state]
        total = _across(b, both)
        counts = b.and_(total, ir.Constant(V, [(1 << 32) - 1] * 8)), b.lshr(total, half)
        for place, count in zip(places, counts, strict=False):
            store_at(b, place, I64(0), b.add(load_at(b, place, I64(0), V, 8), count), 8)
        for k, plane in enumerate(planes):
            b.store(b.shl(b.load(b.gep(plane, [last])), shift), b.gep(places[2], [I64(k)]))
        return context.get_dummy_value()

    return sig, codegen


@njit(nogil=True, error_model="numpy")
def count_planes(planes, block, tables, table, rows, samples, fresh, keep, stats):
    """Counts `rows` planes (a multiple of eight), numbers tables[table..], over `samples` samples.

    planes: blocks of `block` planes. keep: 8 words of scratch. stats: (4, rows) int64, per plane: ones; changes;
    a word with the last sample so far as its highest bit, which the next one is compared with; the word with the first
    sample of this call as its lowest bit. fresh: these samples are the first of the call.
    """
    full, rest = samples // _LANES, samples % _LANES
    for word in range(8):
        live = min(max(rest - 64 * word, 0), 64)
        keep[word] = -1 if live == 64 else (1 << live) - 1
    at = samples - 1
    last = 8 * block * (at // _LANES) + (at % _LANES) // 64
    for row in range(0, rows, _TOGETHER):
        _count(planes, 8 * block, tables, table + row, full, rest, keep, last, 63 - at % 64, fresh, stats, rows, row)
