"""A chain of folded layers to what the checker is told of it, all of which `threshc.hdl.proof` proves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Fragment

from threshc.hdl.folded.arg_max import ArgMax
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.entry import BeatThresholds, Thresholds
from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.levels import level_numbers
from threshc.hdl.folded.links import Fill, Gather, Split
from threshc.hdl.folded.pool import Pool
from threshc.hdl.folded.position import Positioned
from threshc.hdl.folded.shift_window import ShiftWindow
from threshc.hdl.folded.signs import decode
from threshc.hdl.folded.unit import FoldedUnit
from threshc.hdl.folded.unrolled import UnrolledPart
from threshc.hdl.folded.walk import Walk
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Lut, Step
from threshc.hdl.proof.folded_convolution import ConvolutionClaim
from threshc.hdl.proof.folded_core import Code, CoreClaim, Lane
from threshc.hdl.proof.folded_entry import EntryClaim
from threshc.hdl.proof.folded_maps import PositionClaim, WindowClaim
from threshc.hdl.proof.folded_memory import FoldedLayerClaim
from threshc.hdl.proof.folded_network import ArgMaxClaim, Outside, Part, UnrolledClaim
from threshc.hdl.proof.folded_pool import PoolClaim
from threshc.hdl.proof.folded_stream import FillClaim, GatherClaim, SplitClaim
from threshc.hdl.unrolled.certify import certify


def code_of(layer: FoldedLayer) -> Code:
    """Returns how a weight word is read. Signs are parities of its bits, found by asking `decode` bit by bit."""
    simd, code, numbers = layer.simd, layer.code, layer.numbers
    bits = decode(np.eye(simd, dtype=np.uint8), layer.coding)
    signs = [tuple(np.flatnonzero(column).tolist()) for column in bits.T]
    lanes: list[Lane] = []
    for k in range(code.signs + abs(code.one) + code.masks):
        column = k if k < code.signs else max(k - code.signs - abs(code.one), 0)
        for p in range(numbers.bits):
            flip = numbers.is_signed and p == numbers.bits - 1
            for i in range(simd):
                x, bit = i * numbers.bits + p, k * simd + i
                if k < code.signs:
                    lanes.append(Lane(x, column + p, flip, tuple(k * simd + b for b in signs[i])))
                elif k < code.signs + abs(code.one):
                    lanes.append(Lane(x, column + p, flip, mask=bit, inverted=code.one < 0))
                else:
                    lanes.append(Lane(x, column + p, flip, ((code.bits - 1) * simd + i,), bit))
    return Code(layer.word_bits, layer.in_bits, tuple(lanes), layer.exponents)


def core_claim(unit: FoldedUnit) -> CoreClaim:
    """Returns what is claimed of a layer's arithmetic: its nets in one numbering, and the steps of its heap."""
    layer, core = unit.layer, unit.core
    first, net = core.nets
    inputs = layer.in_bits + layer.word_bits
    shared = {n: n if n <= layer.in_bits else n + layer.word_bits for n in range(1, len(first.operands))}
    common = [shared[lit >> 1] for lit in core.shared.outputs]
    assert not any(lit & 1 for lit in core.shared.outputs)
    neuron = {k + 1: node for k, node in enumerate([*common, *range(layer.in_bits + 1, inputs + 1)])}
    above = max(shared.values(), default=0) if len(first.operands) > layer.in_bits + 1 else inputs
    neuron |= {n: above + n - net.inputs for n in range(net.inputs + 1, len(net.operands))}

    def literal(lit: int) -> int:
        return 2 * neuron[lit >> 1] + (lit & 1) if lit > 1 else lit

    nodes = [
        Lut(names[n], tuple(names[x] for x in made.operands[n]), made.tables[n])
        for made, names in ((first, shared), (net, neuron))
        for n in range(made.inputs + 1, len(made.operands))
    ]
    steps = tuple(
        Step(
            s.column,
            tuple(tuple(map(literal, t)) for t in s.inputs),
            tuple((c, tuple(map(literal, t))) for c, t in s.outputs),
        )
        for s in core.steps
    )
    lanes = tuple(tuple(map(literal, lane)) for lane in core.lanes)
    latencies = core.shared.latency, core.neuron.latency
    return CoreClaim(code_of(layer), tuple(nodes), shared, neuron, lanes, steps, latencies)


def layer_claim(unit: FoldedUnit) -> FoldedLayerClaim:
    """Returns a layer as numbers, with the text of its memory; of a convolution as it is at one position."""
    layer = unit.layer
    return FoldedLayerClaim(
        code_of(layer),
        layer.pe,
        layer.chunks,
        layer.groups,
        layer.base >> (layer.planes - 1),
        layer.bits,
        layer.answer,
        unit.memory_text(),
        layer.planes,
        layer.serial is not None and layer.serial.is_signed,
        () if layer.needs is None else tuple(map(tuple, level_numbers(layer).tolist())),
        () if layer.elements is None else tuple(map(tuple, layer.elements.tolist())),
    )


def window_claim(made: ShiftWindow) -> WindowClaim:
    """Returns what a window that shifts is."""
    scan = made.scan
    before = scan.pads[0], scan.pads[1]
    kernel, size = (scan.kernel, scan.stride, before, scan.dilation), (made.width, scan.height, scan.width)
    return WindowClaim(*size, *kernel, scan.shape, made.fill, made.is_pad)


def convolution_claim(unit: FoldedUnit, walk: Walk) -> ConvolutionClaim:
    """Returns a convolution, with the text of its memories."""
    return ConvolutionClaim(
        layer_claim(unit),
        walk.height,
        walk.width,
        walk.chunks,
        walk.kernel,
        walk.stride,
        walk.pads,
        walk.dilation,
        walk.blocks,
        unit.files().get(unit.starts_file, ""),
        (0,) * walk.positions if walk.patterns is None else tuple(walk.patterns.ravel().tolist()),
    )


def outside(chain: FoldedChain) -> Outside:
    """Returns what the chain's interface says of its streams."""
    interface = chain.interface
    (field,) = interface.fields
    return Outside(interface.input.width, field.value, interface.output.bits, interface.output.width)


def part_claims(chain: FoldedChain) -> list[Part]:
    """Returns what each part of a chain is, read off the circuits that are emitted."""
    found: list[Part] = []
    for part in chain.parts:
        if isinstance(part, FoldedUnit):
            walk = part.layer.walk
            found.append(layer_claim(part) if walk is None else convolution_claim(part, walk))
            continue
        if isinstance(part, UnrolledPart) and isinstance(part.piece, Positioned):
            found.append(PositionClaim(certify(part.design), max(part.piece.layers[-1].values)))
            continue
        if isinstance(part, UnrolledPart):
            found.append(UnrolledClaim(certify(part.design), max(part.piece.layers[-1].values)))
            continue
        made = part.circuit()
        Fragment.get(made, None)  # Amaranth warns of circuits that are made and not elaborated
        ends = len(made.i.payload), len(made.o.payload)
        match made:
            case Thresholds():
                found.append(_entry([made.thresholds], made.bits, made.is_signed))
            case BeatThresholds():
                found.append(_entry(made.thresholds, made.bits, made.is_signed))
            case Gather():
                found.append(GatherClaim(*ends, made.count, made.words, made.last))
            case Split():
                found.append(SplitClaim(*ends, made.count, made.beats, made.last))
            case Fill():
                found.append(FillClaim(*ends, made.beats, made.kept))
            case Pool():
                a = made.axis
                shape = a.depth, a.count, a.taps, a.stride, a.before, a.after, a.dilation
                found.append(PoolClaim(ends[0], *shape, made.kind, made.fill))
            case ShiftWindow():
                found.append(window_claim(made))
            case ArgMax():
                found.append(ArgMaxClaim(made.count, made.width))
            case _:
                raise Unproved(f"{type(made).__name__} (part {len(found)} of the chain) has no proof yet")
    return found


def _entry(thresholds: Sequence[Sequence[Sequence[int]]], bits: int, is_signed: bool) -> EntryClaim:
    return EntryClaim(tuple(tuple(tuple(feature) for feature in beat) for beat in thresholds), bits, is_signed)
