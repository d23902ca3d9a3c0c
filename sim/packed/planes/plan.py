"""What a batch needs to know about a network: finished tables, and where each result lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Sum
from threshc.sim.packed.machine.memory import on_line
from threshc.sim.packed.planes.layout import BITS, CHUNKS, INTS, PREFETCHED, STATS
from threshc.sim.packed.planes.lower import Lowering
from threshc.sim.size import elements, want_tables

_T = TypeVar("_T", bound=np.integer)


@dataclass(frozen=True, slots=True)
class Slot:
    """A result: `rows` rows from `row` on of the bit or integer results, the elements of `shape` in order."""

    kind: str
    row: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Tables of a network (see `layout`), and where its outputs and hidden bits are found.

    spent: per value of the network its steps in the program, and the literals and masks of these.
    program: steps that make the outputs; hidden: steps that store the Compare bits; watch: a step that
    counts their ones and changes, a column of stats for each of `hidden_rows`. planes: size of a block's
    workspace; width: input bytes per sample that are read (rows shorter than that are padded by the caller).
    effort: about how many additions of a bit one sample takes.
    """

    dtype: np.dtype[np.generic]
    width: int
    planes: int
    program: NDArray[np.void]
    hidden: NDArray[np.void]
    watch: NDArray[np.void]
    lits: NDArray[np.generic]
    starts: NDArray[np.int64]
    runs: NDArray[np.uint32]
    masks: NDArray[np.int64]
    tables: NDArray[np.int32]
    limits: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    spent: dict[int, tuple[range, int, int]]
    outputs: tuple[Slot, ...]
    bits: tuple[Slot, ...]
    output_rows: tuple[int, int]
    hidden_rows: int
    effort: int


@lru_cache(maxsize=8)
def plan(network: Network) -> Plan:
    """Returns the plan of a network; the last eight are kept. Raises CompileError where it takes more memory than there
    is."""
    want_tables(network)
    low = Lowering(network)
    tables = low.tables
    outputs: list[Slot] = []
    offsets: list[NDArray[np.int64]] = []
    bit_rows = int_rows = 0
    for output in network.outputs:
        shape = network.types[output.value].shape
        size = int(np.prod(shape))
        if output.kind == "bits":
            tables.step(BITS, rows=size, table=tables.table(low.bits[output.value]), out=bit_rows)
            outputs.append(Slot("bits", bit_rows, shape))
            bit_rows += size
            continue
        numbers = low.ints(output.value)
        tables.step(INTS, rows=size, levels=numbers.planes.shape[-1], table=tables.table(numbers.planes), out=int_rows)
        outputs.append(Slot("ints", int_rows, shape))
        offsets.append(np.full(size, numbers.offset, np.int64))
        int_rows += size
    program = tables.steps()
    tables.program.clear()
    bits: list[Slot] = []
    rows = bit_rows
    for v, op in enumerate(network.ops):
        if isinstance(op, Compare):
            shape = network.types[v].shape
            size = int(np.prod(shape))
            tables.step(BITS, rows=size, table=tables.table(low.bits[v]), out=rows)
            bits.append(Slot("bits", rows, shape))
            rows += size
    hidden = tables.steps()
    tables.program.clear()
    watched = [low.bits[v].ravel() for v, op in enumerate(network.ops) if isinstance(op, Compare)]
    if watched:
        filled = np.zeros(-(-(rows - bit_rows) // 8) * 8, np.int64)  # with planes of zeros
        filled[: rows - bit_rows] = np.concatenate(watched)
        tables.step(STATS, rows=len(filled), table=tables.table(filled))
    watch = tables.steps()
    lits = _joined([*tables.lits, np.zeros(PREFETCHED, np.int64)], np.int64) * 8
    return Plan(
        dtype=low.input.dtype,
        width=low.input.width,
        planes=tables.planes,
        program=program,
        hidden=hidden,
        watch=watch,
        lits=lits.astype(np.uint16 if lits.max() < 2**16 else np.uint32),
        starts=np.array([*tables.starts, 0], np.int64),
        runs=np.array([*tables.runs, 0], np.uint32),
        masks=_joined(tables.masks, np.int64),
        tables=_joined(tables.tables, np.int32),
        limits=on_line(_joined(tables.limits, np.uint8), 64 * CHUNKS[-1]),
        offsets=_joined(offsets, np.int64),
        spent=low.spent,
        outputs=tuple(outputs),
        bits=tuple(bits),
        output_rows=(bit_rows, int_rows),
        hidden_rows=rows - bit_rows,
        effort=_effort(network),
    )


def _effort(network: Network) -> int:
    """Nonzero weights times their digits and positions, and a share for every value."""
    total = 64 * elements(network)
    for v, op in enumerate(network.ops):
        if isinstance(op, Sum) and op.weights.size:
            positions = math.prod(network.types[v].shape) // len(op.bias)
            digits = max(int(op.weights.max()), -int(op.weights.min())).bit_length()
            total += positions * digits * int(np.count_nonzero(op.weights))
    return total


def _joined(parts: Sequence[NDArray[_T]], dtype: type[_T]) -> NDArray[_T]:
    """The parts end to end and one more element, so that no table is empty."""
    return np.concatenate([*parts, np.zeros(1, dtype)])
