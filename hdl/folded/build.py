"""A network folded: the only maker of a `FoldedChain`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.layers import layer_of
from threshc.compiler.ir.network import Network
from threshc.hdl.folded import schedule
from threshc.hdl.folded.area import luts
from threshc.hdl.folded.arg_max import PATIENT, ArgMax
from threshc.hdl.folded.chain import ChainPart, FoldedChain
from threshc.hdl.folded.fold import Choice, Fold, Unrolled
from threshc.hdl.folded.joints import Link, converters, entry_links
from threshc.hdl.folded.layer import Answer
from threshc.hdl.folded.loaded import DEEPEST
from threshc.hdl.folded.network import Dense, FoldedNetwork, Unfolded, folded_network, named_layers
from threshc.hdl.folded.probes import Shown
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
    (`threshc.hdl.folded.network`), and where numbers do not divide as they must: PE the neurons, SIMD the inputs of a
    layer, and of neighbouring widths one the other.
    """
    read = read_folded(network, folds)
    name, unroll = sanitize(network.name, "network"), unroll or _unroll(levels)
    entry = entry or max(first_width(read, folds[0]) // read.entry.each, 1)
    parts: list[ChainPart] = list(entry_links(read, entry))
    places = () if read.entry.places is None else tuple(read.entry.places.tolist())
    shown = [Shown(0, _bits(network, read.entry.value), read.entry.features // entry, places)] if parts else []
    width = entry * read.entry.each
    left = [fold for fold in folds if isinstance(fold, Fold)]
    for k, piece in enumerate(read.pieces):
        if isinstance(piece, Unfolded):
            design = unroll(piece.part.network)
            design = replace(design, interface=replace(design.interface, name=f"{name}_unrolled{k}"))
            parts += converters(width, design.interface.input.bits, piece.layers[0].name)
            parts.append(UnrolledPart(design, piece))
            width = design.interface.output.bits
            continue
        fold, ends = left.pop(0), k + 1 == len(read.pieces)
        answer: Answer = "sums" if ends and piece.value == piece.layer.value else "bits"
        layer = piece.folded(fold.pe, fold.simd, answer, inputs)
        parts += converters(width, layer.in_bits, layer.name)
        parts.append(folded_unit(f"{name}_layer{k}", layer, levels=levels, store=fold.store))
        if not ends:
            shown.append(Shown(len(parts) - 1, _bits(network, piece.value), layer.groups))
        width = layer.out_bits
    last = parts[-1]
    if read.label is not None:
        assert isinstance(last, FoldedUnit)
        count, bits = last.layer.rows, last.layer.bits
        slow = last.layer.chunks >= PATIENT and last.layer.pe == 1
        cycles = PATIENT if slow or count == 1 else 1  # a class each cycle would be lost where its reader waits
        parts += converters(width, bits, "the arg-max")
        stage = partial(schedule.ArgMaxStage, count=count, cycles=cycles)
        parts.append(Link(partial(ArgMax, count, bits, cycles), stage))
    output, fields = _answer(read, last)
    given = Beats(read.entry.features * read.entry.bits, entry * read.entry.bits)
    loads = tuple(words for part in parts if isinstance(part, FoldedUnit) for words in part.loads)
    interface = Interface(network, name, given, output, fields, Timing(0), load=LoadPort(loads) if loads else None)
    chain = FoldedChain(interface, tuple(parts), _neurons(read, parts), tuple(shown))
    return replace(chain, interface=replace(interface, timing=_timing(chain)))


def first_width(read: FoldedNetwork, first: Choice) -> int:
    """Returns the bits of a beat that the first layer takes."""
    if isinstance(first, Fold):
        return first.simd * read.dense[0].numbers.bits
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
    read = folded_network(network, [k for k, fold in enumerate(folds) if isinstance(fold, Unrolled)])
    for dense, fold in zip(read.dense, (fold for fold in folds if isinstance(fold, Fold)), strict=True):
        rows, columns = dense.weights.shape
        where = f"layer {dense.layer.name} ({columns} inputs, {rows} neurons)"
        for value, total, what in ((fold.pe, rows, "PE"), (fold.simd, columns, "SIMD")):
            if value < 1 or total % value:
                raise fail(
                    f"{what} {value} does not divide {total}",
                    where=where,
                    hint=f"one of {', '.join(str(d) for d in range(1, total + 1) if total % d == 0)}",
                )
        steps = rows // fold.pe * (columns // fold.simd)
        if fold.store == "spram" and steps > DEEPEST:
            raise fail(
                f"{steps:,} weight words do not fit an SPRAM",
                where=where,
                why=f"it has {DEEPEST:,}",
                hint=f"PE times SIMD of {-(-rows * columns // DEEPEST)} or more",
            )
    return read


def _unroll(levels: int) -> Unroll:
    from threshc.hdl.unrolled.build import build_design

    return partial(build_design, options=CircuitOptions(pipeline=levels))


def _answer(read: FoldedNetwork, part: ChainPart) -> tuple[Beats, tuple[Field, ...]]:
    """What leaves the chain behind its last unit."""
    if isinstance(part, UnrolledPart):
        interface = part.design.interface
        return interface.output, moved(interface.fields, part.piece.part.offset)
    assert isinstance(part, FoldedUnit)
    last, value = part.layer, read.dense[-1].value
    if read.label is not None:
        bits = max((last.rows - 1).bit_length(), 1)
        return Beats(bits, bits), (Field("class", "class", read.label, 0, bits, bits, False, (1,)),)
    if last.answer == "sums":
        bits, shape = last.rows * last.bits, read.network.types[value].shape
        return Beats(bits, last.out_bits), (Field("scores", "scores", value, 0, bits, last.bits, True, shape),)
    return Beats(last.rows, last.pe), (_bits(read.network, value),)


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
        )
        for inputs in (4, 6)
    )
    how = f"{layer.pe} at a time, {layer.simd} inputs a cycle"
    return LayerCircuit(
        dense.layer.value, layer.name, how, layer.rows, layer.rows * layer.columns, Estimate(four, six, 0, 0)
    )


def _timing(chain: FoldedChain) -> Timing:
    """When it answers, by its cycle model: fed and taken without a pause."""
    beats, samples = chain.interface.input.count, 4
    taken, left = schedule.run([*chain.stages(), schedule.Sink()], samples * beats)
    out = len(left) // samples
    return Timing(left[0] - taken[0], left[-1] - left[-1 - out])
