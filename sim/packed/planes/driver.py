"""Runs a plan on a batch: workspace, threads, and views of the results."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.machine.code import address, entry
from threshc.sim.packed.machine.memory import Kept, on_line
from threshc.sim.packed.machine.workers import team
from threshc.sim.packed.planes.layout import ARRAYS, CHUNKS, KERNELS, LANES, TASK, WORDS
from threshc.sim.packed.planes.plan import Plan, Slot
from threshc.sim.packed.planes.schedule import Schedule, blocks_together, place, plain_schedule
from threshc.sim.size import want_results

if TYPE_CHECKING:
    from threshc.sim.packed.planes.activity import Activity

_KEPT_BYTES = 64 << 20
_STRETCH = 100_000_000_000  # effort between two looks at Python's signals: 0.02 to 0.1 s with 512-bit vectors

_NONE, _NOTHING = np.zeros(1, np.int64), np.zeros(0, np.int64)
_TABLE, _TASK, _TASK_AT, _TAKEN_AT = struct.Struct("=17q"), struct.Struct(f"={len(TASK)}q"), 40, 48

_T = TypeVar("_T", bound=np.integer)

Arrays = tuple[NDArray[np.integer], ...]
Bits = tuple[NDArray[np.uint8], ...]


def execute_plan(
    plan: Plan, x: NDArray[np.integer], bits: bool, threads: int, activity: Activity | None = None
) -> tuple[Arrays, Bits]:
    """Returns output values and hidden bits for encoded samples (N, n) of the plan's dtype, each (N, *shape).

    Long batches are done a stretch at a time, so that Ctrl-C ends them soon; not where an activity counts, which counts
    a batch wholly or not at all. Raises CompileError where the results take more memory than there is.
    """
    samples = len(x)
    row = -(-samples // 64) * 64
    bit_rows, int_rows = plan.output_rows
    bit_rows += plan.hidden_rows if bits else 0
    want_results(samples, row * (bit_rows + 8 * int_rows))
    bit_results = np.empty((bit_rows, row), np.uint8)
    int_results = np.empty((int_rows, row), np.int64)
    if samples:
        data = input_bytes(x, plan.width)
        tables, _program = _tables(plan, bits, activity is not None)  # a name, so that it lives until the end
        x_at, pitch, (bits_at, bits_size), (ints_at, ints_size) = (
            data.ctypes.data, data.strides[0], place(bit_results), place(int_results),
        )  # fmt: skip
        stretch = samples if activity is not None else _stretch(plan, threads)
        for first in range(0, samples, stretch):
            count = min(stretch, samples - first)
            batch = (
                x_at + first * pitch, pitch, bits_at + first, max(0, bits_size - first),
                ints_at + 8 * first, max(0, ints_size - first), row,
            )  # fmt: skip
            schedule = activity.begin(count, threads) if activity is not None else plain_schedule(plan, count, threads)
            _do_jobs(plan, tables, batch, schedule)
            if activity is not None:
                activity.end(schedule)
    values = tuple(_view(bit_results if slot.kind == "bits" else int_results, slot, samples) for slot in plan.outputs)
    return values, tuple(_view(bit_results, slot, samples) for slot in plan.bits) if bits else ()


def _do_jobs(plan: Plan, tables: bytes, batch: tuple[int, ...], schedule: Schedule) -> None:
    """Do the parts of a batch; `batch`: x, pitch, bits, ints (address, length each) and row."""
    kept = _kept.take() or []
    while len(kept) < schedule.threads:
        kept.append(_Space())
    spaces = kept[: schedule.threads]
    for space in spaces:
        space.prepare(plan, schedule.blocks, tables, batch, schedule.first)
    if schedule.count == 1:
        entry("planes")(spaces[0].address)
    else:
        work = address("planes"), schedule.jobs, schedule.count, spaces[0].taken
        team().run(tuple(space.task(*work) for space in spaces))
    _kept.put(kept)


class Steps:
    """Some steps of a plan as a call, on workspaces that nothing was packed into: for measuring them."""

    def __init__(self, plan: Plan, steps: Sequence[int], blocks: int) -> None:
        program = linked(plan, plan.program[list(steps)])
        planes = on_line(_NOTHING, blocks * plan.planes * 8)
        planes.fill(-1)  # memory that nobody wrote is one page of zeros, many times, and slow
        data = np.ones((blocks * LANES, plan.width), np.uint8)
        scratch = on_line(_NOTHING, _scratch_words(plan))
        bits = np.zeros(sum(plan.output_rows) * blocks * LANES + 1, np.int64)
        self._table = np.array(
            [
                *place(program), *_arrays(plan), data.ctypes.data, plan.width, 0, blocks * LANES, *place(planes),
                plan.planes, blocks, *place(scratch), *place(bits), *place(bits), blocks * LANES, *place(_NONE),
            ],
            np.int64,
        )  # fmt: skip
        self._kept = plan, program, planes, data, scratch, bits
        self._run = entry("planes")

    def __call__(self) -> None:
        self._run(self._table.ctypes.data)


def _view(results: NDArray[_T], slot: Slot, samples: int) -> NDArray[_T]:
    """A slot's rows as (N, *shape), without a copy: the samples of one element lie next to each other."""
    rows = results[slot.row : slot.row + prod(slot.shape), :samples].reshape(*slot.shape, samples)
    view: NDArray[_T] = rows.transpose(len(slot.shape), *range(len(slot.shape)))
    return view


@lru_cache(maxsize=16)
def _tables(plan: Plan, bits: bool, watch: bool) -> tuple[bytes, NDArray[np.void]]:
    """The first words of the table of arguments: where the program and the arrays of a plan are; and the program.

    The program makes the outputs, stores the hidden bits and counts. It lives as long as the caller holds it.
    """
    steps = [plan.program, *([plan.hidden] if bits else []), *([plan.watch] if watch else [])]
    program = linked(plan, np.concatenate(steps))
    return np.array([*place(program), *_arrays(plan)], np.int64).tobytes(), program


def linked(plan: Plan, steps: NDArray[np.void]) -> NDArray[np.void]:
    """Steps of a plan with the addresses of their kernels; those that this machine does not have yet are compiled."""
    steps = steps.copy()
    for name, here in kernels(plan, steps).items():
        steps["kernel"][here] = address(name)
    return steps


def kernels(plan: Plan, steps: NDArray[np.void]) -> dict[str, NDArray[np.bool_]]:
    """Returns the counting kernels that steps of a plan need, by name (see `compile.NAMES`), and which steps need
    them."""
    found = {}
    for op, kind in KERNELS.items():
        for levels in np.unique(steps["levels"][steps["op"] == op]):
            found[f"{kind}_{levels}_{8 * plan.lits.itemsize}"] = (steps["op"] == op) & (steps["levels"] == levels)
    return found


def _arrays(plan: Plan) -> list[int]:
    return [
        plan.lits.ctypes.data, plan.lits.itemsize,
        *(word for name in ARRAYS[2:] for word in place(getattr(plan, name))),
    ]  # fmt: skip


def input_bytes(x: NDArray[np.integer], width: int) -> NDArray[np.uint8]:
    """Returns samples (N, n) as rows of little-endian bytes, at least `width` of them."""
    raw = np.ascontiguousarray(x.astype(x.dtype.newbyteorder("<"), copy=False)).view(np.uint8)
    if raw.shape[1] >= width:
        return raw
    padded = np.zeros((len(raw), width), np.uint8)
    padded[:, : raw.shape[1]] = raw
    return padded


class _Space:
    """The planes of one thread, its table of arguments and its task. Fresh memory costs a page fault per 4 kB."""

    def __init__(self) -> None:
        self._key: tuple[int, int] = (0, 0)
        self._planes = self._scratch = _NOTHING
        self._words = on_line(_NOTHING, 64)
        self._raw = memoryview(self._words.data).cast("B")
        self.address: int = self._words.ctypes.data
        self.taken = self.address + 8 * _TAKEN_AT

    def prepare(self, plan: Plan, blocks: int, tables: bytes, batch: tuple[int, ...], job: tuple[int, ...]) -> None:
        """Fill the table of arguments."""
        if self._key != (plan.planes, blocks):
            self._renew(plan, blocks)
        if len(self._scratch) != _scratch_words(plan):
            self._scratch = on_line(_NOTHING, _scratch_words(plan))
            self._scratch_place = place(self._scratch)
        (x, pitch, *results), (first, last, *stats) = batch, job
        self._raw[: len(tables)] = tables
        _TABLE.pack_into(
            self._raw, len(tables), x, pitch, first, last, *self._planes_place, plan.planes, blocks,
            *self._scratch_place, *results, *stats,
        )  # fmt: skip

    def task(self, engine: int, jobs: int, count: int, taken: int) -> int:
        """Address of a task with this table (see `layout.TASK`)."""
        _TASK.pack_into(self._raw, 8 * _TASK_AT, engine, self.address, jobs, count, taken)
        return self.address + 8 * _TASK_AT

    def _renew(self, plan: Plan, blocks: int) -> None:
        """Planes zeroed, with planes 0 and 1 of every block all zeros and all ones."""
        self._planes = _NOTHING  # the old ones are freed first
        self._planes = on_line(_NOTHING, blocks * plan.planes * 8)
        self._planes.reshape(blocks, -1)[:, 8:16] = -1
        self._planes_place = place(self._planes)
        self._key = (plan.planes, blocks) if self._planes.nbytes <= _KEPT_BYTES else (0, 0)


_kept: Kept[list[_Space]] = Kept()
"""The spaces that batches of a thread are computed in, by itself and its workers."""


def _stretch(plan: Plan, threads: int) -> int:
    """How many samples are done before Python looks at signals: whole parts for all threads, at least one each."""
    unit = LANES * blocks_together(plan) * threads
    return max(1, _STRETCH // (plan.effort * unit)) * unit


def _scratch_words(plan: Plan) -> int:
    """What packing needs, whichever number of vectors it takes at a time."""
    return (-(-plan.width // 64) + CHUNKS[-1]) * WORDS
