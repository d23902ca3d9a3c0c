"""Runs a plan on a batch: workspace, threads, and views of the results."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.layout import ARRAYS, CHUNKS, LANES, WORDS
from threshc.sim.packed.machine import entry
from threshc.sim.packed.memory import on_line
from threshc.sim.packed.plan import Plan, Slot

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from threshc.sim.packed.activity import Activity

_CACHE_BYTES = 4 << 20  # blocks that pass a layer together share its tables; their planes should stay in cache
_BLOCKS = 4
_KEPT_BYTES = 64 << 20
_SHARE = 4  # a thread is worth starting for so many blocks

_NONE, _NOTHING = np.zeros(1, np.int64), np.zeros(0, np.int64)

_T = TypeVar("_T", bound=np.integer)

Arrays = tuple[NDArray[np.integer], ...]
Bits = tuple[NDArray[np.uint8], ...]


def execute_plan(
    plan: Plan, x: NDArray[np.integer], bits: bool, threads: int, activity: Activity | None = None
) -> tuple[Arrays, Bits]:
    """Output values and hidden bits for encoded samples (N, n) of the plan's dtype, each (N, *shape)."""
    samples = len(x)
    row = -(-samples // 64) * 64
    parts = [plan.program, *([plan.hidden] if bits else []), *([plan.watch] if activity is not None else [])]
    program = np.concatenate(parts) if len(parts) > 1 else plan.program
    bit_rows, int_rows = plan.output_rows
    bit_results = np.empty((bit_rows + (plan.hidden_rows if bits else 0), row), np.uint8)
    int_results = np.empty((int_rows, row), np.int64)
    data = input_bytes(x, plan.width)
    tables = _tables(plan)
    execute = entry("planes_16" if plan.lits.itemsize == 2 else "planes_32")

    spans = _spans(samples, threads)
    stats = [_NONE if activity is None else activity.table(k) for k in range(len(spans))]

    def work(k: int) -> None:
        span = spans[k]
        blocks = max(1, min(_BLOCKS, _CACHE_BYTES // (64 * plan.planes), -(-(span[1] - span[0]) // LANES)))
        planes, scratch = _workspace(plan, blocks)
        table = np.array(
            [
                *place(program), *tables, data.ctypes.data, data.strides[0], *span, *place(planes), plan.planes, blocks,
                *place(scratch), *place(bit_results), *place(int_results), row,
                *place(stats[k]),
            ],
            np.int64,
        )  # fmt: skip
        execute(table.ctypes.data)

    if len(spans) > 1:
        others = [_pool(threads).submit(work, k) for k in range(1, len(spans))]
        work(0)
        for other in others:
            other.result()
    elif spans:
        work(0)
    if activity is not None and spans:
        activity.add(spans)

    values = tuple(_view(bit_results if slot.kind == "bits" else int_results, slot, samples) for slot in plan.outputs)
    return values, tuple(_view(bit_results, slot, samples) for slot in plan.bits) if bits else ()


class Steps:
    """Some steps of a plan as a call, on workspaces that nothing was packed into: for measuring them."""

    def __init__(self, plan: Plan, steps: Sequence[int], blocks: int) -> None:
        program = np.ascontiguousarray(plan.program[list(steps)])
        planes = on_line(_NOTHING, blocks * plan.planes * 8)
        data = np.zeros((blocks * LANES, plan.width), np.uint8)
        scratch = on_line(_NOTHING, _scratch_words(plan))
        bits = np.zeros(sum(plan.output_rows) * blocks * LANES + 1, np.int64)
        self._table = np.array(
            [
                *place(program), *_tables(plan), data.ctypes.data, plan.width, 0, blocks * LANES, *place(planes),
                plan.planes, blocks, *place(scratch), *place(bits), *place(bits), blocks * LANES, *place(_NONE),
            ],
            np.int64,
        )  # fmt: skip
        self._kept = plan, program, planes, data, scratch, bits
        self._run = entry("planes_16" if plan.lits.itemsize == 2 else "planes_32")

    def __call__(self) -> None:
        self._run(self._table.ctypes.data)


def _view(results: NDArray[_T], slot: Slot, samples: int) -> NDArray[_T]:
    """A slot's rows as (N, *shape), without a copy: the samples of one element lie next to each other."""
    size = int(np.prod(slot.shape))
    rows = results[slot.row : slot.row + size, :samples]
    return np.moveaxis(rows.reshape(*slot.shape, samples), -1, 0)


@lru_cache(maxsize=16)
def _tables(plan: Plan) -> list[int]:
    """Where the arrays of a plan are, after its program."""
    return [word for name in ARRAYS[1:] for word in place(getattr(plan, name))]


def place(array: NDArray[np.generic]) -> tuple[int, int]:
    """Address and length of an array."""
    return array.ctypes.data, array.size


def input_bytes(x: NDArray[np.integer], width: int) -> NDArray[np.uint8]:
    """Samples (N, n) as rows of little-endian bytes, at least `width` of them."""
    raw = np.ascontiguousarray(x.astype(x.dtype.newbyteorder("<"), copy=False)).view(np.uint8)
    if raw.shape[1] >= width:
        return raw
    padded = np.zeros((len(raw), width), np.uint8)
    padded[:, : raw.shape[1]] = raw
    return padded


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that stay, with their workspaces, until another number of them is asked for."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(threads, "packed")


class _Memory(threading.local):
    """The last workspace of every thread: fresh memory costs a page fault per 4 kB."""

    key: tuple[int, int] = (0, 0)
    planes: NDArray[np.int64] = np.zeros(0, np.int64)
    scratch: NDArray[np.int64] = np.zeros(0, np.int64)


_memory = _Memory()


def _workspace(plan: Plan, blocks: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Planes on a 64-byte boundary, zeroed when new, with planes 0 and 1 of every block all zeros and all ones, and
    scratch words for packing."""
    if _memory.key != (plan.planes, blocks):
        _memory.planes = on_line(_NOTHING, blocks * plan.planes * 8)
        _memory.planes.reshape(blocks, -1)[:, 8:16] = -1
        _memory.key = (plan.planes, blocks) if _memory.planes.nbytes <= _KEPT_BYTES else (0, 0)
    if len(_memory.scratch) != _scratch_words(plan):
        _memory.scratch = on_line(_NOTHING, _scratch_words(plan))
    return _memory.planes, _memory.scratch


def _scratch_words(plan: Plan) -> int:
    """What packing needs, whichever number of vectors it takes at a time."""
    return (-(-plan.width // 64) + CHUNKS[-1]) * WORDS


def _spans(samples: int, threads: int) -> list[tuple[int, int]]:
    """The samples in at most `threads` parts that begin at multiples of 512."""
    blocks = -(-samples // LANES)
    parts = max(1, min(threads, -(-blocks // _SHARE)))
    edges = [min(LANES * (blocks * k // parts), samples) for k in range(parts + 1)]
    return [(a, b) for a, b in pairwise(edges) if a < b]
