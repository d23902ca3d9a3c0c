"""A netlist of full-adder halves on vectors of bits, cut into pipeline stages while it is built.

Every primitive works on whole vectors and folds constants and equal operands. Full adders that
several neurons could share are not merged here: synthesis finds them, and equal vectors for all neurons are far quicker
to emit and to simulate (784-64-64-64-10: Verilator reads 0.6 MB in 2.5 s instead of 3 MB in 27 s).
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.pool import Pool
from threshc.hdl.unrolled.cell import Cell, Kind, Lits
from threshc.hdl.unrolled.claims import Claim, Selection

ZERO, ONE = 0, 1
_SHORT = 4  # levels per stage up to which the wires to many readers count as a level
_STAGE = 64  # levels that a pipeline stage counts for where none is cut by levels


@dataclass(frozen=True, slots=True, eq=False)
class Total:
    """Sums made as vectors: `words[r]` is the sum of row r's entries (`Heap.columns`) and of addend[r], modulo
    2**widths[r]. No steps are recorded; the checker derives them."""

    columns: tuple[Lits, ...]
    widths: Lits
    addend: tuple[int, ...]
    words: Lits


class Netlist:
    """Cells in topological order. `limit`: most cell levels between registers; 0 for no automatic registers.
    `effort`: how long architectures may search for smaller circuits, 1 by default; 0 for estimates. `pool`: where they
    search; `solved`: what they have found, by what was searched for."""

    def __init__(self, limit: int = 0, effort: int = 1, pool: Pool | None = None) -> None:
        self.limit = limit
        self.effort = effort
        self.table_inputs = 6  # of the device's look-up tables, as far as it matters which tables are made
        self.pool = pool or Pool()
        self.solved: dict[Any, Any] = {}
        self.cells: list[Cell] = []
        self.scope = ""
        self.count = 1
        self._stage = np.zeros(1024, np.int64)  # registers between the input and this bit
        self._level = np.zeros(1024, np.int64)  # cells between the last register and this bit
        self._delayed = np.zeros(1024, np.int64)  # the register that samples this bit, 0 for none
        self._fanout_level = np.zeros(1024, np.int64)  # levels that the wires from a register of this bit count for
        self._seen: dict[tuple[str, tuple[int, ...]], int] = {}
        self.claims: list[Claim] = []
        self.totals: list[Total] = []
        self.selections: list[Selection] = []

    @property
    def short_stages(self) -> bool:
        """Whether stages are so short that the wires to many readers matter."""
        return 0 < self.limit <= _SHORT

    def copy(self) -> Netlist:
        """Returns the same netlist, to which cells can be added."""
        made = copy(self)
        made.cells = list(self.cells)
        made._stage, made._level = self._stage.copy(), self._level.copy()
        made._delayed, made._fanout_level = self._delayed.copy(), self._fanout_level.copy()
        made._seen = dict(self._seen)
        return made

    def stage(self, lits: Lits) -> Lits:
        """Registers between the input and each literal; 0 for constants."""
        out: Lits = self._stage[lits >> 1]
        return out

    def depth(self, lits: Lits) -> Lits:
        """Returns a sort key that grows with arrival time: stage first, then levels since the last register."""
        out: Lits = (self._stage[lits >> 1] << 32) + self._level[lits >> 1]
        return out

    def level(self, lits: Lits) -> Lits:
        """Returns the cell levels since the last register."""
        out: Lits = self._level[lits >> 1]
        return out

    def arrival(self, lits: Lits) -> Lits:
        """Levels before each literal, registers counted as if their stages were full: for ordering."""
        return self.stage(lits) * (self.limit or _STAGE) + self.level(lits)

    def _cell(self, kind: Kind, operands: tuple[Lits, ...], stage: Lits, level: Lits, table: int = 0) -> Lits:
        first, width = self.count, len(stage)
        self.count += width
        while self.count > len(self._stage):
            self._stage, self._level, self._delayed, self._fanout_level = (
                np.concatenate([a, np.zeros_like(a)])
                for a in (self._stage, self._level, self._delayed, self._fanout_level)
            )
        self._stage[first : self.count], self._level[first : self.count] = stage, level
        self.cells.append(Cell(kind, operands, first, width, self.scope, table))
        return np.arange(first, self.count) * 2

    def append(self, kind: Kind, operands: tuple[Lits, ...], width: int, table: int = 0) -> Lits:
        """Makes a cell as it stands, nothing folded, shared or delayed, and returns its literals, (width,).

        Its stage is that of its latest operand, and its level the next one; a register begins a stage.
        """
        lits = np.concatenate([np.zeros(1, np.int64), *operands])
        if kind is not Kind.ADD and all(len(operand) == width for operand in operands):
            lits = np.stack([np.zeros(width, np.int64), *operands])
        known = np.where(lits >> 1 < self.count, lits, 0)
        stages = self.stage(known)
        stage = stages.max(axis=0)
        level = np.where(stages == stage, self.level(known), 0).max(axis=0) + 1
        if kind in (Kind.REG, Kind.INPUT):
            stage, level = stage + (kind is Kind.REG), level * 0
        return self._cell(kind, operands, np.broadcast_to(stage, (width,)), np.broadcast_to(level, (width,)), table)

    def inputs(self, width: int) -> Lits:
        """Returns the input vector."""
        zero = np.zeros(width, np.int64)
        fanout = zero + (self.short_stages and self.limit > 1)
        made = self._cell(Kind.INPUT, (), zero, fanout)
        self._fanout_level[made >> 1] = fanout
        return made

    def mark_high_fanout(self, lits: Lits) -> None:
        """Records that many cells will read these literals: in short stages they come from registers, and their wires
        count as a level."""
        bits = np.unique(lits >> 1)
        bits = bits[(bits > 0) & (self._fanout_level[bits] == 0)]
        if self.short_stages and self.limit > 1:
            self._fanout_level[bits] = 1
            self._level[bits] = self.limit

    def delay(self, lits: Lits, stage: Lits | int) -> Lits:
        """Returns the same literals, each registered until it is at `stage`; constants stay what they are."""
        while True:
            bits = lits >> 1
            early = (bits > 0) & (self._stage[bits] < stage)
            if not early.any():
                return lits
            bare = np.unique(bits[early])
            bare = bare[self._delayed[bare] == 0]
            if len(bare):
                fresh = self._cell(Kind.REG, (2 * bare,), self._stage[bare] + 1, self._fanout_level[bare])
                self._fanout_level[fresh >> 1] = self._fanout_level[bare]
                self._delayed[bare] = fresh >> 1
            lits = np.where(early, 2 * self._delayed[bits] + (lits & 1), lits)

    def register(self, lits: Lits) -> Lits:
        """Returns a vector behind one more register than its latest literal, all at the same stage."""
        flat = lits.ravel()
        target = int(self.stage(flat).max(initial=0)) + 1
        return self.delay(flat, target).reshape(lits.shape)

    def _place(self, operands: Lits) -> tuple[Lits, Lits, Lits]:
        """Operands (k, m) delayed to a common stage per column; the stage and level of the cell behind them."""
        stages, levels = self._stage[operands >> 1], self._level[operands >> 1]
        stage = stages.max(axis=0)
        level = np.where(stages == stage, levels, 0).max(axis=0) + 1
        if self.limit:
            stage = stage + (level > self.limit)
        placed = self.delay(operands, stage)
        level = np.where(self._stage[placed >> 1] == stage, self._level[placed >> 1], 0).max(axis=0) + 1
        return placed, stage, level

    def _share(self, kind: Kind, operands: Lits, stage: Lits, level: Lits) -> Lits:
        """One literal per column of operands (k, m); equal columns, now or earlier, share their bit."""
        out: list[int] = []
        new: list[int] = []
        for j, key in enumerate(zip(*operands.tolist(), strict=True)):
            bit = self._seen.setdefault((kind.value, key), self.count + len(new))
            if bit == self.count + len(new):
                new.append(j)
            out.append(2 * bit)
        if new:
            self._cell(kind, tuple(operands[:, new]), stage[new], level[new])
        return np.array(out, np.int64)

    def xor(self, a: Lits, b: Lits, c: Lits) -> Lits:
        """Returns the parity of three."""
        lits, stage, level = self._place(np.stack([a, b, c]))
        odd = (lits & 1).sum(axis=0) & 1
        p, q, r = lits - (lits & 1)
        out: Lits = np.select([p == q, q == r, p == r], [r, p, q], -1) ^ odd  # an equal pair cancels
        rest = (p != q) & (q != r) & (p != r)
        out[rest] = self._fresh(Kind.XOR, np.stack([p ^ odd, q, r]), rest, stage, level)
        return out

    def maj(self, a: Lits, b: Lits, c: Lits) -> Lits:
        """Returns the majority of three: the carry of a full adder; with a constant, and / or of two."""
        lits, stage, level = self._place(np.stack([a, b, c]))
        p, q, r = lits
        out: Lits = np.select([p == q, q == r, p == r], [p, q, r], -1)  # an equal pair wins
        out = np.select([p == q ^ 1, q == r ^ 1, p == r ^ 1], [r, p, q], out)  # an opposite one leaves the third
        rest = out < 0
        out[rest] = self._fresh(Kind.MAJ, lits, rest, stage, level)
        return out

    def _fresh(self, kind: Kind, operands: Lits, pick: NDArray[np.bool_], stage: Lits, level: Lits) -> Lits:
        if not pick.any():
            return np.zeros(0, np.int64)
        return self._cell(kind, tuple(operands[:, pick]), stage[pick], level[pick])

    def lut(self, operands: Lits, table: int) -> Lits:
        """Returns one literal per column of operands (k, m): equal tables over k bits (`threshc.hdl.logic.tables`),
        folded."""
        placed, stage, level = self._place(operands)
        if (placed & 1).any() or (placed == 0).any():
            raise AssertionError("tables are over bits, not over inverted ones or constants")
        return self._cell(Kind.LUT, tuple(placed), stage, level, table)

    def mux(self, select: Lits, one: Lits, zero: Lits) -> Lits:
        """Returns `select ? one : zero`."""
        lits, stage, level = self._place(np.stack([select, one, zero]))
        flip = lits[0] & 1
        s, p, q = lits[0] ^ flip, np.where(flip, lits[2], lits[1]), np.where(flip, lits[1], lits[2])
        odd = q & 1  # the data side is kept positive at 0, so inverted words share their cells
        p, q = p ^ odd, q ^ odd
        out: Lits = np.where(p == q, p, q)  # equal data, or a select of constant 0
        out[(s > 0) & (p == 1) & (q == 0)] = s[(s > 0) & (p == 1) & (q == 0)]
        rest = (s > 0) & (p != q) & ~((p == 1) & (q == 0))
        out[rest] = self._share(Kind.MUX, np.stack([s, p, q])[:, rest], stage[rest], level[rest])
        out ^= odd
        return out

    def full_add(self, a: Lits, b: Lits, c: Lits) -> tuple[Lits, Lits]:
        """Returns the sum and carry of three bits."""
        return self.xor(a, b, c), self.maj(a, b, c)

    def add(self, a: Lits, b: Lits, width: int, carry: int = ZERO) -> Lits:
        """Returns the lowest `width` bits of word a + word b + carry, (width,); one level, whatever the width."""
        size = min(max(len(a), len(b), 1), width)
        words = [np.concatenate([w, np.zeros(size, np.int64)])[:size] for w in (a, b)]
        placed, stage, level = self._place(np.concatenate([*words, [carry]])[:, None])
        flat = placed[:, 0]
        key = (Kind.ADD.value, (width, *flat.tolist()))
        if key not in self._seen:
            self._seen[key] = self.count
            self._cell(
                Kind.ADD, (flat[:size], flat[size:-1], flat[-1:]), np.repeat(stage, width), np.repeat(level, width)
            )
        return 2 * np.arange(self._seen[key], self._seen[key] + width)

    def live(self, outputs: Lits) -> NDArray[np.bool_]:
        """Returns which bits the outputs depend on, (count,) bool."""
        used = np.zeros(self.count, np.bool_)
        used[outputs.ravel() >> 1] = True
        for cell in reversed(self.cells):
            mine = used[cell.first : cell.first + cell.width]
            if not mine.any():
                continue
            for operand in cell.operands:
                used[(operand if cell.kind is Kind.ADD else operand[mine]) >> 1] = True
        return used
