"""How far to fold each layer, or not at all: the shortest interval that fits a device, or the smallest circuit for an
interval.

Cycles are exact. Areas are fitted to synthesis (docs/research/folded.md). The search is dynamic programming over the
layers: state (bits in a beat of the layer before, block RAMs and SPRAMs used) to fewest LUTs; of the widths of
neighbours one must divide the other. PE and SIMD are divisors, then others near the best plan (`uneven.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from operator import attrgetter

import numpy as np

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.families.base import Family
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.folded.area import link_luts
from threshc.hdl.folded.convolution import Conv
from threshc.hdl.folded.fold import Fold, Unrolled
from threshc.hdl.folded.network import FoldedNetwork, Piece
from threshc.hdl.folded.pieces import Dense, Unfolded
from threshc.hdl.folded.plan_options import Option, positions_option
from threshc.hdl.folded.planned import (
    Plan,
    PlannedLayer,
    folded_layer,
    planned,
    pooled_layer,
    unrolled_layer,
)
from threshc.hdl.folded.planned_entry import divisors
from threshc.hdl.folded.pooling import Pooling
from threshc.hdl.folded.position_ways import by_position
from threshc.hdl.folded.serial import may_be_serial
from threshc.hdl.folded.uneven import uneven
from threshc.hdl.folded.ways import by_rows, foldings, stores
from threshc.hdl.targets.base import Device

FILL, _FILL = 0.8, {"ice40": 0.42}
"""Of a device's LUTs, what a plan takes: what can be placed and routed, where a register without a table does not take
the place of one, as on iCE40 (2,194 cells of 1,017 tables were routed); by family where it is another part."""
FILLED = 0.75
"""Of a device's flip-flops, what a plan takes: with 0.89 of an ECP5-25F's nextpnr found no legal places."""
_TRIES = 4
"""Shorter intervals that are tried where PE and SIMD need not divide."""


def fastest(read: FoldedNetwork, device: Device, *, unrolled: bool = True) -> Plan:
    """Returns the plan of the shortest interval that fits a device. unrolled: layers may stay so that can be folded.

    Raises CompileError where none does.
    """
    found = [_shorter(read, device, *one) for one in _centres(read, device, unrolled)]
    if not found:
        weights = sum(d.weights.size for d in read.dense)
        raise fail(
            f"no folding of the network fits the {device.part}",
            where=option("fold"),
            why=f"{weights:,} weights; it has {device.luts:,} LUTs and {device.brams} block RAMs"
            + (f", {device.sprams} SPRAMs" if device.sprams else ""),
            hint="choose a larger device",
        )
    return min(found, key=attrgetter("interval", "luts"))


def _centres(read: FoldedNetwork, device: Device, unrolled: bool) -> Iterator[tuple[list[Option], int, int]]:
    """The options of the shortest interval whose PE and SIMD all divide, that interval, and the next shorter one, 0 for
    none; where some of them stay unrolled that need not, also those of which none does. Nothing where none fits."""
    steps = sorted(intervals(read))
    low, high, found = 0, len(steps) - 1, list[Option]()
    while low <= high:
        middle = (low + high) // 2
        chosen = _search(read, device, steps[middle], unrolled)
        if chosen is not None:
            found, high = chosen, middle - 1
        else:
            low = middle + 1
    if found:
        yield found, steps[low], steps[high] if high >= 0 else 0
        if unrolled and _mixed(found):
            yield from _centres(read, device, unrolled=False)


def _mixed(chosen: Sequence[Option]) -> bool:
    return any(isinstance(choice, Unrolled) for one in chosen for choice in one.folds)


def intervals(read: FoldedNetwork) -> set[int]:
    """Returns the cycles that a sample may take in a layer, by all foldings of all layers, and 1."""
    pools = ((p.cycles(b), 1) for p in read.pieces if isinstance(p, Pooling) for b in divisors(p.shape[2]))
    made = [x for d in read.dense for x in {d, by_rows(d)}]
    rounds = [(d.positions * d.depth(*fold), d.numbers.bits) for d in made for fold in foldings(d)]
    shifts = (one.scan.steps for p in read.pieces for one in by_position(read, p))
    return {1, *shifts, *(taken * n for taken, planes in (*pools, *rounds) for n in (1, planes))}


def smallest(read: FoldedNetwork, device: Device, interval: int, *, unrolled: bool = True) -> Plan | None:
    """Returns the plan with fewest LUTs whose layers all take at most `interval` cycles, None where none fits.

    unrolled: layers may stay so that can be folded.
    """
    chosen = _search(read, device, interval, unrolled)
    if chosen is None:
        found = [_uneven(read, near, device, interval) for near, _, _ in _centres(read, device, unrolled)]
    else:
        found = [_planned(read, chosen, device), _uneven(read, chosen, device, interval)]
        if unrolled and _mixed(chosen):
            found.append(smallest(read, device, interval, unrolled=False))
    held = (plan for plan in found if plan is not None and plan.interval <= interval)  # the arg-max may be slower
    return min(held, key=attrgetter("luts", "interval"), default=None)


def _planned(read: FoldedNetwork, chosen: Sequence[Option], device: Device, within: int = 0) -> Plan:
    return planned(read.network, [choice for one in chosen for choice in one.folds], device, within=within)


def _shorter(read: FoldedNetwork, device: Device, chosen: list[Option], interval: int, below: int) -> Plan:
    """The plan of an interval that is in reach, or a shorter one than numbers that divide reach, which is more than
    `below`."""
    found = [_planned(read, chosen, device), _uneven(read, chosen, device, interval)]
    for _ in range(_TRIES):
        between = (below + interval) // 2
        if between <= below:
            break
        found.append(_uneven(read, chosen, device, between))
        if found[-1] is None:
            below = between
        else:
            interval = found[-1].interval
    return min((plan for plan in found if plan is not None), key=attrgetter("interval", "luts"))


def _uneven(read: FoldedNetwork, chosen: Sequence[Option], device: Device, interval: int) -> Plan | None:
    """The plan near one whose PE and SIMD all divide, of those that need not; None where none of an interval fits."""
    best = _best(read, device, _near(read, chosen, device, interval))
    if best is None:
        return None
    found = _planned(read, best, device, interval)
    return found if found.interval <= interval else None


def _near(read: FoldedNetwork, chosen: Sequence[Option], device: Device, interval: int) -> list[list[Option]]:
    """For every piece what is chosen, if it is fast enough, and what is near it."""
    made, features = find_family(device.family), read.entry.features
    beats = [read.entry.beats(e) for e in divisors(features) if features // e <= interval]
    widths = {carried.width for compared, carried in beats if len(compared) < 2}
    options: list[list[Option]] = []
    for piece, one in zip(read.pieces, chosen, strict=True):
        (fold, *more), last = one.folds, piece is read.pieces[-1]
        found = [one]
        if isinstance(piece, Dense) and not isinstance(piece, Conv) and isinstance(fold, Fold) and not more:
            piece = piece if fold.whole else by_rows(piece)
            rows, columns = piece.weights.shape
            passes = interval // (piece.numbers.bits if fold.serial else 1)
            folds = {f for f, _ in uneven(fold, rows, columns, piece.numbers.bits, passes, widths)} | {fold}
            found = []
            for f in sorted(folds | {f._replace(store="block") for f in folds}):
                layer = folded_layer(piece, f, device, made, last=last)
                fast = layer.cycles <= interval and f.store in stores(piece.depth(f.pe, f.simd), device)
                if fast and _allowed(piece, layer, device, last):
                    found.append(_option(piece, layer))
        options.append(found)
        widths = {abs(o.taken) for o in found}
    return options


def _option(dense: Dense, layer: PlannedLayer) -> Option:
    assert isinstance(layer.fold, Fold)
    given, taken = layer.fold.simd * layer.digits, layer.fold.pe * dense.count
    return Option((layer.fold,), given, taken, layer.luts, layer.ffs, layer.brams, layer.sprams)


def _allowed(piece: Dense, layer: PlannedLayer, device: Device, last: bool) -> bool:
    """Whether a layer fits, and its answers what comes behind: the arg-max takes one sum at a time."""
    assert isinstance(layer.fold, Fold)
    sums = last and piece.value == piece.layer.value and layer.fold.pe > 1
    return not sums and layer.brams <= device.brams and layer.sprams <= device.sprams and layer.luts <= device.luts


def _search(read: FoldedNetwork, device: Device, interval: int, unrolled: bool) -> list[Option] | None:
    """The best options whose PE and SIMD all divide."""
    made, last = find_family(device.family), read.pieces[-1]
    options = [
        list(_options(read, piece, device, made, interval, unrolled, first=k == 0, last=piece is last))
        for k, piece in enumerate(read.pieces)
    ]
    return _best(read, device, options)


def _best(read: FoldedNetwork, device: Device, options: Sequence[Sequence[Option]]) -> list[Option] | None:
    """The options of all pieces that need fewest tables, or, where these have too many flip-flops, that need fewest of
    them."""
    luts, ffs = _FILL.get(device.family, FILL) * device.luts, FILLED * device.ffs
    for weigh, most in (attrgetter("luts"), luts), (attrgetter("ffs"), ffs):
        found = _least(device, options, weigh, most)
        if found is None:
            return None
        if sum(one.luts for one in found) <= luts and sum(one.ffs for one in found) <= ffs:
            return found
    return None


def _least(
    device: Device, options: Sequence[Sequence[Option]], weigh: Callable[[Option], int], most: float
) -> list[Option] | None:
    """The options of least weight, None where that is more than `most`. States: by bits in a beat, negative behind a
    layer that stays unrolled, 0 at first."""
    states: dict[int, np.ndarray] = {0: np.zeros((device.brams + 1, device.sprams + 1))}
    trace: list[tuple[dict[int, np.ndarray], list[tuple[int, Option]]]] = []
    for given in options:
        new: dict[int, np.ndarray] = {}
        back: dict[int, np.ndarray] = {}
        choices: list[tuple[int, Option]] = []
        for one in given:
            for before, cost in states.items():
                width = abs(before) or one.given
                other = one.pixel and one.given != (before if before > 0 else one.pixel)
                if other or (width % one.given and one.given % width):
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
    (brams, sprams), chosen = np.unravel_index(int(states[best].argmin()), states[best].shape), list[Option]()
    for back, choices in reversed(trace):
        before, one = choices[int(back[best][brams, sprams])]
        chosen.insert(0, one)
        best, brams, sprams = before, brams - one.brams, sprams - one.sprams
    return chosen


def _options(
    read: FoldedNetwork,
    piece: Piece,
    device: Device,
    made: Family,
    interval: int,
    unrolled: bool,
    *,
    first: bool,
    last: bool,
) -> Iterator[Option]:
    stays = piece.layers if isinstance(piece, Unfolded) else (piece.layer,) if unrolled else ()
    if stays:
        ends = last and read.network.output("class") is not None
        layers = [unrolled_layer(read.network, x, made, ends and x is stays[-1]) for x in stays]
        luts, ffs = sum(x.luts for x in layers), sum(x.ffs for x in layers)
        types, out = read.network.types, stays[-1].values[-1]
        given = read.entry.features * read.entry.each if first else math.prod(types[stays[0].reads].shape)
        yield Option((Unrolled(),) * len(stays), given, -math.prod(types[out].shape), luts, ffs)
    placed = by_position(read, piece) if stays else ()
    if placed and max(one.scan.steps for one in placed) <= interval:
        yield positions_option(placed, made)
    if isinstance(piece, Pooling):
        for layer, width in ((pooled_layer(piece, w, made), w) for w in divisors(piece.shape[2])):
            if layer.cycles <= interval and layer.brams <= device.brams:
                yield Option((layer.fold,), width, width, layer.luts, layer.ffs, layer.brams, pixel=piece.shape[2])
    if not isinstance(piece, Dense):
        return
    yield from _folded(piece, device, made, interval, last=last)
    if piece.several is not None:
        yield from _folded(by_rows(piece), device, made, interval, last=last, rows=True)


def _folded(
    dense: Dense, device: Device, made: Family, interval: int, *, last: bool, rows: bool = False
) -> Iterator[Option]:
    """The ways to fold a layer. rows: it has a row for every threshold, where others have several a row."""
    serially = (False, True) if may_be_serial(dense) and dense.several is None else (False,)
    for pe, simd in foldings(dense):
        depth = dense.depth(pe, simd)
        if depth * dense.positions > interval:
            continue
        for store, serial in product(stores(depth, device), serially):
            layer = folded_layer(dense, Fold(pe, simd, store, serial=serial, rows=rows), device, made, last=last)
            if layer.cycles <= interval and _allowed(dense, layer, device, last):
                yield _option(dense, layer)
