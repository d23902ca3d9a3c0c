"""A network as a finished plan of the word engine, and the call that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare
from threshc.sim.packed.words.layout import ARGUMENTS, BITS, FIELDS, GROUP, INTS
from threshc.sim.packed.words.lower import NotCovered, WordLowering
from threshc.sim.size import want_tables

_GROUP_BYTES = 2 << 20  # the workspace of a group of samples should stay in the nearer caches


@dataclass(frozen=True, slots=True)
class Columns:
    """A result: elements `first` on of the bit or integer results of a sample."""

    kind: str
    first: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class WordPlan:
    """Tables of a network (see `words_layout`). steps: of the outputs; all_steps: with every hidden bit.

    words: workspace per sample. weight_bytes: of the weights, thresholds and limits that each value of the
    network has. bit_columns: of the outputs, then of the outputs and hidden bits.
    """

    dtype: np.dtype[np.generic]
    width: int
    words: int
    program: NDArray[np.int64]
    steps: int
    weights: NDArray[np.uint64]
    tables: NDArray[np.int64]
    limits: NDArray[np.uint8]
    weight_bytes: dict[int, int]
    outputs: tuple[Columns, ...]
    bits: tuple[Columns, ...]
    bit_columns: tuple[int, int]
    int_columns: int


@lru_cache(maxsize=8)
def word_plan(network: Network) -> WordPlan | None:
    """Returns the plan of a network, None where the word engine does not cover it; the last eight are kept.

    Raises CompileError where it takes more memory than there is.
    """
    want_tables(network)
    try:
        low = WordLowering(network)
    except NotCovered:
        return None
    tables = low.tables
    outputs: list[Columns] = []
    bit_columns = int_columns = 0
    for output in network.outputs:
        shape = network.types[output.value].shape
        size = int(np.prod(shape))
        if output.kind == "bits":
            tables.step(BITS, rows=size, table=tables.table(low.bits[output.value]), out=bit_columns)
            outputs.append(Columns("bits", bit_columns, shape))
            bit_columns += size
            continue
        if output.value not in low.words:
            return None  # the input itself, as integers
        tables.step(INTS, rows=size, x=low.words[output.value], out=int_columns)
        outputs.append(Columns("ints", int_columns, shape))
        int_columns += size
    steps, all_bits, bits = len(tables.program), bit_columns, []
    for v, op in enumerate(network.ops):
        if isinstance(op, Compare):
            shape = network.types[v].shape
            size = int(np.prod(shape))
            tables.step(BITS, rows=size, table=tables.table(low.bits[v]), out=all_bits)
            bits.append(Columns("bits", all_bits, shape))
            all_bits += size
    return WordPlan(
        dtype=low.dtype,
        width=low.width,
        words=tables.words + 1,  # unaligned loads reach one word further
        program=np.array(tables.program, np.int64).reshape(-1, len(FIELDS)),
        steps=steps,
        weights=aligned(np.concatenate([*tables.weights, np.zeros(8, np.uint64)])),
        tables=np.concatenate([*tables.tables, np.zeros(1, np.int64)]),
        limits=np.concatenate([*tables.limits, np.zeros(1, np.uint8)]),
        weight_bytes=low.weight_bytes,
        outputs=tuple(outputs),
        bits=tuple(bits),
        bit_columns=(bit_columns, all_bits),
        int_columns=int_columns,
    )


def aligned(array: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Returns a copy that begins on a 64-byte boundary."""
    raw = np.empty(array.size + 8, np.uint64)
    start = -(raw.ctypes.data // 8) % 8
    raw[start : start + array.size] = array
    return raw[start : start + array.size]


def workspace(plan: WordPlan, samples: int) -> tuple[NDArray[np.uint64], int]:
    """Returns zeroed words of a group of samples with word 1 of each all ones, and the size of the group."""
    group = max(1, min(GROUP, samples, _GROUP_BYTES // (8 * plan.words)))
    words = np.zeros((group, plan.words), np.uint64)
    words[:, 1] = ~np.uint64(0)
    return words, group


def arguments(**values: int) -> NDArray[np.int64]:
    """Returns the table of arguments of `execute_words`."""
    return np.array([values[name] for name in ARGUMENTS], np.int64)
