"""What a layer of a network is, and what it is called: the only definition, which every table and message takes.

A layer is a `Sum` with the Compares and ArgMaxes that read it, a Compare or ArgMax of integers that no Sum has made
(the input's, a class), or a `Reduce` (pooling). Input, Bitplanes, Window and Gather only move bits; no layer has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Reduce, Sum, Value, Window, operands

Kind = Literal["dense", "conv", "pool", "compare", "argmax"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer.

    name:          as the model calls it, unique within the network: the first ONNX node among `values`, else
                   their first tensor, else words like `dense 2 (784x64)`; `node (pool)` where an earlier one is `node`
    kind:          `dense` or `conv` (a Sum at one or at many positions), `pool` (a Reduce), `compare` or `argmax`
    value:         the Sum or Reduce, or the Compare or ArgMax of a layer without a Sum
    values:        all values of the layer: `value`, and of a Sum the Compares and ArgMaxes that read it, in order
    reads:         the value whose bits or integers the layer takes in, before its window
    window:        the Window between `reads` and `value`, None without one
    readers:       all operations that read a Sum, in order: Compares, ArgMaxes, and Bitplanes, which are of no layer;
                   () for other layers
    outputs:       names of the network's outputs that are `value` itself: scores, for a Sum
    positions:     the places at which the same weights, taps or thresholds are applied: (OH, OW), or () for one place
    rows, columns: shape of the weight matrix: neurons and inputs of each; of a Reduce 0 and its taps, else 0 and 0
    """

    name: str
    kind: Kind
    value: Value
    values: tuple[Value, ...]
    reads: Value
    window: Value | None
    readers: tuple[Value, ...]
    outputs: tuple[str, ...]
    positions: tuple[int, ...]
    rows: int
    columns: int


def layers(network: Network) -> tuple[Layer, ...]:
    """Returns the layers of a network in the order of their values; every Sum, Compare, ArgMax and Reduce is in one."""
    users, taken = network.users(), set[str]()
    found: list[Layer] = []
    for v, op in enumerate(network.ops):
        if not _begins(network, op):
            continue
        readers = users[v] if isinstance(op, Sum) else ()
        values = (v, *(u for u in readers if isinstance(network.ops[u], Compare | ArgMax)))
        (x,) = operands(op)
        source = network.ops[x]
        is_window = isinstance(source, Window) and not isinstance(op, Compare | ArgMax)
        positions = network.types[v].shape[:-1]
        kind, rows, columns = _kind(op, positions)
        size = f"{columns}x{rows}" if rows else f"{columns or network.types[x].shape[-1]}"
        called = _called([network.ops[u] for u in values]) or f"{kind} {len(found) + 1} ({size})"
        name = _free(called, kind, taken)
        taken.add(name)
        found.append(
            Layer(
                name=name,
                kind=kind,
                value=v,
                values=values,
                reads=operands(source)[0] if is_window else x,
                window=x if is_window else None,
                readers=readers,
                outputs=tuple(o.name for o in network.outputs if o.value == v),
                positions=positions,
                rows=rows,
                columns=columns,
            )
        )
    return tuple(found)


def layer_of(network: Network) -> dict[Value, Layer]:
    """Returns the layer of every value that is of one (`Layer.values`)."""
    return {v: layer for layer in layers(network) for v in layer.values}


def find_layer(network: Network, name: str) -> Layer | None:
    """Returns the layer of that name, or with the value `%14` among its own; None if there is none."""
    found = layers(network)
    by_value = {f"%{v}": layer for layer in found for v in layer.values}
    return next((layer for layer in found if layer.name == name), by_value.get(name))


def _begins(network: Network, op: Op) -> bool:
    match op:
        case Sum() | Reduce():
            return True
        case Compare(s=s) | ArgMax(s=s):
            return not isinstance(network.ops[s], Sum)
        case Input() | Bitplanes() | Window() | Gather():
            return False


def _kind(op: Op, positions: tuple[int, ...]) -> tuple[Kind, int, int]:
    """The kind of the layer that an operation begins, its rows and its columns."""
    match op:
        case Sum(weights=weights):
            return ("conv" if positions else "dense"), weights.shape[0], weights.shape[1]
        case Reduce(taps=taps):
            return "pool", 0, taps
        case Compare():
            return "compare", 0, 0
        case _:
            return "argmax", 0, 0


def _called(ops: Sequence[Op]) -> str:
    """What the model calls a layer of these operations, "" where it says nothing."""
    return next(filter(None, [*(op.loc.node for op in ops), *(op.loc.tensor for op in ops)]), "")


def _free(name: str, kind: Kind, taken: set[str]) -> str:
    """The name, or where it is taken the name with the layer's kind, numbered from the second one on."""
    found, k = name, 1
    while found in taken:
        found, k = f"{name} ({kind})" if k == 1 else f"{name} ({kind} {k})", k + 1
    return found
