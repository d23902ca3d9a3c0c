"""Runs a word plan on a few samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.sim.packed.driver import input_bytes
from threshc.sim.packed.machine import entry
from threshc.sim.packed.words_plan import WordPlan, arguments, workspace

Arrays = tuple[NDArray[np.integer], ...]
Bits = tuple[NDArray[np.uint8], ...]


def execute_word_plan(plan: WordPlan, x: NDArray[np.integer], bits: bool) -> tuple[Arrays, Bits]:
    """Output values and hidden bits for encoded samples (N, n) of the plan's dtype, each (N, *shape)."""
    samples = len(x)
    data = input_bytes(x, plan.width)
    bit_results = np.empty((samples, plan.bit_columns[bits]), np.uint8)
    int_results = np.empty((samples, plan.int_columns), np.int64)
    if samples:
        words, group = workspace(plan, samples)
        table = arguments(
            program=plan.program.ctypes.data, steps=len(plan.program) if bits else plan.steps,
            weights=plan.weights.ctypes.data, tables=plan.tables.ctypes.data, limits=plan.limits.ctypes.data,
            x=data.ctypes.data, pitch=data.strides[0], samples=samples, workspace=words.ctypes.data,
            words=plan.words, group=group, bits=bit_results.ctypes.data, bits_row=bit_results.shape[1],
            ints=int_results.ctypes.data, ints_row=8 * int_results.shape[1],
        )  # fmt: skip
        entry("words")(table.ctypes.data)

    def view(kind: str, first: int, shape: tuple[int, ...]) -> NDArray[np.integer]:
        results: NDArray[np.integer] = bit_results if kind == "bits" else int_results
        return results[:, first : first + int(np.prod(shape))].reshape(samples, *shape)

    values = tuple(view(c.kind, c.first, c.shape) for c in plan.outputs)
    hidden = plan.bits if bits else ()
    return values, tuple(view(c.kind, c.first, c.shape).astype(np.uint8, copy=False) for c in hidden)
