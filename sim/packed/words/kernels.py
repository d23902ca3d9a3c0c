# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""The interpreter of the word engine: every step of every group of samples inside one compiled function."""

from __future__ import annotations

from numba import njit

from threshc.sim.packed.words.layout import ARGMAX, BITS, FIELDS, GATHER, INTS, NUMBERS, PACK, REDUCE, SIGNS, SUM
from threshc.sim.packed.words.signs import sign_tile
from threshc.sim.packed.words.tiles import compare64, load64, store8, store64, tile

_STEP = 8 * len(FIELDS)
_fast = njit(nogil=True, error_model="numpy")

t8_2, t8_1, t1_4, t1_1 = (tile(s, v, False) for s, v in ((8, 2), (8, 1), (1, 4), (1, 1)))
m8_2, m8_1, m1_4, m1_1 = (tile(s, v, True) for s, v in ((8, 2), (8, 1), (1, 4), (1, 1)))

s4_2, s4_1, s1_1 = sign_tile(4, 2), sign_tile(4, 1), sign_tile(1, 1)


def _products(wide2, wide1, one4, one1):
    """The loop over all tiles of a layer: rows outside, so that their weights stay near while the samples pass."""

    @_fast
    def products(x, stride, items, words, digits, weights, block, blocks, mode, out, pitch):
        size = 64 if mode == NUMBERS else 1
        full = items & ~7
        if full:
            j = 0
            while j < blocks:
                two = j + 2 <= blocks
                for i in range(0, full, 8):
                    here, to = x + i * stride, out + i * pitch + j * size
                    if two:
                        wide2(here, stride, words, digits, weights + j * block, mode, to, pitch)
                    else:
                        wide1(here, stride, words, digits, weights + j * block, mode, to, pitch)
                j += 2 if two else 1
        for i in range(full, items):
            here, to = x + i * stride, out + i * pitch
            j = 0
            while j + 4 <= blocks:
                one4(here, stride, words, digits, weights + j * block, mode, to + j * size, pitch)
                j += 4
            while j < blocks:
                one1(here, stride, words, digits, weights + j * block, mode, to + j * size, pitch)
                j += 1

    return products


_plain, _masked = _products(t8_2, t8_1, t1_4, t1_1), _products(m8_2, m8_1, m1_4, m1_1)


@_fast
def _pack(x, width, mask, limits, out):
    chunks = (width + 63) >> 6
    for k in range(chunks):
        first = min(64 * k, width - 64)
        word = compare64(x + first, mask, limits + 64 * k)
        if first != 64 * k:  # the last chunk overlaps the one before
            over = 64 * k - first
            word = (word >> over) & ((1 << (64 - over)) - 1)
        store64(out + 8 * k, word)


@_fast
def _gather(ws, counts, runs, words, out):
    for w in range(words):
        word = 0
        for _ in range(load64(counts + 8 * w)):
            bit = load64(runs)
            part = load64(ws + (bit >> 3)) >> (bit & 7)
            word |= (part & load64(runs + 8)) << load64(runs + 16)
            runs += 24
        store64(out + 8 * w, word)


@_fast
def _reduce(x, rows, width, both, out):
    for w in range(rows):
        word = load64(x + 8 * w)
        for tap in range(1, width):
            other = load64(x + 8 * (tap * rows + w))
            word = word & other if both else word | other
        store64(out + 8 * w, word)


@_fast
def _argmax(x, rows, out):
    best, index = load64(x), 0
    for i in range(1, rows):
        value = load64(x + 8 * i)
        if value > best:
            best, index = value, i
    store64(out, index)


@_fast
def _sign_rows(x, stride, items, parts, weights, groups, out, pitch):
    """As `_products`; the samples that are left over read the weights once, in order."""
    size = 128 * (parts + 1)
    full = items & ~3
    if full:
        j = 0
        while j < groups:
            two = j + 2 <= groups
            for i in range(0, full, 4):
                if two:
                    s4_2(x + i * stride, stride, parts, weights + j * size, out + i * pitch + 4 * j, pitch)
                else:
                    s4_1(x + i * stride, stride, parts, weights + j * size, out + i * pitch + 4 * j, pitch)
            j += 2
    for i in range(full, items):
        for j in range(groups):
            s1_1(x + i * stride, stride, parts, weights + j * size, out + i * pitch + 4 * j, pitch)


@_fast
def _sum(step, ws, pitch, samples, weights):
    width, x, stride, positions, out, gap, digits, blocks, masked = (
        load64(step + 24), load64(step + 40), load64(step + 48), load64(step + 56),
        load64(step + 64), load64(step + 72), load64(step + 80), load64(step + 88), load64(step + 104),
    )  # fmt: skip
    weights += 8 * load64(step + 96)
    mode, skip = load64(step + 8), load64(step + 112)
    block = 64 * (width * digits * (2 if masked else 1) + 1)
    items, times, xs, os = samples, 1, pitch, pitch
    if positions > 1:
        items, times, xs, os = positions, samples, 8 * stride, 8 * gap
    for m in range(times):
        here, to = ws + m * pitch + 8 * x, ws + m * pitch + 8 * out + skip
        if load64(step) == SIGNS:
            _sign_rows(here, xs, items, width, weights, blocks, to, os)
        elif masked:
            _masked(here, xs, items, width, digits, weights, block, blocks, mode, to, os)
        else:
            _plain(here, xs, items, width, digits, weights, block, blocks, mode, to, os)


def execute_words(args):
    """Runs the steps of a word plan; args: address of the table of arguments (see `words_layout`)."""
    program, steps, weights, tables, limits = (
        load64(args), load64(args + 8), load64(args + 16), load64(args + 24), load64(args + 32),
    )  # fmt: skip
    x0, x_pitch, samples, ws0, words, group = (
        load64(args + 40), load64(args + 48), load64(args + 56), load64(args + 64), load64(args + 72),
        load64(args + 80),
    )  # fmt: skip
    bits0, bits_row, ints0, ints_row = (
        load64(args + 88), load64(args + 96), load64(args + 104), load64(args + 112),
    )  # fmt: skip
    pitch = 8 * words
    for start in range(0, samples, group):
        live = min(group, samples - start)
        for k in range(steps):
            step = program + k * _STEP
            op = load64(step)
            if op in (SUM, SIGNS):
                _sum(step, ws0, pitch, live, weights)
                continue
            mode, rows, width, table, x = (
                load64(step + 8), load64(step + 16), load64(step + 24), load64(step + 32), load64(step + 40),
            )  # fmt: skip
            out = load64(step + 64)
            for m in range(live):
                ws = ws0 + m * pitch
                if op == PACK:
                    _pack(x0 + (start + m) * x_pitch, width, mode, limits + table, ws + 8 * out)
                elif op == GATHER:
                    _gather(ws, tables + 8 * table, tables + 8 * width, rows, ws + 8 * out)
                elif op == REDUCE:
                    _reduce(ws + 8 * x, rows, width, mode, ws + 8 * out)
                elif op == ARGMAX:
                    _argmax(ws + 8 * x, rows, ws + 8 * out)
                elif op == BITS:
                    to = bits0 + (start + m) * bits_row + out
                    for i in range(rows):
                        bit = load64(tables + 8 * (table + i))
                        store8(to + i, (load64(ws + 8 * (bit >> 6)) >> (bit & 63)) & 1)
                elif op == INTS:
                    to = ints0 + (start + m) * ints_row + 8 * out
                    for i in range(rows):
                        store64(to + 8 * i, load64(ws + 8 * (x + i)))
