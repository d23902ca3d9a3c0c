"""A plan of a folded circuit: exact cycles and estimated sizes of every layer, for a device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from threshc.compiler.ir.layers import Layer
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Sum
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.hdl.families.base import Family, Memory
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.folded.area import (
    REGISTERED,
    arg_max_luts,
    beat_luts,
    buffer_luts,
    entry_luts,
    link_luts,
    luts,
    queue_luts,
    register_luts,
    unrolled_luts,
)
from threshc.hdl.folded.build import first_width, read_folded
from threshc.hdl.folded.fold import Choice, Fold, Unrolled, as_text
from threshc.hdl.folded.joints import converters, entry_links
from threshc.hdl.folded.layer import accumulator_bits, shifts, threshold_exponents
from threshc.hdl.folded.layout import in_order
from threshc.hdl.folded.loaded import memories
from threshc.hdl.folded.network import Dense, FoldedNetwork, Unfolded
from threshc.hdl.folded.places import buffer_places, check_places
from threshc.hdl.folded.plan_file import PlanFile
from threshc.hdl.folded.registers import UNROLLED, buffer_flip_flops, flip_flops, link_flip_flops
from threshc.hdl.folded.weights import WeightCode, weight_code
from threshc.hdl.targets.base import Device

_LOADED = 20
"""LUTs of a layer whose memory is loaded at start: whose address it has."""


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """One layer of a plan. cycles: that a sample takes; luts, ffs: estimated; brams: block RAMs, of weights and buffer;
    sprams: memories of weights that are loaded at start; digits: bits of an input."""

    name: str
    rows: int
    columns: int
    fold: Choice
    cycles: int
    luts: int
    ffs: int
    brams: int
    sprams: int = 0
    digits: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """entry: features in a beat; interval: cycles per sample, those of the slowest layer; links, waiting: look-up
    tables and flip-flops of the input's comparisons, the converters and the arg-max, estimated."""

    layers: tuple[PlannedLayer, ...]
    entry: int
    interval: int
    links: int
    waiting: int

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
        return sum(layer.luts for layer in self.layers) + self.links

    @property
    def ffs(self) -> int:
        """Flip-flops, estimated."""
        return sum(layer.ffs for layer in self.layers) + self.waiting

    @property
    def brams(self) -> int:
        """Block RAMs."""
        return sum(layer.brams for layer in self.layers)

    @property
    def sprams(self) -> int:
        """Memories that are loaded at start."""
        return sum(layer.sprams for layer in self.layers)


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
            ends = network.output("class") is not None and last
            found += [unrolled_layer(network, x, made, ends and x is piece.layers[-1]) for x in piece.layers]
        else:
            found.append(folded_layer(piece, next(left), device, made, last=last))
    return _plan(read, found, entry, made)


def _plan(read: FoldedNetwork, chosen: Sequence[PlannedLayer], entry: int, made: Family) -> Plan:
    """The plan of layers and of the converters between them. entry: 0 for as many features as keep up.

    Raises CompileError where the circuit would be refused: for beats that do not become one another.
    """
    cycles = max(layer.cycles for layer in chosen)
    entry = entry or _entry(read, chosen[0], cycles)
    _, carried = entry_links(read, entry)
    left = iter([(k, layer) for k, layer in enumerate(chosen) if isinstance(layer.fold, Fold)])
    exact = list(chosen)
    links, waiting = _compared(read, entry)
    for piece in read.pieces:
        if isinstance(piece, Unfolded):
            t = piece.part.network.types[0]
            given = math.prod(t.shape) * (len(plane_weights(t.lo, t.hi)) if isinstance(t, Ints) else 1)
            rows = taken = math.prod(read.network.types[piece.layers[-1].values[-1]].shape)
        else:
            k, layer = next(left)
            assert isinstance(layer.fold, Fold)
            given, taken, rows = layer.fold.simd * layer.digits, layer.fold.pe, layer.rows
            chunks = converters(carried, given)[1].beats  # more where no width divides the other
            check_places(layer.fold, chunks, layer.name)
            exact[k] = replace(layer, cycles=-(-rows // taken) * chunks)
        links += link_luts(carried.width, given)
        waiting += link_flip_flops(carried.width, given)
        carried = in_order(rows, taken)
    if read.label is not None:
        bits = _numbers(read.dense[-1], made.inputs)[2]
        links, waiting = links + arg_max_luts(bits), waiting + 3 * bits
    return Plan(tuple(exact), entry, max(layer.cycles for layer in exact), links, waiting)


def unrolled_layer(network: Network, layer: Layer, made: Family, ends: bool) -> PlannedLayer:
    """Returns a layer that stays unrolled: a sample in every cycle. ends: an arg-max follows."""
    op, places = network.ops[layer.value], math.prod(layer.positions)
    size = unrolled_luts(op.weights, places, inputs=made.inputs, ends=ends) if isinstance(op, Sum) else 0
    return PlannedLayer(layer.name, layer.rows, layer.columns, Unrolled(), 1, size, round(UNROLLED * size), 0)


def _entry(read: FoldedNetwork, first: PlannedLayer, interval: int) -> int:
    """The fewest features in a beat that keep up with the interval and whose every beat is compared with the same
    numbers, if possible so that they become whole chunks.

    Where there are none but all features in one beat, those that keep up best and take fewest tables.
    """
    features, width = read.entry.features, first_width(read, first.fold)
    keep_up = {e: read.entry.beats(e) for e in divisors(features) if features // e <= interval}
    possible = {
        e: carried.width
        for e, (beats, carried) in keep_up.items()
        if len(beats) < 2 and (width % carried.width == 0 or carried.width % width == 0)
    }
    found = min([e for e, lanes in possible.items() if width % lanes == 0] or possible or [features])
    if found < features or len(keep_up) < 2:
        return found

    def cost(e: int) -> tuple[int, int]:
        carried = keep_up[e][1]
        groups = -(-first.rows // first.fold.pe) if isinstance(first.fold, Fold) else 1
        cycles = max(interval, groups * converters(carried, width)[1].beats)
        return cycles, _compared(read, e)[0] + link_luts(carried.width, width)

    return min(keep_up, key=cost)


def _compared(read: FoldedNetwork, entry: int) -> tuple[int, int]:
    """The tables and flip-flops of the input's comparisons."""
    (beats, carried), bits = read.entry.beats(entry), read.entry.bits
    if len(beats) > 1:
        return beat_luts(beats, bits), carried.width * (bits + 1)
    return entry_luts(np.array([t for beat in beats for feature in beat for t in feature]), bits), 0


def divisors(n: int) -> list[int]:
    """Returns the divisors of a number, the smallest first."""
    return [d for d in range(1, n + 1) if n % d == 0]


def folded_layer(dense: Dense, fold: Fold, device: Device, made: Family, *, last: bool) -> PlannedLayer:
    """Returns a folded layer: its cycles, which are exact, and its size, which is fitted."""
    rows, columns = dense.weights.shape
    chunks, groups = -(-columns // fold.simd), -(-rows // fold.pe)
    code, span, bits = _numbers(dense, made.inputs)
    more = len(threshold_exponents(chunks, span))
    tables = luts(
        pe=fold.pe,
        simd=fold.simd,
        code=code,
        numbers=dense.numbers,
        thresholds=more,
        bits=bits,
        rom=fold.store == "lut",
        inputs=made.inputs,
        family=made.name,
    )
    answers = bits if last and dense.value == dense.layer.value else 1
    tables += queue_luts(chunks, fold.simd * dense.numbers.bits, fold.pe * answers, made.inputs, fold.queue)
    registers = flip_flops(
        fold, code=code, numbers=dense.numbers, thresholds=more, bits=bits, inputs=made.inputs, family=made.name
    )
    block, small = _memories(made)
    weights, width = fold.pe * (fold.simd * code.bits + more), fold.simd * dense.numbers.bits
    brams = blocks(chunks * groups, weights, block) if fold.store == "block" else 0
    sprams = memories(weights) if fold.store == "spram" else 0
    tables += _LOADED if sprams else 0
    places = buffer_places(fold, chunks)
    held = blocks(places, width, block)
    registers += buffer_flip_flops(places * width, held, made.name) + max(fold.queue - 2, 0) * fold.pe * answers
    if places * width <= REGISTERED.get(made.name, 0) * held:
        tables += register_luts(places * width)
    elif small is not None and places <= 32 and made.name not in REGISTERED:
        tables += buffer_luts(places, width)
    else:
        brams += held
    digits = dense.numbers.bits
    name = dense.layer.name
    return PlannedLayer(name, rows, columns, fold, chunks * groups, tables, registers, brams, sprams, digits)


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
