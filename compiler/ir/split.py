"""A network cut in parts that follow each other: what one part outputs is all that the next one knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.layers import Layer, find_layer, layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Output, Reduce, Sum, Value, operands
from threshc.compiler.ir.types import Bits

BEFORE = 2
"""Operations at the start of every part but the first: an Input of bits, and the Bitplanes that make bits of them,
which stand for the value at which the network was cut."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A part of a network as a network of its own.

    offset: value v of the part is value v + offset of the whole network (of parts behind a cut, v >= 1).
    """

    network: Network
    offset: int


def split(network: Network, cuts: Sequence[str]) -> tuple[Part, ...]:
    """Cuts a network behind each of some layers (`threshc.compiler.ir.layers`), given by name or value (`%14`).

    The parts come in the order of the network; without cuts the only one is the network itself. Raises CompileError
    for names that are not those of layers or come twice, and where the network is not in two pieces behind a layer.
    """
    if not cuts:
        return (Part(network, 0),)
    ends = [_cut_value(network, name) for name in cuts]
    if len(set(ends)) < len(ends):
        twice = next(name for name, v in zip(cuts, ends, strict=True) if ends.count(v) > 1)
        raise fail(f"the network is cut behind {twice!r} twice", where=option("cut"), hint="name every layer once")
    starts = [0, *sorted(ends)]
    parts = []
    for k, start in enumerate(starts):
        end = starts[k + 1] if k + 1 < len(starts) else len(network.ops) - 1
        parts.append(piece(network, start, end, f"{network.name}_part{k}"))
    return tuple(parts)


def cut_values(network: Network) -> list[tuple[str, Value]]:
    """Returns the name and the last value of every layer that the network can be cut behind, in order."""
    return [(layer.name, max(layer.values)) for layer in layers(network) if _is_whole(network, layer)]


def piece(network: Network, start: Value, end: Value, name: str) -> Part:
    """Returns what follows a value up to another one, as a network of its own: from the input where `start` is 0, else
    from the bits of `start`; up to the outputs where `end` is the last value, else up to the bits of `end`.

    Raises CompileError where what lies between reads another value before it, or what follows reads one within it.
    """
    _two_pieces(network, [v for v in (start, end) if 0 < v < len(network.ops) - 1], name)
    offset = start - 1 if start else 0
    ops = [*_head(network, start), *(_moved(op, -offset) for op in network.ops[start + 1 : end + 1])]
    outputs = network.outputs if end == len(network.ops) - 1 else (_whole(end),)
    moved = tuple(replace(o, value=o.value - offset) for o in outputs)
    return Part(Network(name, tuple(ops), moved), offset)


def at_position(network: Network, start: Value, end: Value, name: str) -> Part:
    """Returns what follows the bits of a map, (H, W, C), up to the bits of another one, at one position, as a network
    of its own: from C bits to those of a position of `end`.

    Raises CompileError where what lies between is not the same at every position, and for each alone, or reads another
    value before it, or where what follows reads one within it.
    """
    _two_pieces(network, [start, *([end] if end < len(network.ops) - 1 else [])], name)
    between = network.ops[start + 1 : end + 1]
    one = next((op for op in between if not isinstance(op, Sum | Compare | Reduce)), None)
    if one is not None or network.types[start].shape[:-1] != network.types[end].shape[:-1]:
        kind = "a move to other positions" if one is None else type(one).__name__
        raise fail(f"%{start} to %{end} are not at every position the same", where=name, why=f"there is {kind}")
    offset, channels = start - 1, network.types[start].shape[-1:]
    ops = (Input("x", channels, parse_encoding("bit")), Bitplanes(0), *(_moved(op, -offset) for op in between))
    return Part(Network(name, ops, (_whole(end - offset),)), offset)


def joined(parts: Sequence[Part], name: str) -> Network:
    """Puts parts together again: where each of them reads its input, the last value of the one before is read.

    It is the network that `split` cut where the parts are those: what it computes is what the parts compute one after
    another. Raises CompileError where an input is not of the bits that the part before outputs.
    """
    ops, types = list(parts[0].network.ops), list(parts[0].network.types)
    for part in parts[1:]:
        first, second, *rest = part.network.ops
        taken = part.network.types[1]
        if not isinstance(first, Input) or not isinstance(second, Bitplanes) or second.x != 0 or taken != types[-1]:
            raise fail("the parts of a network do not fit", where=name, why=f"{taken} are read of {types[-1]}")
        if part.offset != len(ops) - 2 or any(0 in operands(op) for op in rest):
            raise fail("the parts of a network do not fit", where=name, why="a part reads what is not the one before")
        ops += [_moved(op, part.offset) for op in rest]
        types += part.network.types[BEFORE:]
    last = parts[-1]
    outputs = tuple(replace(o, value=o.value + last.offset) for o in last.network.outputs)
    return Network(name, tuple(ops), outputs)


def _two_pieces(network: Network, ends: Sequence[Value], name: str) -> None:
    """Raises CompileError unless what follows each of some values reads it alone, as bits."""
    for v in ends:
        if _crossing(network, v) != [v] or not isinstance(network.types[v], Bits):
            why = ", ".join(f"%{x} ({type(network.ops[x]).__name__})" for x in _crossing(network, v)[:4])
            raise fail(f"the network is not in two pieces behind %{v}", where=name, why=f"what follows reads {why}")


def _cut_value(network: Network, name: str) -> Value:
    """The one value that crosses from a layer, and all before it, to what follows."""
    whole = [name for name, _ in cut_values(network)]
    possible = f"cut behind {', '.join(whole)}" if whole else "this network cannot be cut"
    layer = find_layer(network, name)
    if layer is None:
        raise fail(f"the network has no layer {name!r} to be cut behind", where=option("cut"), hint=possible)
    end = max(layer.values)
    if end == len(network.ops) - 1:
        raise fail(f"nothing follows {layer.name!r}", where=option("cut"), hint=possible)
    if _is_whole(network, layer):
        return end
    crossing = _crossing(network, end)
    why = ", ".join(f"%{v} ({type(network.ops[v]).__name__})" for v in crossing[:4])
    raise fail(
        f"the network is not in two pieces behind {layer.name!r}",
        where=option("cut"),
        why=f"what follows reads {why}" + ("" if len(crossing) < 5 else ", ..."),
        hint=possible,
    )


def _is_whole(network: Network, layer: Layer) -> bool:
    """Whether all that follows a layer reads but the layer's last value, and that as bits."""
    end = max(layer.values)
    return end < len(network.ops) - 1 and _crossing(network, end) == [end] and isinstance(network.types[end], Bits)


def _crossing(network: Network, end: Value) -> list[Value]:
    """Values up to `end` that operations behind it read, or that are output."""
    read = {x for op in network.ops[end + 1 :] for x in operands(op) if x <= end}
    return sorted(read | {o.value for o in network.outputs if o.value <= end})


def _head(network: Network, start: Value) -> tuple[Op, ...]:
    """The operations before the first one of a part's own."""
    if not start:
        return (network.ops[0],)
    return Input("x", network.types[start].shape, parse_encoding("bit")), Bitplanes(0)


def _whole(value: Value) -> Output:
    """The output of a part that another one follows."""
    return Output("bits", value, "bits", np.ones(()), np.zeros(()))


def _moved(op: Op, by: int) -> Op:
    """The same operation with other numbers of its operands."""
    match op:
        case Gather(x=xs):
            return replace(op, x=tuple(x + by for x in xs))
        case Compare(s=s) | ArgMax(s=s):
            return replace(op, s=s + by)
        case Input():
            return op
        case _:
            return replace(op, x=op.x + by)
