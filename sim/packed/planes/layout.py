"""The tables that a plan holds and the kernels read: one record per step, and what its fields mean.

Planes are 64 bytes: one bit of 512 samples. Plane 0 is all zeros, plane 1 all ones. `table` entries are plane numbers.

op      | reads                                             | writes
PACK    | input bytes 0..width-1 & mode                     | bit (byte >= bytes[table + j]) to plane out + j
COPY    | rows planes tables[table..], xor all ones if mode | planes out..
ROWS    | see rows.py; per position the literals are planes | out + position * pitch ..
        | of the block itself (width 0), or of a patch of   |
        | width planes tables[table + position * width ..]  |
        | copied to plane `patch`, then their complements   |
        | if `inverse`. A step that is `joined` runs at     |
        | every position right after the one before it, on  |
        | its patch                                         |
TRIPLES | as ROWS, AGAINST; see row_triples.py; rows / 3    | plane out + position * pitch ..; `slots`: scratch of
        | triples, literals of 7 lists each                 | 4 * (levels - 1) planes
FEW     | as ROWS, but see sparse_rows.py; neurons of kind  | plane out + position * pitch ..
        | SPARSE[levels], literals from lits[row0] on       |
NUMBERS | as ROWS, VALUE or AGAINST, and width > 0; see     | planes out + position * pitch ..: VALUE numbers of
        | number_sums.py; one list of numbers per row       | `levels` planes, else bits
THRESH  | rows numbers of `levels` planes tables[table..],  | plane out + j: number >= constant; masks[mask0 ..] =
        |                                                   | digits of 2**levels - constant, the carry is the bit
REDUCE  | rows times `width` planes tables[table..]         | plane out + j: their or (mode 0) / and (mode 1)
ARGMAX  | rows numbers of `levels` planes tables[table..]   | index of the largest as `digits` planes out.. (scratch
        |                                                   | of `levels` planes at `patch`)
STATS   | rows planes tables[table..], a multiple of eight  | adds to stats (4, rows), see stats.py
BITS    | rows planes tables[table..]                       | bits, from row `out` on
INTS    | rows numbers of `levels` planes tables[table..]   | ints = number + offset[out + j], from row `out` on
"""

from __future__ import annotations

import numpy as np

PACK, COPY, ROWS, THRESH, REDUCE, ARGMAX, BITS, INTS, STATS, TRIPLES, NUMBERS, FEW = range(12)
VALUE, SIGN, AGAINST = range(3)

LANES = 512
"""Samples per plane."""

WORDS = 64
"""Scratch words per 64 input bytes."""

CHUNKS = (1, 2, 4, 7, 10, 13, 16)
"""The numbers of vectors of 64 input bytes that packing is compiled for; a larger one serves where there are fewer."""

LEVELS = (6, 8, 10, 12, 16, 24, 64)
"""The numbers of digits that there are row kernels for."""

ARRAYS = ("program", "lits", "starts", "runs", "masks", "tables", "limits", "offsets")
"""The machine code is called with a table of 64-bit words: address and length of each of these arrays of a plan (of the
literals, address and bytes per literal), then
x, pitch, first, last, then planes (address, length), block, blocks, then scratch, bits, ints (address, length each),
row and stats (address, length); see `kernels._execute`."""

FIELDS = (
    "op", "levels", "digits", "mode", "rows", "row0", "run0", "mask0",
    "positions", "table", "width", "inverse", "patch", "against", "out", "pitch",
    "joined", "slots", "kernel",
)  # fmt: skip

KERNELS = {ROWS: "rows", TRIPLES: "row_triples", NUMBERS: "number_sums", FEW: "sparse"}
"""The steps that run a kernel of their own, one for every `levels`; `kernel` is its address, put in as a plan runs."""

STEP = np.dtype([(name, np.int64) for name in FIELDS])


TRIPLE_LEVELS = (10, 12, 16)
"""The numbers of digits that there are kernels of three rows for."""

NUMBER_LEVELS = (14, 16)
"""The numbers of digits that there are kernels of sums of numbers for."""

PREFETCHED = 64
"""How many literals ahead planes are fetched, where they do not fit in the nearest cache."""

NUMBER = 10
"""Digits of the numbers that it adds."""


SPARSE = ((4, 0), (4, 1), (4, 2), (8, 0), (8, 1), (8, 2), (8, 3), (8, 4), (16, 0), (16, 2), (16, 4), (16, 6), (16, 8))
"""The kinds of sparse neurons that there are kernels for: literals, and how many of them are complemented."""


def sparse_width(size: int) -> int:
    """Returns plane numbers per sparse neuron of `size` literals: these, log2(size) digits and a mask, in whole
    fours."""
    return -(-(size + size.bit_length()) // 4) * 4


def levels_for(digits: int, among: tuple[int, ...] = LEVELS) -> int:
    """Returns the smallest compiled number of digits that holds `digits`."""
    return next(n for n in among if n >= digits)


RUN, WORKER_LOOP = range(2)
"""The first word of the arguments of `team` says what it does. The others are, for WORKER_LOOP, the address of a slot;
for RUN the address of the caller's task, the number of workers, the address of the word `busy` (0: no caller has the
workers), the address of a C function that lets a thread sleep for a number of microseconds (0: there is none), and for
every worker the addresses of its slot and its task, and a word of scratch."""

IDLE, ASLEEP = range(2)
"""Words of a slot that holds no task."""

TASK = ("function", "table", "jobs", "count", "taken")
"""Words of a task: address of an engine, of a table of arguments of its own, of all jobs, their number, and the
address of the number of jobs that were taken, which the caller sets to 0."""

JOB, JOB_FIELDS = 4, (18, 19, 31, 32)
"""Words of a job, and where in the table of arguments they are put: first, last, stats (address, length)."""
