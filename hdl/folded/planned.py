"""A plan of a folded circuit: exact cycles and estimated sizes of every layer, for a device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from threshc.compiler.ir.layers import Layer
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Sum
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.hdl.families.base import Family
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.folded.area import (
    arg_max_luts,
    counters_luts,
    link_luts,
    luts,
    queue_luts,
    serial_luts,
    unrolled_luts,
    window_luts,
)
from threshc.hdl.folded.arg_max import PATIENT
from threshc.hdl.folded.blocks import blocks, buffer_size, memory_kinds
from threshc.hdl.folded.build import read_folded
from threshc.hdl.folded.convolution import Conv
from threshc.hdl.folded.fold import ByPosition, Choice, Fold, Pooled, Unrolled, as_text
from threshc.hdl.folded.joints import entry_links
from threshc.hdl.folded.layer import BITS, accumulator_bits, shifts
from threshc.hdl.folded.layout import in_order
from threshc.hdl.folded.loaded import memories
from threshc.hdl.folded.maps import Carried, behind
from threshc.hdl.folded.network import FoldedNetwork
from threshc.hdl.folded.pieces import Dense, Unfolded
from threshc.hdl.folded.places import check_places
from threshc.hdl.folded.plan_file import PlanFile
from threshc.hdl.folded.planned_entry import compared, entry_of_plan
from threshc.hdl.folded.pool_area import pool_size
from threshc.hdl.folded.pooling import Pooling
from threshc.hdl.folded.position import Positioned
from threshc.hdl.folded.position_area import position_size
from threshc.hdl.folded.registers import (
    UNROLLED,
    flip_flops,
    level_flip_flops,
    link_flip_flops,
    window_flip_flops,
)
from threshc.hdl.folded.threshold_bits import threshold_exponents
from threshc.hdl.folded.weights import WeightCode, weight_code
from threshc.hdl.targets.base import Device

_LOADED = 20
"""LUTs of a layer whose memory is loaded at start: whose address it has."""


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """One layer of a plan. cycles: that a sample takes; luts, ffs: estimated; brams: block RAMs, of weights and buffer;
    sprams: memories of weights that are loaded at start; digits: bits of an input; positions: at which it is applied;
    buffer: bits of what it keeps of its input."""

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
    positions: int = 1
    buffer: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """entry: features in a beat; interval: cycles per sample, those of the slowest layer or the beats of a sample;
    links, waiting: look-up tables and flip-flops of the input's comparisons, the converters and the arg-max,
    estimated."""

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


def planned(network: Network, folds: Sequence[Choice], device: Device, entry: int = 0, within: int = 0) -> Plan:
    """Returns the plan that somebody has chosen, with its figures for a device.

    entry: features in a beat, 0 for as few as keep up with the layers, or with `within` cycles where they are faster.
    Raises CompileError where the folds are not those of the network's layers.
    """
    read = read_folded(network, folds)
    made = find_family(device.family)
    found: list[PlannedLayer] = []
    left = iter(fold for fold in folds if isinstance(fold, Fold))
    for piece in read.pieces:
        last = piece is read.pieces[-1]
        if isinstance(piece, Positioned):
            found.append(position_layer(piece, made))
        elif isinstance(piece, Unfolded):
            ends = network.output("class") is not None and last
            found += [unrolled_layer(network, x, made, ends and x is piece.layers[-1]) for x in piece.layers]
        elif isinstance(piece, Pooling):
            found.append(pooled_layer(piece, piece.shape[2], made))
        else:
            found.append(folded_layer(piece, next(left), device, made, last=last))
    return _plan(read, found, entry, made, within)


def _plan(read: FoldedNetwork, chosen: Sequence[PlannedLayer], entry: int, made: Family, within: int) -> Plan:
    """The plan of layers and of the converters between them. entry: 0 for as many features as keep up.

    Raises CompileError where the circuit would be refused: for beats that do not become one another.
    """
    cycles = max(within, *(layer.cycles for layer in chosen))
    entry = entry or entry_of_plan(read, chosen[0].fold, cycles)
    carried = Carried(entry_links(read, entry)[1])
    left = iter([(k, x) for k, x in enumerate(chosen) if not isinstance(x.fold, Unrolled | ByPosition)])
    exact = list(chosen)
    links, waiting = compared(read, entry)
    for piece in read.pieces:
        width = carried.layout.width
        if isinstance(piece, Positioned):
            given = piece.width
            carried = carried.through(piece, given, piece.part.network.types[-1].shape[0])[1]
        elif isinstance(piece, Unfolded):
            t = piece.part.network.types[0]
            given = math.prod(t.shape) * (len(plane_weights(t.lo, t.hi)) if isinstance(t, Ints) else 1)
            count = math.prod(read.network.types[piece.layers[-1].values[-1]].shape)
            carried = Carried(in_order(count, count))
        elif isinstance(piece, Pooling):
            carried = carried.pooled(piece)[1]
            given = carried.layout.width
            exact[next(left)[0]] = pooled_layer(piece, given, made)
        else:
            k, layer = next(left)
            assert isinstance(layer.fold, Fold)
            pe, simd = layer.fold.pe, layer.fold.simd
            given = simd * layer.digits
            beats = carried.into(piece, simd)[1].beats  # more where no width divides the other
            chunks, walk = piece.chunks(pe, simd, beats), piece.way(pe, simd, beats)
            check_places(layer.fold, chunks, layer.name, walk)
            rounds = piece.positions * (layer.digits if layer.fold.serial else 1)
            exact[k] = replace(layer, cycles=-(-layer.rows // pe) * rounds * chunks)
            carried = behind(piece, piece.layout(pe))
        links += link_luts(width, given)
        waiting += link_flip_flops(width, given)
    interval = max(-(-read.entry.features // entry), *(layer.cycles for layer in exact))
    if read.label is not None:
        bits, count = _numbers(read.dense[-1], made.inputs).bits, len(read.dense[-1].start)
        links, waiting = links + arg_max_luts(bits), waiting + 3 * bits
        interval = max(interval, count if count > 1 else PATIENT)  # the arg-max takes one sum a cycle
    return Plan(tuple(exact), entry, interval, links, waiting)


def unrolled_layer(network: Network, layer: Layer, made: Family, ends: bool) -> PlannedLayer:
    """Returns a layer that stays unrolled: a sample in every cycle. ends: an arg-max follows."""
    op, places = network.ops[layer.value], math.prod(layer.positions)
    size = unrolled_luts(op.weights, places, inputs=made.inputs, ends=ends) if isinstance(op, Sum) else 0
    return PlannedLayer(layer.name, layer.rows, layer.columns, Unrolled(), 1, size, round(UNROLLED * size), 0)


def position_layer(piece: Positioned, made: Family) -> PlannedLayer:
    """Returns a layer of maps of which one position is unrolled: a step of its window in every cycle."""
    (layer,), size = piece.layers, position_size(piece, made.inputs)
    luts, ffs, held = buffer_size(size.depth, size.width, made) if size.width else (0, 0, 0)
    cycles, luts, ffs = piece.scan.steps, luts + size.luts, ffs + size.ffs
    return PlannedLayer(layer.name, layer.rows, layer.columns, ByPosition(), cycles, luts, ffs, held)


def pooled_layer(pool: Pooling, width: int, made: Family) -> PlannedLayer:
    """Returns a pooling in the stream. width: bits of a beat."""
    luts, ffs, held = pool_size(pool, width, made)
    cycles, taps, places = pool.cycles(-(-pool.shape[2] // width)), pool.layer.columns, pool.positions
    return PlannedLayer(pool.layer.name, 0, taps, Pooled(), cycles, luts, ffs, held, positions=places)


def folded_layer(dense: Dense, fold: Fold, device: Device, made: Family, *, last: bool) -> PlannedLayer:
    """Returns a folded layer: its cycles, which are exact, and its size, which is fitted."""
    chunks, depth = dense.chunks(fold.pe, fold.simd), dense.depth(fold.pe, fold.simd)
    numbers = _numbers(dense, made.inputs, dense.parts(fold.pe, fold.simd))
    own, planes = (BITS, dense.numbers.bits) if fold.serial else (dense.numbers, 1)
    code, (low, high) = numbers.code, numbers.begins
    more = len(threshold_exponents(chunks, high - (low >> (planes - 1) << (planes - 1))))
    tables = luts(
        pe=fold.pe,
        simd=fold.simd,
        code=code,
        numbers=own,
        thresholds=more,
        bits=numbers.bits,
        rom=fold.store == "lut",
        inputs=made.inputs,
        family=made.name,
        levels=dense.count,
        chunks=chunks,
        groups=depth // chunks,
    )
    answers = numbers.bits if last and dense.value == dense.layer.value else dense.count
    tables += queue_luts(chunks * planes, fold.simd * own.bits, fold.pe * answers, made.inputs, fold.queue)
    tables += serial_luts(fold.pe, fold.simd, planes, numbers.bits, more) if fold.serial else 0
    registers = flip_flops(
        fold, code=code, numbers=own, thresholds=more, bits=numbers.bits, inputs=made.inputs, family=made.name
    )
    registers += fold.pe * level_flip_flops(dense.count, numbers.bits, chunks)
    block, _ = memory_kinds(made)
    apart = more if numbers.patterns > 1 else 0  # threshold bits in a memory of their own
    weights, width = fold.pe * (fold.simd * code.bits + more - apart), fold.simd * dense.numbers.bits
    brams = blocks(depth, weights, block) if fold.store == "block" else 0
    brams += blocks(numbers.patterns * depth, fold.pe * apart, block)
    sprams = memories(weights) if fold.store == "spram" else 0
    tables += _LOADED if sprams else 0
    walk = dense.way(fold.pe, fold.simd)
    places = fold.buffer or (2 * chunks if walk is None else walk.usual_places)
    more_luts, more_ffs, more_brams = buffer_size(places, width, made)
    tables, brams = tables + more_luts, brams + more_brams
    registers += more_ffs + max(fold.queue - 2, 0) * fold.pe * answers
    if walk is None:
        tables -= 0 if fold.serial else counters_luts(chunks)
    else:
        tables += window_luts(places)
        registers += window_flip_flops(places)
    return PlannedLayer(
        dense.layer.name,
        len(dense.start),
        dense.weights.shape[1] // (dense.groups if isinstance(dense, Conv) else 1),
        fold,
        depth * dense.positions * planes,
        tables,
        registers,
        brams,
        sprams,
        dense.numbers.bits,
        dense.positions,
        places * width,
    )


class _Numbers(NamedTuple):
    """How weights are coded, the lowest and the highest begin of a sum, the bits of an accumulator, sets of begins."""

    code: WeightCode
    begins: tuple[int, int]
    bits: int
    patterns: int


@lru_cache(256)
def _numbers(dense: Dense, inputs: int, parts: int = 1) -> _Numbers:
    """parts: in which a convolution's channels are read."""
    weights, starts = dense.weights, dense.start[None]
    if isinstance(dense, Conv):
        weights, starts = dense.of_block(parts).reshape(len(weights), -1), dense.starts
    code = weight_code(weights, inputs)
    begin = starts - shifts(weights, weights.shape[1], code, dense.numbers)
    bits = max(accumulator_bits(weights, start, dense.numbers) for start in starts)
    return _Numbers(code, (int(begin.min()), int(begin.max())), bits, len(starts))
