"""A network folded: the only maker of a `FoldedChain`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.layers import layer_of
from threshc.compiler.ir.network import Network
from threshc.hdl.folded import schedule
from threshc.hdl.folded.area import luts
from threshc.hdl.folded.arg_max import PATIENT, ArgMax
from threshc.hdl.folded.chain import ChainPart, FoldedChain
from threshc.hdl.folded.fill import mean_interval
from threshc.hdl.folded.fold import POOL, POSITION, UNROLLED, ByPosition, Choice, Fold, Pooled, Unrolled
from threshc.hdl.folded.given import Entry
from threshc.hdl.folded.joints import Link, converters, entry_links
from threshc.hdl.folded.layer import BITS, Answer, FoldedLayer
from threshc.hdl.folded.layout import Layout
from threshc.hdl.folded.loaded import DEEPEST
from threshc.hdl.folded.maps import Carried, behind
from threshc.hdl.folded.network import FoldedNetwork, folded_network, named_layers
from threshc.hdl.folded.pieces import Dense, Unfolded
from threshc.hdl.folded.places import check_places
from threshc.hdl.folded.pooling import Pooling
from threshc.hdl.folded.position import Positioned
from threshc.hdl.folded.probes import Shown
from threshc.hdl.folded.serial import check_serial
from threshc.hdl.folded.serial_unit import serial_unit
from threshc.hdl.folded.unit import FoldedUnit, folded_unit
from threshc.hdl.folded.unrolled import UnrolledPart
from threshc.hdl.interface import Beats, Field, Interface, LoadPort, Timing, moved
from threshc.hdl.naming import sanitize
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.layers import LayerCircuit
from threshc.hdl.unrolled.neurons import Estimate

Unroll = Callable[[Network], Design]
"""Makes the circuit of layers that stay unrolled."""

_TRANSFERS = 500_000
"""Of the cycle model of a chain that is made: about half a second."""


def folded_chain(
    network: Network,
    folds: Sequence[Choice],
    *,
    entry: int = 0,
    levels: int = 2,
    inputs: int = 4,
    unroll: Unroll | None = None,
) -> FoldedChain:
    """Folds a network.

    folds: of every layer but the input's comparisons. entry: features that come in a beat, 0 for as many as the first
    layer takes. levels: tables between registers; inputs: of the family's tables. unroll: for layers that stay
    unrolled, with registers of the same `levels` without it. Raises CompileError where the network cannot be folded
    (`threshc.hdl.folded.network`), and where PE or SIMD are more than a layer has; where they do not divide it, there
    are rows that are dropped and inputs that are 0.
    """
    read = read_folded(network, folds)
    name, unroll = sanitize(network.name, "network"), unroll or _unroll(levels)
    entry = entry or max(first_width(read, folds[0]) // read.entry.each, 1)
    links, given_in = entry_links(read, entry)
    carried, parts = Carried(given_in), list[ChainPart](links)
    places = _shown(read.entry, given_in)
    shown = [Shown(0, _bits(network, read.entry.value), given_in.beats, places)] if parts else []
    left = [fold for fold in folds if isinstance(fold, Fold)]
    for k, piece in enumerate(read.pieces):
        if isinstance(piece, Unfolded):
            design = unroll(piece.part.network)
            design = replace(design, interface=replace(design.interface, name=f"{name}_unrolled{k}"))
            links, carried = carried.through(piece, design.interface.input.bits, design.interface.output.bits)
            parts += [*links, UnrolledPart(design, piece)]
            if isinstance(piece, Positioned) and k + 1 < len(read.pieces):
                value = max(piece.layers[-1].values)
                shown.append(Shown(len(parts) - 1, _bits(network, value), piece.scan.positions))
            continue
        ends = k + 1 == len(read.pieces)
        if isinstance(piece, Pooling):
            links, carried = carried.pooled(piece)
            parts += links
            if not ends:
                beats = carried.layout.beats * piece.positions
                shown.append(Shown(len(parts) - 1, _bits(network, piece.value), beats, piece.picked(carried.layout)))
            continue
        fold = left.pop(0)
        answer: Answer = "sums" if ends and piece.value == piece.layer.value else "bits"
        links, layout = carried.into(piece, fold.simd)
        parts += links
        layer, unit = piece.folded(fold.pe, fold.simd, answer, inputs, layout), folded_unit
        check_places(fold, layer.chunks, layer.name, layer.walk)
        if fold.serial:
            layer, unit = replace(layer, numbers=BITS, serial=piece.numbers), serial_unit
        parts.append(
            unit(f"{name}_layer{k}", layer, places=fold.buffer, queue=fold.queue, levels=levels, store=fold.store)
        )
        if not ends:
            beats = layer.groups * layer.positions
            shown.append(Shown(len(parts) - 1, _bits(network, piece.value), beats, picked(layer, piece)))
        carried = behind(piece, piece.layout(layer.pe, layer.bits if answer == "sums" else 1))
    last = parts[-1]
    if read.label is not None:
        assert isinstance(last, FoldedUnit)
        count, bits = len(read.dense[-1].start), last.layer.bits
        slow = last.layer.chunks >= PATIENT and last.layer.pe == 1
        cycles = PATIENT if slow or count == 1 else 1  # a class each cycle would be lost where its reader waits
        links, _ = converters(carried.layout, bits)
        parts += links
        stage = partial(schedule.ArgMaxStage, count=count, cycles=cycles)
        parts.append(Link(partial(ArgMax, count, bits, cycles), stage))
    output, fields = _answer(read, last, carried.layout.width)
    if read.label is None and not isinstance(last, UnrolledPart):
        parts += converters(carried.layout, carried.layout.width)[0]  # zeros for rows that the network has not
        if carried.pixels and carried.bits % carried.layout.width:
            raise fail(
                f"the last layer's beats of {carried.layout.width} bits are not those of its {carried.bits} channels",
                where=f"layer {named_layers(network)[-1].name}",
                hint="choose PE that divides them",
            )
    given = Beats(read.entry.features * read.entry.bits, entry * read.entry.bits)
    loads = tuple(words for part in parts if isinstance(part, FoldedUnit) for words in part.loads)
    interface = Interface(network, name, given, output, fields, Timing(0), load=LoadPort(loads) if loads else None)
    chain = FoldedChain(interface, tuple(parts), _neurons(read, parts), tuple(shown))
    return replace(chain, interface=replace(interface, timing=_timing(chain)))


def picked(layer: FoldedLayer, dense: Dense) -> tuple[int, ...]:
    """Returns which of a sample's bits out are a layer's, in the order of its Compare, () for all as they come: there
    may be more rows than it has, and rows with fewer thresholds than others."""
    elements = dense.layout(layer.pe).elements.ravel()
    places = np.flatnonzero(elements >= 0)
    places = places[np.argsort(elements[places])]
    if np.array_equal(places, np.arange(elements.size)):
        return ()
    return tuple((np.arange(layer.positions)[:, None] * elements.size + places).ravel().tolist())


def _shown(entry: Entry, carried: Layout) -> tuple[int, ...]:
    """Which of the bits of a sample's beats each comparison of the network is, () for all in order."""
    at = np.flatnonzero(carried.elements.ravel() >= 0)
    if entry.places is None and np.array_equal(at, np.arange(carried.elements.size)):
        return ()
    return tuple((at if entry.places is None else at[entry.places]).tolist())


def first_width(read: FoldedNetwork, first: Choice) -> int:
    """Returns the bits of a beat that the first layer takes."""
    piece = read.pieces[0]
    if isinstance(piece, Positioned):
        return piece.width
    if isinstance(piece, Pooling):
        return piece.shape[2]
    if isinstance(first, Fold):
        return read.dense[0].first(first.simd) * read.dense[0].numbers.bits
    return read.entry.features * read.entry.each


def read_folded(network: Network, folds: Sequence[Choice]) -> FoldedNetwork:
    """Reads a network as a chain of such layers. Raises CompileError where it is none, or PE and SIMD are not its."""
    named = named_layers(network)
    if named and len(folds) != len(named):
        raise fail(
            f"the network has {len(named)} layers to fold, not {len(folds)}",
            where=option("fold"),
            hint=f"PE x SIMD of {', '.join(layer.name for layer in named)}, in this order",
        )
    for layer, fold in zip(named, folds, strict=False):
        if isinstance(fold, Fold if layer.kind == "pool" else Pooled):
            raise fail(
                f"{fold} is not what this layer can be",
                where=f"layer {layer.name}",
                hint=f"{POOL if layer.kind == 'pool' else 'PE x SIMD'}, {UNROLLED} or {POSITION}",
            )
    which = [[k for k, fold in enumerate(folds) if isinstance(fold, kind)] for kind in (Unrolled, ByPosition)]
    read = folded_network(network, *which)
    left = iter(fold for fold in folds if isinstance(fold, Fold))
    pieces = [x if not isinstance(x, Dense) or next(left).whole else x.by_rows() for x in read.pieces]
    read = replace(read, pieces=tuple(pieces))
    for dense, fold in zip(read.dense, (fold for fold in folds if isinstance(fold, Fold)), strict=True):
        rows, columns = len(dense.start), dense.inputs
        where = f"layer {dense.layer.name} ({columns} inputs, {rows} neurons)"
        for value, total, what in ((fold.pe, rows, "PE"), (fold.simd, columns, "SIMD")):
            if not 1 <= value <= total:
                raise fail(
                    f"{what} {value} is not from 1 to {total}",
                    where=where,
                    hint=f"{what} {total} at most, best one that divides it",
                )
        if fold.serial:
            check_serial(dense, where)
        steps = dense.depth(fold.pe, fold.simd)
        if fold.store == "spram" and steps > DEEPEST:
            raise fail(
                f"{steps:,} weight words do not fit an SPRAM",
                where=where,
                why=f"it has {DEEPEST:,}",
                hint=f"PE times SIMD of {-(-fold.pe * fold.simd * steps // DEEPEST)} or more",
            )
    return read


def _unroll(levels: int) -> Unroll:
    from threshc.hdl.unrolled.build import build_design

    return partial(build_design, options=CircuitOptions(pipeline=levels))


def _answer(read: FoldedNetwork, part: ChainPart, width: int) -> tuple[Beats, tuple[Field, ...]]:
    """What leaves the chain behind its last unit. width: of beats behind a pooling."""
    if isinstance(part, UnrolledPart):
        interface = part.design.interface
        if isinstance(part.piece, Positioned):
            field, each = _bits(read.network, max(part.piece.layers[-1].values)), interface.output.bits
            return Beats(field.width, each), (field,)
        return interface.output, moved(interface.fields, part.piece.part.offset)
    if isinstance(piece := read.pieces[-1], Pooling):
        field = _bits(read.network, piece.value)
        return Beats(field.width, width), (field,)
    assert isinstance(part, FoldedUnit)
    last, value, rows = part.layer, read.dense[-1].value, len(read.dense[-1].start) * read.dense[-1].count
    if read.label is not None:
        bits = max((rows - 1).bit_length(), 1)
        return Beats(bits, bits), (Field("class", "class", read.label, 0, bits, bits, False, (1,)),)
    if last.answer == "sums":
        bits, shape = rows * last.bits, read.network.types[value].shape
        return Beats(bits, last.out_bits), (Field("scores", "scores", value, 0, bits, last.bits, True, shape),)
    return Beats(rows * last.positions, last.out_bits), (_bits(read.network, value),)


def _neurons(read: FoldedNetwork, parts: Sequence[ChainPart]) -> tuple[LayerCircuit, ...]:
    """The choice for every layer of neurons, with the values and names of the whole network."""
    names = {v: layer.name for v, layer in layer_of(read.network).items()}
    folded, found = iter(read.dense), list[LayerCircuit]()
    for part in parts:
        match part:
            case FoldedUnit():
                found.append(_circuit(next(folded), part))
            case UnrolledPart():
                by = part.piece.part.offset
                found += [replace(n, value=n.value + by, name=names[n.value + by]) for n in part.design.neurons]
    return tuple(found)


def _bits(network: Network, value: int) -> Field:
    shape = network.types[value].shape
    return Field("bits", "bits", value, 0, math.prod(shape), 1, False, shape)


def _circuit(dense: Dense, unit: FoldedUnit) -> LayerCircuit:
    layer = unit.layer
    four, six = (
        luts(
            pe=layer.pe,
            simd=layer.simd,
            code=layer.code,
            numbers=layer.numbers,
            thresholds=len(layer.exponents),
            bits=layer.bits,
            rom=unit.store == "lut",
            inputs=inputs,
            levels=layer.levels,
            chunks=layer.chunks,
            groups=layer.groups,
        )
        for inputs in (4, 6)
    )
    how = f"{layer.pe} at a time, {layer.simd} inputs a cycle"
    rows, columns = dense.weights.shape
    return LayerCircuit(dense.layer.value, layer.name, how, rows, rows * columns, Estimate(four, six, 0, 0))


def _timing(chain: FoldedChain) -> Timing:
    """When it answers, by its cycle model: fed and taken without a pause."""
    few, many = 4, 64
    stages = [*chain.stages(), schedule.Sink()]
    taken, left = schedule.run(stages, few * chain.interface.input.count)
    latency = left[0] - taken[0]
    samples = min(many, few * _TRANSFERS // sum(len(stage.times) for stage in stages))
    if samples > few:
        _, left = schedule.run([*chain.stages(), schedule.Sink()], samples * chain.interface.input.count)
    else:
        samples = few
    ends = left[len(left) // samples - 1 :: len(left) // samples]
    return Timing(latency, mean_interval([b - a for a, b in pairwise(ends)][samples // 2 - 1 :]))
