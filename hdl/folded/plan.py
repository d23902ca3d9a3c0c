"""How far to fold each layer, or not at all: the shortest interval that fits a device, or the smallest circuit for an
interval.

Cycles are exact. Areas are fitted to synthesis (docs/research/folded.md). The search is dynamic programming over the
layers: state (bits in a beat of the layer before, block RAMs and SPRAMs used) to fewest LUTs; of the widths of
neighbours one must divide the other. It takes hundredths of a second for a network and a device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.families.base import Family
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.folded.area import link_luts
from threshc.hdl.folded.fold import Choice, Fold, Unrolled
from threshc.hdl.folded.layer import Store
from threshc.hdl.folded.loaded import DEEPEST
from threshc.hdl.folded.network import FoldedNetwork
from threshc.hdl.folded.pieces import Dense, Unfolded
from threshc.hdl.folded.planned import Plan, folded_layer, planned, unrolled_layer
from threshc.hdl.folded.planned_entry import divisors
from threshc.hdl.folded.serial import may_be_serial
from threshc.hdl.targets.base import Device

FILL, _FILL = 0.8, {"ice40": 0.42}
"""Of a device's LUTs, what a plan takes: what can be placed and routed, where a register without a table does not take
the place of one, as on iCE40 (2,194 cells of 1,017 tables were routed); by family where it is another part."""
FILLED = 0.75
"""Of a device's flip-flops, what a plan takes, where they are not the cells of `_FILL`: with 0.89 of an ECP5-25F's
nextpnr found no legal places."""
_DEEPEST = 16
"""Words of a memory of look-up tables: a table per bit."""


def fastest(read: FoldedNetwork, device: Device, *, unrolled: bool = True) -> Plan:
    """Returns the plan of the shortest interval that fits a device. unrolled: layers may stay so that can be folded.

    Raises CompileError where none does.
    """
    steps = sorted(intervals(read))
    low, high, found = 0, len(steps) - 1, None
    while low <= high:
        middle = (low + high) // 2
        chosen = _search(read, device, steps[middle], unrolled)
        if chosen is not None:
            found, high = chosen, middle - 1
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
    return planned(read.network, found, device)


def intervals(read: FoldedNetwork) -> set[int]:
    """Returns the cycles that a sample may take in a layer, by all foldings of all layers, and 1."""
    rounds = [(d.positions * d.depth(*fold), d.numbers.bits) for d in read.dense for fold in _foldings(d)]
    return {1, *(taken for taken, _ in rounds), *(taken * planes for taken, planes in rounds)}


def smallest(read: FoldedNetwork, device: Device, interval: int, *, unrolled: bool = True) -> Plan | None:
    """Returns the plan with fewest LUTs whose layers all take at most `interval` cycles, None where none fits.

    unrolled: layers may stay so that can be folded.
    """
    chosen = _search(read, device, interval, unrolled)
    return None if chosen is None else planned(read.network, chosen, device)


def _search(read: FoldedNetwork, device: Device, interval: int, unrolled: bool) -> list[Choice] | None:
    """The choices of all layers: of those that need fewest tables, or, where these have too many flip-flops, of those
    that need fewest of them."""
    luts, ffs = _FILL.get(device.family, FILL) * device.luts, FILLED * device.ffs
    for weigh, most in (attrgetter("luts"), luts), (attrgetter("ffs"), ffs):
        found = _least(read, device, interval, unrolled, weigh, most)
        if found is None:
            return None
        if sum(one.luts for one in found) <= luts and (sum(one.ffs for one in found) <= ffs or device.family in _FILL):
            return [choice for one in found for choice in one.folds]
    return None


def _least(
    read: FoldedNetwork,
    device: Device,
    interval: int,
    unrolled: bool,
    weigh: Callable[[_Option], int],
    most: float,
) -> list[_Option] | None:
    """The options of least weight, None where that is more than `most`. States: by bits in a beat, negative behind a
    layer that stays unrolled, 0 at first."""
    made = find_family(device.family)
    states: dict[int, np.ndarray] = {0: np.zeros((device.brams + 1, device.sprams + 1))}
    trace: list[tuple[dict[int, np.ndarray], list[tuple[int, _Option]]]] = []
    for k, piece in enumerate(read.pieces):
        new: dict[int, np.ndarray] = {}
        back: dict[int, np.ndarray] = {}
        choices: list[tuple[int, _Option]] = []
        ends = k + 1 == len(read.pieces)
        for one in _options(read, piece, device, made, interval, unrolled, first=k == 0, last=ends):
            for before, cost in states.items():
                width = abs(before) or one.given
                if width % one.given and one.given % width:
                    continue
                link = 0 if before < 0 and one.taken < 0 else link_luts(width, one.given)
                grown = np.full_like(cost, np.inf)
                rows, columns = cost.shape[0] - one.brams, cost.shape[1] - one.sprams
                grown[one.brams :, one.sprams :] = cost[:rows, :columns] + weigh(one) + link
                if one.taken not in new:
                    new[one.taken], back[one.taken] = np.full_like(cost, np.inf), np.zeros(cost.shape, np.int64)
                better = grown < new[one.taken]
                new[one.taken][better] = grown[better]
                back[one.taken][better] = len(choices)
                choices.append((before, one))
        states = new
        trace.append((back, choices))
    best = min(states, key=lambda taken: states[taken].min(), default=None)
    if best is None or states[best].min() > most:
        return None
    (brams, sprams), chosen = np.unravel_index(int(states[best].argmin()), states[best].shape), list[_Option]()
    for back, choices in reversed(trace):
        before, one = choices[int(back[best][brams, sprams])]
        chosen.insert(0, one)
        best, brams, sprams = before, brams - one.brams, sprams - one.sprams
    return chosen


class _Option(NamedTuple):
    """A way to make a piece of a chain. given, taken: bits of its beats, taken negative where it stays unrolled."""

    folds: tuple[Choice, ...]
    given: int
    taken: int
    luts: int
    ffs: int
    brams: int = 0
    sprams: int = 0


def _foldings(dense: Dense) -> Iterator[tuple[int, int]]:
    """Every PE and SIMD."""
    for pe in divisors(len(dense.start)):
        for simd in divisors(dense.inputs):
            yield pe, simd


def _options(
    read: FoldedNetwork,
    piece: Dense | Unfolded,
    device: Device,
    made: Family,
    interval: int,
    unrolled: bool,
    *,
    first: bool,
    last: bool,
) -> Iterator[_Option]:
    stays = piece.layers if isinstance(piece, Unfolded) else (piece.layer,) if unrolled else ()
    if stays:
        ends = last and read.network.output("class") is not None
        layers = [unrolled_layer(read.network, x, made, ends and x is stays[-1]) for x in stays]
        luts, ffs = sum(x.luts for x in layers), sum(x.ffs for x in layers)
        types, out = read.network.types, stays[-1].values[-1]
        given = read.entry.features * read.entry.each if first else math.prod(types[stays[0].reads].shape)
        yield _Option((Unrolled(),) * len(stays), given, -math.prod(types[out].shape), luts, ffs)
    if isinstance(piece, Unfolded):
        return
    for pe, simd in _foldings(piece):
        if last and piece.value == piece.layer.value and pe > 1:
            continue  # the arg-max takes one sum at a time
        depth = piece.depth(pe, simd)
        if depth * piece.positions > interval:
            continue
        for store, serial in product(_stores(depth, device), (False, True) if may_be_serial(piece) else (False,)):
            layer = folded_layer(piece, Fold(pe, simd, store, serial=serial), device, made, last=last)
            fits = layer.brams <= device.brams and layer.sprams <= device.sprams and layer.luts <= device.luts
            if fits and layer.cycles <= interval:
                given, more = simd * layer.digits, (layer.brams, layer.sprams)
                yield _Option((layer.fold,), given, pe, layer.luts, layer.ffs, *more)


def _stores(steps: int, device: Device) -> Iterator[Store]:
    yield "block"
    if steps <= _DEEPEST:
        yield "lut"
    if device.sprams and steps <= DEEPEST:
        yield "spram"
