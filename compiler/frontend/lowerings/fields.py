"""Tensors as sums of bits, each channel in its own unit: what additions join, and windows over a Concat slide over."""

from __future__ import annotations

from dataclasses import replace
from math import lcm

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.coding import Coded
from threshc.compiler.frontend.context import Context
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.levels import MAX_STEPS, NotAStep
from threshc.compiler.frontend.lowerings.dense import binary_input
from threshc.compiler.frontend.maps import bit_map
from threshc.compiler.frontend.rows import even_rows
from threshc.compiler.frontend.sum_map import SumMap, common_unit, in_own_units, is_plain, map_of_bits, map_of_sums
from threshc.compiler.frontend.symbolic import MOVES, Expr, Joined, Sums
from threshc.compiler.ir.ops import Gather, Loc, Value


def own_field(context: Context, node: Node, x: Expr) -> SumMap:
    """Returns a tensor as sums of bits, each channel in its own unit; features are channels of a single place."""
    shape = x.shape if len(x.shape) in (3, 4) and x.shape[0] == 1 else (1, x.src.size, 1, 1)
    if is_plain(x):
        assert isinstance(x.leaf.source, Sums)
        return map_of_sums(context.builder, x, in_own_units(x.leaf.source), shape, node.where)
    coded = replace(_few_values(context, node, x), shape=shape)
    field = bit_map(context.builder, coded, node.where, own_units=True)
    return map_of_bits(field, np.zeros(len(field.base)))


def _few_values(context: Context, node: Node, x: Expr) -> Coded:
    """An activation, or any function of a sum that takes few values, as thermometer bits."""
    if x.stepped or x.leaf.is_input:
        return binary_input(context, node, x)
    try:
        return context.code(x)
    except NotAStep as error:
        between = ", ".join(dict.fromkeys(n.op for n in x.trail if n.op not in MOVES))
        raise fail(
            "a tensor that is added is neither an integer sum nor an activation",
            where=f"{node.where}, tensor {x.tensor!r}",
            why=f"a real-valued shortcut: behind {between or 'its sum'} it takes more than {MAX_STEPS + 1} values, "
            "so that each element of the result would depend on two sums through two float functions",
            hint="put a quantizer or a sign on both branches before they are added, of one scale, as Brevitas does; or "
            "add the plain outputs of the layers before BatchNormalization",
        ) from error


def joined_bits(context: Context, fields: list[SumMap], loc: Loc) -> Value:
    """Returns the bits of several maps of one size side by side at every place."""
    sizes = [(*f.size, f.width) for f in fields]
    starts = np.cumsum([0] + [int(np.prod(s)) for s in sizes]).tolist()
    index = [np.arange(int(np.prod(s))).reshape(s) + at for s, at in zip(sizes, starts, strict=False)]
    return context.builder.add(Gather(tuple(f.bits for f in fields), np.concatenate(index, axis=-1), loc))


def concatenated(context: Context, node: Node, x: Expr) -> SumMap | None:
    """Maps that were concatenated before any step, plain sums and activations, in one unit; None where none is."""
    fields = _fields(context, node, x)
    if fields is None or x.sample.dtype != np.float32:
        return None
    over = lcm(*(f.over for f in fields))
    units = np.concatenate([f.unit * (over // f.over) for f in fields])
    nothing = np.concatenate([~f.weights.any(axis=1) & (f.base == 0) for f in fields])
    units[nothing] = units[~nothing][:1] if not nothing.all() else 1.0
    found = common_unit(units)
    if found is None:
        return None
    starts = np.cumsum([0] + [f.width for f in fields]).tolist()
    columns = [row for f, start in zip(fields, starts, strict=False) for row in f.column + start]
    weights = [row * k for row, k in zip((r for f in fields for r in f.weights), found[0], strict=True)]
    even, column = even_rows(columns, weights, starts[-1])
    base, shift, blur = (np.concatenate([getattr(f, what) for f in fields]) for what in ("base", "shift", "blur"))
    bits = joined_bits(context, fields, Loc("", x.tensor))
    unit = np.full(len(units), found[1])
    return SumMap(bits, fields[0].size, even, column, starts[-1], base * found[0], shift, unit, blur, over)


def parts_of_channels(x: Expr) -> list[Expr] | None:
    """Returns the tensors that were concatenated over channels before any step; None for anything else."""
    if not isinstance(x.leaf.source, Joined) or x.node is None or x.node.op != "Concat" or x.shape[0] != 1:
        return None
    if len(x.shape) not in (3, 4) or int(x.node.attrs["axis"]) % len(x.shape) != 1:
        return None
    parts = [a.part.expr if a.part is not None else a for a in x.args if isinstance(a, Expr)]
    return parts if len(parts) == len(x.args) else None


def _fields(context: Context, node: Node, x: Expr) -> list[SumMap] | None:
    """The maps of a Concat over channels, those of Concats among them; None for anything else."""
    parts = parts_of_channels(x)
    if parts is None:
        return None
    fields: list[SumMap] = []
    for own in parts:
        if is_plain(own) or own.stepped:
            fields.append(own_field(context, node, own))
            continue
        inner = _fields(context, node, own)
        if inner is None:
            return None
        fields += inner
    return fields
