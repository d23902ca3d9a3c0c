"""One left-to-right loop over the operations that collects every broken rule; each names operation, index and rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from threshc.compiler.diagnostics import CompileError, Diagnostic
from threshc.compiler.encoding import Affine, Step
from threshc.compiler.ir.ops import (
    ONE,
    ArgMax,
    Bitplanes,
    Compare,
    Gather,
    Input,
    Op,
    Output,
    Reduce,
    Sum,
    Window,
    operands,
)
from threshc.compiler.ir.shapes import result_type, window_size
from threshc.compiler.ir.types import Bits, Ints, ValueType

_LIMIT = 2**62  # sums and their differences stay inside int64


def verify(ops: Sequence[Op], outputs: Sequence[Output]) -> tuple[ValueType, ...]:
    """Returns the type of every value. Raises CompileError naming every rule that is broken."""
    problems: list[Diagnostic] = []
    types: list[ValueType | None] = []
    for v, op in enumerate(ops):
        where = f"%{v} = {type(op).__name__}" + (f" from {op.loc.node!r}" if op.loc.node else "")
        bad_ref = [x for x in operands(op) if not 0 <= x < v]
        if bad_ref:
            problems.append(Diagnostic(f"operand %{bad_ref[0]} is not defined before its use", where))
            types.append(None)
            continue
        args = [types[x] for x in operands(op)]
        if any(a is None for a in args):  # already reported where it went wrong
            types.append(None)
            continue
        known = [a for a in args if a is not None]
        broken = [Diagnostic(rule, where) for rule in _rules(v, op, known)]
        problems += broken
        types.append(None if broken else result_type(op, known))
    problems += [Diagnostic(rule, f"output {o.name!r}") for o in outputs for rule in _output_rules(o, types)]
    if not ops:
        problems.append(Diagnostic("the network is empty"))
    if not outputs:
        problems.append(Diagnostic("the network has no output"))
    if len({o.name for o in outputs}) != len(outputs):
        problems.append(Diagnostic("two outputs share a name"))
    if problems:
        raise CompileError(problems)
    return tuple(t for t in types if t is not None)


def _rules(v: int, op: Op, args: Sequence[ValueType]) -> Iterator[str]:
    want: type[ValueType] = Ints if isinstance(op, Bitplanes | Compare | ArgMax) else Bits
    for arg in args:
        if not isinstance(arg, want):
            yield f"operand has type {arg}, {want.__name__} is needed"
            return
    match op:
        case Input():
            yield from _input_rules(v, op)
        case Window():
            yield from _window_rules(op, args[0])
        case Gather():
            size = sum(int(np.prod(a.shape)) for a in args)
            if not args:
                yield "a gather needs an operand"
            elif op.index.ndim not in (1, 3) or op.index.size == 0:
                yield f"index has shape {list(op.index.shape)}, (n,) or (H, W, C) is needed"
            elif op.index.min() < ONE or op.index.max() >= size:
                yield f"index reaches outside the {size} operand bits"
        case Sum():
            yield from _sum_rules(op, args[0])
        case Compare():
            if op.row.ndim != 1 or op.row.shape != op.threshold.shape or op.row.size == 0:
                yield "row and threshold must be (M,) arrays of one length, not empty"
            elif op.row.min() < 0 or op.row.max() >= args[0].shape[-1]:
                yield f"row reaches outside the {args[0].shape[-1]} sums"
        case Reduce():
            if op.kind not in ("or", "and") or op.taps < 1 or args[0].shape[-1] % op.taps:
                yield f"cannot reduce {args[0].shape[-1]} bits over {op.taps} taps by {op.kind!r}"
        case ArgMax():
            if len(args[0].shape) != 1:
                yield f"operand has shape {list(args[0].shape)}, (n,) is needed"
        case Bitplanes():
            pass


def _input_rules(v: int, op: Input) -> Iterator[str]:
    if v != 0:
        yield "the input must be the first operation, and the only one of its kind"
    if len(op.shape) not in (1, 3) or min(op.shape, default=0) < 1:
        yield f"shape {list(op.shape)} is neither (n,) nor (H, W, C) with positive sizes"
    match op.encoding:
        case Affine() as affine:
            yield from _affine_rules(affine, op.shape)
        case Step() as step:
            if step.feature.shape != op.shape or step.threshold.shape != op.shape:
                yield "feature and threshold must have the input's shape"
            elif step.feature.min() < 0 or step.feature.max() >= step.features:
                yield f"feature reaches outside the {step.features} features"
            elif np.isnan(step.threshold).any():
                yield "a threshold is NaN"


def _affine_rules(affine: Affine, shape: tuple[int, ...]) -> Iterator[str]:
    if not -(2**31) <= affine.lo < affine.hi < 2**32:
        yield f"integers {affine.lo}..{affine.hi} are not a range of at most 32 bits"
    for move, numbers in affine.steps:
        with np.errstate(all="ignore"):
            values = np.array(numbers, np.float64).astype(np.float32)
        if not np.isfinite(values).all() or (move != "add" and not values.all()):
            yield f"the step {move} {list(numbers)} leaves no finite number that says which integer it is"
        if len(numbers) not in (1, affine.channels):
            yield f"the step {move} has {len(numbers)} numbers, others have {affine.channels}"
    whole = affine.channels * affine.inner
    if affine.channels > 1 and (whole < 1 or int(np.prod(shape)) % whole):
        yield f"{affine.channels} channels of {affine.inner} features do not divide the shape {list(shape)}"


def _window_rules(op: Window, x: ValueType) -> Iterator[str]:
    if len(x.shape) != 3:
        yield f"operand has shape {list(x.shape)}, (H, W, C) is needed"
    elif min(*op.kernel, *op.stride, *op.dilation) < 1 or min(op.pads) < 0 or op.fill not in (0, 1):
        yield "kernel, stride and dilation must be positive, pads not negative, fill 0 or 1"
    elif min(window_size(op, x.shape[0], x.shape[1])) < 1:
        yield f"the window does not fit into {x.shape[0]} x {x.shape[1]}"


def _sum_rules(op: Sum, x: ValueType) -> Iterator[str]:
    w, b = op.weights, op.bias
    if w.ndim != 2 or w.dtype.kind != "i" or b.dtype != np.int64 or b.shape != w.shape[:1] or not len(b):
        yield "weights must be (R, C) signed integers and bias (R,) int64, R > 0"
    elif w.shape[1] != x.shape[-1]:
        yield f"weights have {w.shape[1]} columns for {x.shape[-1]} bits"
    elif (np.abs(w.astype(np.float64)).sum(axis=1) + np.abs(b.astype(np.float64))).max() >= _LIMIT:
        yield "the sum of |weights| and |bias| of a row does not fit 62 bits"


def _output_rules(o: Output, types: Sequence[ValueType | None]) -> Iterator[str]:
    if not 0 <= o.value < len(types):
        yield f"value %{o.value} does not exist"
        return
    t = types[o.value]
    if t is None:
        return
    if isinstance(t, Bits) != (o.kind == "bits"):
        yield f"an output of kind {o.kind!r} cannot have type {t}"
    if o.order_only and o.kind != "scores":
        yield "only scores can have an order and no more"
    if o.kind == "class" and t.shape != (1,):
        yield "a class output is a single integer"
    if o.scale.shape != o.offset.shape or o.scale.shape not in ((), (t.shape[-1],)):
        yield "scale and offset must be scalars or one number per element of the last axis"
