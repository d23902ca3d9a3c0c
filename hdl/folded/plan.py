"""How far to fold each layer: the shortest interval that fits a device, or the smallest circuit for an interval.

Cycles are exact. Areas are fitted to synthesis (docs/research/folded.md). The search is dynamic programming over the
layers: state (PE of the layer before, block RAMs and SPRAMs used) to fewest LUTs; of the widths of neighbours one must
divide the other. It takes hundredths of a second for a network and a device.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.families.base import Family
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.folded.area import link_luts
from threshc.hdl.folded.fold import Fold
from threshc.hdl.folded.layer import Store
from threshc.hdl.folded.loaded import DEEPEST
from threshc.hdl.folded.network import Dense, FoldedNetwork
from threshc.hdl.folded.planned import Plan, PlannedLayer, divisors, folded_layer, plan_of
from threshc.hdl.targets.base import Device

FILL = 0.8
"""Of a device's LUTs, what a plan takes: what can be placed and routed."""
_DEEPEST = 16
"""Words of a memory of look-up tables: a table per bit."""


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
                link = link_luts(width, layer.fold.simd)
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
    return plan_of(read, chosen, 0, made)


def _foldings(dense: Dense) -> Iterator[tuple[int, int]]:
    """Every PE, with the number of chunks of every SIMD."""
    rows, columns = dense.weights.shape
    for pe in divisors(rows):
        for chunks in divisors(columns):
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
            layer = folded_layer(dense, Fold(pe, columns // chunks, store), device, made, last=last)
            fits = layer.brams <= device.brams and layer.sprams <= device.sprams and layer.luts <= device.luts
            if steps <= interval and fits:
                yield layer


def _stores(steps: int, device: Device) -> Iterator[Store]:
    yield "block"
    if steps <= _DEEPEST:
        yield "lut"
    if device.sprams and steps <= DEEPEST:
        yield "spram"
