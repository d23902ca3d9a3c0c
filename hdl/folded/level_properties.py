"""What is demanded of a folded layer's further thresholds: part of `threshc.hdl.folded.properties`.

The word of their memory follows the passes that are under way, which are never so close together that a sum is
overwritten before its last comparison: each is compared with its own row's numbers, in order. What these mean as
thresholds is read back by `threshc.hdl.proof.folded_levels`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from numpy.typing import NDArray

from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.levels import Levels, level_words
from threshc.hdl.folded.unit import UnitComponent


def level_demands(m: Module, part: UnitComponent, levels: Levels) -> Iterator[Value]:
    """Yields what must be 1 in every cycle."""
    layer, control, passes = part.unit.layer, part.control, part.pipes["done"]
    busy = passes[part.unit.summed :]
    compares, groups, table = layer.compares, layer.groups, level_words(layer)
    yield Const((control.chunks, control.groups, len(busy)) == (layer.chunks, groups, compares))
    # Passes end as many cycles apart as they have steps, or more: of so many cycles one is the end of a pass at most.
    for k in range(1, min(layer.chunks, len(passes))):
        yield ~passes[k] | (control.chunk < k)
    for k in range(1, len(passes)):
        yield ~(passes[k] & Cat(*passes[k + 1 : k + compares]).any())
    group: Value = control.group
    for done in passes[1:]:  # the group as many cycles ago, in the end that of the sums that are compared, or come next
        before = Signal(range(groups))
        m.d.sync += before.eq(group)
        yield before < groups
        yield group == Mux(done, Mux(before == groups - 1, 0, before + 1), before)
        group = before
    nth: Value = Const(0)
    for k in range(1, compares):
        nth = Mux(busy[k], k, nth)
    now, last = Signal(range(groups * compares)), groups * compares - 1
    m.d.comb += now.eq(group * compares + nth)
    yield levels.step == Cat(*busy).any()
    yield levels.at == Mux(now == last, 0, now + 1)
    yield levels.word == _entry(table, now)
    sums = [kept for _, _, kept in part.neurons]
    yield levels.sums == Cat(*sums)
    first = Signal(range(groups * compares))
    m.d.comb += first.eq(group * compares)
    for k in range(1, compares):
        for before, early in enumerate(reversed(levels.early[-k:]), 1):
            yield ~busy[k] | (early == _found(layer, sums, _entry(table, (first + k - before)[: len(first)])))
    bits = [*levels.early, _found(layer, sums, levels.word)]
    yield ~busy[-1] | (levels.answer == Cat(*(_neuron(layer, k, total, bits) for k, total in enumerate(sums))))
    kept = Signal(layer.out_bits)
    with m.If(busy[-1]):
        m.d.sync += kept.eq(levels.answer)
    yield ~part.held | (part.answer == kept)


def _entry(table: NDArray[np.uint8], at: Value) -> Value:
    """The word at an address of a constant table."""
    columns = (Const(sum(int(bit) << k for k, bit in enumerate(column)), len(table)) for column in table.T)
    return Cat(*(column.bit_select(at, 1) for column in columns))


def _found(layer: FoldedLayer, sums: list[Value], word: Value) -> Value:
    """What comparing all sums with the numbers of a word gives, neuron by neuron."""
    wide, each = layer.bits + 1, layer.compared
    places = [(k, k * each + j) for k in range(layer.pe) for j in range(each)]
    return Cat(*((sums[k] + word.word_select(at, wide))[wide - 1] for k, at in places))


def _neuron(layer: FoldedLayer, k: int, total: Value, bits: list[Value]) -> Value:
    found = Cat(*(stage[k * layer.compared : (k + 1) * layer.compared] for stage in bits))
    return Cat(total[-1], found[: layer.levels - 1])
