"""How far to fold each layer: the shortest interval that fits a device, or the smallest circuit for an interval.

Cycles are exact. Areas are fitted to synthesis (docs/research/folded.md). The search is dynamic programming over the
layers: state (PE of the layer before, block RAMs and SPRAMs used) to fewest LUTs; of the widths of neighbours one must
divide the other. It takes hundredths of a second for a network and a device.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.layers import Layer
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Sum
from threshc.hdl.families.base import Family, Memory
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.folded.area import luts, unrolled_luts
from threshc.hdl.folded.build import first_width, read_folded
from threshc.hdl.folded.fold import Choice, Fold, Unrolled, as_text
from threshc.hdl.folded.layer import Store, accumulator_bits, shifts, threshold_exponents
from threshc.hdl.folded.loaded import DEEPEST, memories
from threshc.hdl.folded.network import Dense, FoldedNetwork, Unfolded
from threshc.hdl.folded.plan_file import PlanFile
from threshc.hdl.folded.weights import WeightCode, weight_code
from threshc.hdl.targets.base import Device

FILL = 0.8
"""Of a device's LUTs, what a plan takes: what can be placed and routed."""
_LOADED = 20
"""LUTs of a layer whose memory is loaded at start: whose address it has."""
_DEEPEST = 16
"""Words of a memory of look-up tables: a table per bit."""
_LATENCY = 14  # of a unit, about: it decides how many places its queue has


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """One layer of a plan. cycles: that a sample takes; luts: estimated; brams: block RAMs, of weights and buffer;
    sprams: memories of weights that are loaded at start."""

    name: str
    rows: int
    columns: int
    fold: Choice
    cycles: int
    luts: int
    brams: int
    sprams: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """entry: features in a beat; interval: cycles per sample, those of the slowest layer."""

    layers: tuple[PlannedLayer, ...]
    entry: int
    interval: int

    def __str__(self) -> str:
        return as_text(self.folds, self.entry)

    @property
    def folds(self) -> tuple[Choice, ...]:
        """The folding of each layer, or that it stays unrolled."""
        return tuple(layer.fold for layer in self.layers)

    @property
    def file(self) -> PlanFile:
        """The plan as a file that people write."""
        return PlanFile(tuple((layer.name, layer.fold) for layer in self.layers), self.entry)

    @property
    def luts(self) -> int:
        """Look-up tables, estimated."""
        return sum(layer.luts for layer in self.layers)

    @property
    def brams(self) -> int:
        """Block RAMs."""
        return sum(layer.brams for layer in self.layers)

    @property
    def sprams(self) -> int:
        """Memories that are loaded at start."""
        return sum(layer.sprams for layer in self.layers)


def fastest(read: FoldedNetwork, device: Device) -> Plan:
    """Returns the plan of the shortest interval that fits a device. Raises CompileError where none does."""
    steps = sorted({d.weights.shape[0] // pe * f for d in read.dense for pe, f in _foldings(d)})
    low, high, found = 0, len(steps) - 1, None
    while low <= high:
        middle = (low + high) // 2
        plan = smallest(read, device, steps[middle])
        if plan is not None:
            found, high = plan, middle - 1
        else:
            low = middle + 1
    if found is None:
        weights = sum(d.weights.size for d in read.dense)
        raise fail(
            f"no folding of the network fits the {device.part}",
            where=option("fold"),
            why=f"{weights:,} weights; it has {device.luts:,} LUTs and {device.brams} block RAMs"
            + (f", {device.sprams} SPRAMs" if device.sprams else ""),
            hint="choose a larger device",
        )
    return found


def smallest(read: FoldedNetwork, device: Device, interval: int) -> Plan | None:
    """Returns the plan with fewest LUTs whose layers all take at most `interval` cycles, None where none fits."""
    made = find_family(device.family)
    states: dict[int, np.ndarray] = {0: np.zeros((device.brams + 1, device.sprams + 1))}
    trace: list[tuple[dict[int, np.ndarray], list[tuple[int, PlannedLayer]]]] = []
    for k, dense in enumerate(read.dense):
        new: dict[int, np.ndarray] = {}
        back: dict[int, np.ndarray] = {}
        choices: list[tuple[int, PlannedLayer]] = []
        for layer in _options(dense, device, made, interval, first=k == 0, last=k + 1 == len(read.dense)):
            assert isinstance(layer.fold, Fold)
            for before, cost in states.items():
                width = before or layer.fold.simd
                if width % layer.fold.simd and layer.fold.simd % width:
                    continue
                link = 0.0 if width == layer.fold.simd else max(width, layer.fold.simd) * 1.1
                grown = np.full_like(cost, np.inf)
                rows, columns = cost.shape[0] - layer.brams, cost.shape[1] - layer.sprams
                grown[layer.brams :, layer.sprams :] = cost[:rows, :columns] + layer.luts + link
                pe = layer.fold.pe
                if pe not in new:
                    new[pe], back[pe] = np.full_like(cost, np.inf), np.zeros(cost.shape, np.int64)
                better = grown < new[pe]
                new[pe][better] = grown[better]
                back[pe][better] = len(choices)
                choices.append((before, layer))
        states = new
        trace.append((back, choices))
    best = min(states, key=lambda pe: states[pe].min(), default=None)
    if best is None or states[best].min() > FILL * device.luts:
        return None
    (brams, sprams), chosen = np.unravel_index(int(states[best].argmin()), states[best].shape), list[PlannedLayer]()
    for back, choices in reversed(trace):
        before, layer = choices[int(back[best][brams, sprams])]
        chosen.append(layer)
        best, brams, sprams = before, brams - layer.brams, sprams - layer.sprams
    chosen.reverse()
    cycles = max(layer.cycles for layer in chosen)
    return Plan(tuple(chosen), _entry(read, first_width(read, chosen[0].fold), cycles), cycles)


def planned(network: Network, folds: Sequence[Choice], device: Device, entry: int = 0) -> Plan:
    """Returns the plan that somebody has chosen, with its figures for a device.

    Raises CompileError where the folds are not those of the network's layers.
    """
    read = read_folded(network, folds)
    made = find_family(device.family)
    found: list[PlannedLayer] = []
    left = iter(fold for fold in folds if isinstance(fold, Fold))
    for piece in read.pieces:
        last = piece is read.pieces[-1]
        if isinstance(piece, Unfolded):
            found += [_unrolled(network, layer, made) for layer in piece.layers]
        else:
            found.append(_layer(piece, next(left), device, made, last=last))
    cycles = max(layer.cycles for layer in found)
    return Plan(tuple(found), entry or _entry(read, first_width(read, folds[0]), cycles), cycles)


def _unrolled(network: Network, layer: Layer, made: Family) -> PlannedLayer:
    """A layer that stays unrolled: a sample in every cycle."""
    op = network.ops[layer.value]
    size = unrolled_luts(op.weights, math.prod(layer.positions), inputs=made.inputs) if isinstance(op, Sum) else 0
    return PlannedLayer(layer.name, layer.rows, layer.columns, Unrolled(), 1, size, 0)


def _entry(read: FoldedNetwork, width: int, interval: int) -> int:
    """The fewest features in a beat that keep up with the interval, if possible so that they become whole chunks.

    Every beat is compared with the same numbers; all features in one beat are always possible.
    """
    thresholds, features = read.entry.thresholds, read.entry.features
    each = read.entry.each
    possible = [
        e
        for e in _divisors(features)
        if features // e <= interval
        and (width % (e * each) == 0 or e * each % width == 0)
        and np.array_equal(thresholds, np.tile(thresholds[:e], (features // e, 1)))
    ]
    return min([e for e in possible if width % (e * each) == 0] or possible)


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def _foldings(dense: Dense) -> Iterator[tuple[int, int]]:
    """Every PE, with the number of chunks of every SIMD."""
    rows, columns = dense.weights.shape
    for pe in _divisors(rows):
        for chunks in _divisors(columns):
            yield pe, chunks


def _options(
    dense: Dense, device: Device, made: Family, interval: int, *, first: bool, last: bool
) -> Iterator[PlannedLayer]:
    rows, columns = dense.weights.shape
    for pe, chunks in _foldings(dense):
        if last and dense.value == dense.layer.value and pe > 1:
            continue  # the arg-max takes one sum at a time
        steps = rows // pe * chunks
        for store in _stores(steps, device):
            layer = _layer(dense, Fold(pe, columns // chunks, store), device, made, last=last)
            fits = layer.brams <= device.brams and layer.sprams <= device.sprams and layer.luts <= device.luts
            if steps <= interval and fits:
                yield layer


def _stores(steps: int, device: Device) -> Iterator[Store]:
    yield "block"
    if steps <= _DEEPEST:
        yield "lut"
    if device.sprams and steps <= DEEPEST:
        yield "spram"


def _layer(dense: Dense, fold: Fold, device: Device, made: Family, *, last: bool) -> PlannedLayer:
    """A layer's cycles, which are exact, and its size, which is fitted."""
    rows, columns = dense.weights.shape
    chunks, groups = columns // fold.simd, rows // fold.pe
    code, span, bits = _numbers(dense, made.inputs)
    more = len(threshold_exponents(chunks, span))
    ends = last and dense.value == dense.layer.value
    tables: float = luts(
        pe=fold.pe,
        simd=fold.simd,
        code=code,
        numbers=dense.numbers,
        thresholds=more,
        bits=bits,
        queue=-(-_LATENCY // chunks),
        out=bits if ends else 1,
        rom=fold.store == "lut",
        inputs=made.inputs,
    )
    block, small = _memories(made)
    weights, width = fold.pe * (fold.simd * code.bits + more), fold.simd * dense.numbers.bits
    brams = blocks(chunks * groups, weights, block) if fold.store == "block" else 0
    sprams = memories(weights) if fold.store == "spram" else 0
    tables += _LOADED if sprams else 0
    if small is not None and 2 * chunks <= 32:
        tables += 1.5 * width * -(-2 * chunks // 16)
    else:
        brams += blocks(2 * chunks, width, block)
    return PlannedLayer(dense.layer.name, rows, columns, fold, chunks * groups, round(tables), brams, sprams)


@lru_cache(64)
def _numbers(dense: Dense, inputs: int) -> tuple[WeightCode, int, int]:
    """How weights are coded, how far apart rows' sums begin, and the bits of an accumulator."""
    code = weight_code(dense.weights, inputs)
    begin = dense.start - shifts(dense.weights, dense.weights.shape[1], code, dense.numbers)
    return code, int(begin.max() - begin.min()), accumulator_bits(dense.weights, dense.start, dense.numbers)


def _memories(made: Family) -> tuple[Memory, Memory | None]:
    """The block RAM that a bitstream can fill, and the memory made of look-up tables if the family has one."""
    filled = [m for m in made.memories if m.initialised]
    large = [m for m in filled if m.bits >= 1024]
    return max(large, key=lambda m: m.bits), next((m for m in filled if m.bits < 1024), None)


def blocks(depth: int, width: int, memory: Memory) -> int:
    """Returns how many memories of a kind hold `depth` words of `width` bits, side by side and in rows."""
    if not width:
        return 0
    return min(-(-width // w) * -(-depth // d) for d, w in memory.shapes)
