"""Runs a word plan on a few samples."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.machine.code import entry
from threshc.sim.packed.machine.memory import Kept
from threshc.sim.packed.planes.driver import input_bytes
from threshc.sim.packed.words.layout import ARGUMENTS, GROUP
from threshc.sim.packed.words.plan import Columns, WordPlan, workspace
from threshc.sim.size import want_results

Arrays = tuple[NDArray[np.integer], ...]
Bits = tuple[NDArray[np.uint8], ...]


class _Space:
    """The workspace of a plan (what a plan does not write stays zero), and its table of arguments."""

    def __init__(self, plan: WordPlan) -> None:
        self.plan = plan
        self.words, group = workspace(plan, GROUP)
        self.place = int(self.words.ctypes.data), plan.words, group
        self.table = (ctypes.c_int64 * len(ARGUMENTS))()
        self.at = ctypes.addressof(self.table)


_kept: Kept[_Space] = Kept()
"""The space of every thread for its last plan."""


def execute_word_plan(plan: WordPlan, x: NDArray[np.integer], bits: bool) -> tuple[Arrays, Bits]:
    """Returns output values and hidden bits for encoded samples (N, n) of the plan's dtype, each (N, *shape)."""
    samples = len(x)
    data = input_bytes(x, plan.width)
    bit_columns, int_columns = plan.bit_columns[bits], plan.int_columns
    want_results(samples, samples * (bit_columns + 8 * int_columns))
    bit_results = np.empty((samples, bit_columns), np.uint8)
    int_results = np.empty((samples, int_columns), np.int64)
    if samples:
        space = _kept.take()
        if space is None or space.plan is not plan:
            space = None  # the old one is freed first
            space = _Space(plan)
        space.table[:] = [
            *_tables(plan, bits), data.ctypes.data, data.strides[0], samples, *space.place,
            bit_results.ctypes.data if bit_columns else 0, bit_columns,
            int_results.ctypes.data if int_columns else 0, 8 * int_columns,
        ]  # fmt: skip
        entry("words")(space.at)
        _kept.put(space)

    def view(c: Columns) -> NDArray[np.integer]:
        results: NDArray[np.integer] = bit_results if c.kind == "bits" else int_results
        return results[:, c.first : c.first + prod(c.shape)].reshape(samples, *c.shape)

    values = tuple(view(c) for c in plan.outputs)
    return values, tuple(view(c).astype(np.uint8, copy=False) for c in plan.bits) if bits else ()


@lru_cache(maxsize=16)
def _tables(plan: WordPlan, bits: bool) -> tuple[int, ...]:
    """The first arguments: where the tables of a plan are."""
    steps = len(plan.program) if bits else plan.steps
    rest = (int(a.ctypes.data) for a in (plan.weights, plan.tables, plan.limits))
    return (int(plan.program.ctypes.data), steps, *rest)
