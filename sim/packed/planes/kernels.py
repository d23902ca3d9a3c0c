# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""The interpreter of a plan: every step of every block of samples inside one compiled function."""

from __future__ import annotations

from numba import njit
from numpy import int32, int64, uint8, uint32

from threshc.sim.packed.machine.simd import (
    address,
    and_,
    array,
    invoke,
    load,
    maj,
    number,
    or_,
    splat,
    store,
    store_bytes,
    store_numbers,
    xor,
)
from threshc.sim.packed.planes.layout import (
    ARGMAX,
    BITS,
    COPY,
    FEW,
    INTS,
    LANES,
    NUMBERS,
    PACK,
    REDUCE,
    ROWS,
    STATS,
    STEP,
    THRESH,
    TRIPLES,
    VALUE,
)  # fmt: skip
from threshc.sim.packed.planes.packing import pack
from threshc.sim.packed.planes.stats import count_planes

CHUNK = 32  # rows whose lists stay in the nearest cache while the blocks of samples pass


@njit(nogil=True, error_model="numpy")
def _patch(s, planes, block, blocks, tables, position):
    """Copy the planes under a position to where the literals are."""
    here, ones = s.table + position * s.width, splat(-1)
    for g in range(blocks):
        for i in range(s.width):
            bit = load(planes, g * block + tables[here + i])
            store(planes, g * block + s.patch + i, bit)
            if s.inverse:
                store(planes, g * block + s.patch + s.width + i, xor(bit, ones))


@njit(nogil=True, error_model="numpy")
def _run_rows(program, k, end, planes, block, blocks, lits, width, starts, runs, masks, tables):
    """Steps k..end-1 at every position; a chunk of rows meets all blocks before the next.

    lits: address of the literals, of `width` bytes each.
    """
    for position in range(program[k].positions):
        _patch(program[k], planes, block, blocks, tables, position)
        for step in range(k, end):
            s = program[step]
            out = s.out + position * s.pitch
            few, triples = s.op == FEW, s.op == TRIPLES
            per = 3 if triples else 1
            size = s.levels if s.mode == VALUE and not triples else per
            literals = lits + width * s.row0 if few else lits
            start = 0 if few else address(starts) + 8 * s.row0
            run, mask = address(runs) + 4 * s.run0, address(masks) + 8 * s.mask0
            chunk = CHUNK // per if blocks > 1 and not few else s.rows
            for first in range(0, s.rows // per, chunk):
                last = min(first + chunk, s.rows // per)
                to = out + first * size
                for g in range(blocks):
                    invoke(
                        s.kernel, address(planes) + 64 * g * block, literals, start, run, mask, first, last,
                        s.slots if triples else s.digits, s.mode, s.against, to,
                    )  # fmt: skip


@njit(nogil=True, error_model="numpy")
def _copy(s, planes, at, tables):
    flip = splat(-1 if s.mode else 0)
    for i in range(s.rows):
        store(planes, at + s.out + i, xor(load(planes, at + tables[s.table + i]), flip))


@njit(nogil=True, error_model="numpy")
def _thresh(s, planes, at, tables, masks):
    for j in range(s.rows):
        carry = splat(0)
        for level in range(s.levels):
            bit = load(planes, at + tables[s.table + j * s.levels + level])
            carry = maj(bit, splat(masks[s.mask0 + level]), carry)
        store(planes, at + s.out + j, carry)


@njit(nogil=True, error_model="numpy")
def _reduce(s, planes, at, tables):
    for j in range(s.rows):
        here = s.table + j * s.width
        bit = load(planes, at + tables[here])
        for tap in range(1, s.width):
            other = load(planes, at + tables[here + tap])
            bit = and_(bit, other) if s.mode else or_(bit, other)
        store(planes, at + s.out + j, bit)


@njit(nogil=True, error_model="numpy")
def _argmax(s, planes, at, tables):
    """Keep the largest number so far at `patch`; a later one replaces it only where it is larger."""
    ones = splat(-1)
    for level in range(s.levels):
        store(planes, at + s.patch + level, load(planes, at + tables[s.table + level]))
    for d in range(s.digits):
        store(planes, at + s.out + d, splat(0))
    for j in range(1, s.rows):
        here = s.table + j * s.levels
        larger = splat(0)
        for level in range(s.levels):
            best = xor(load(planes, at + s.patch + level), ones)
            larger = maj(best, load(planes, at + tables[here + level]), larger)
        for level in range(s.levels):
            best = load(planes, at + s.patch + level)
            new = load(planes, at + tables[here + level])
            store(planes, at + s.patch + level, xor(best, and_(larger, xor(best, new))))
        for d in range(s.digits):
            best = load(planes, at + s.out + d)
            new = splat(-((j >> d) & 1))
            store(planes, at + s.out + d, xor(best, and_(larger, xor(best, new))))


@njit(nogil=True, error_model="numpy")
def _bits(s, planes, at, tables, samples, out, row, first):
    for i in range(s.rows):
        plane = 8 * (at + tables[s.table + i])
        for word in range((samples + 63) >> 6):
            store_bytes(out, (s.out + i) * row + first + 64 * word, planes[plane + word])


@njit(nogil=True, error_model="numpy")
def _ints(s, planes, at, tables, samples, offsets, out, row, first):
    for i in range(s.rows):
        here, to = s.table + i * s.levels, (s.out + i) * row + first
        for word in range((samples + 63) >> 6):
            store_numbers(out, to + 64 * word, planes, 8 * at + word, tables, here, s.levels, offsets[s.out + i])


@njit(nogil=True, error_model="numpy")
def _execute(
    program, lits, width, starts, runs, masks, tables, limits, offsets,
    x, pitch, first, last, planes, block, blocks, scratch, bits, ints, row, stats,
):  # fmt: skip
    """Run a plan's steps on samples first..last-1.

    x: address of the input bytes of sample 0, `pitch` bytes per sample. planes: (blocks * block * 8,) int64, 64-byte
    aligned, planes 0 and 1 of every block set. bits uint8, ints int64: one row of `row` samples per result element.
    """
    for start in range(first, last, LANES * blocks):
        live = min(blocks, (last - start + LANES - 1) // LANES)
        for k in range(len(program)):
            s = program[k]
            if s.joined:
                continue
            if s.op == ROWS or s.op == TRIPLES or s.op == NUMBERS or s.op == FEW:
                end = k + 1
                while end < len(program) and program[end].joined:
                    end += 1
                _run_rows(program, k, end, planes, block, live, lits, width, starts, runs, masks, tables)
                continue
            if s.op == STATS:
                taken = min(LANES * live, last - start)
                count_planes(planes, block, tables, s.table, s.rows, taken, start == first, scratch, stats)
                continue
            for g in range(live):
                at = g * block
                here = start + g * LANES
                samples = min(LANES, last - here)
                if s.op == PACK:
                    pack(
                        x + here * pitch, pitch, samples, s.width, s.mode, address(limits) + s.table,
                        address(planes) + 64 * (at + s.out), address(scratch),
                    )  # fmt: skip
                elif s.op == COPY:
                    _copy(s, planes, at, tables)
                elif s.op == THRESH:
                    _thresh(s, planes, at, tables, masks)
                elif s.op == REDUCE:
                    _reduce(s, planes, at, tables)
                elif s.op == ARGMAX:
                    _argmax(s, planes, at, tables)
                elif s.op == BITS:
                    _bits(s, planes, at, tables, samples, bits, row, here)
                elif s.op == INTS:
                    _ints(s, planes, at, tables, samples, offsets, ints, row, here)


def execute_planes(args):
    """Runs a plan; args: address of the table of arguments (see `layout`)."""
    _execute(
        array(args, 0, STEP), number(args, 2), number(args, 3), array(args, 4, int64), array(args, 6, uint32),
        array(args, 8, int64), array(args, 10, int32), array(args, 12, uint8), array(args, 14, int64),
        number(args, 16), number(args, 17), number(args, 18), number(args, 19), array(args, 20, int64),
        number(args, 22), number(args, 23), array(args, 24, int64), array(args, 26, uint8), array(args, 28, int64),
        number(args, 30), array(args, 31, int64),
    )  # fmt: skip
