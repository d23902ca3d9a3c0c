"""What the front end knows about a tensor that depends on the input: each element is a float function of one integer.

A `Leaf` is a tensor of exact integers (sums over bits, or the input's own integers). An `Expr` is what the model
computes from a leaf, element by element, recorded as the model's own nodes so that it can be evaluated at any integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind
from threshc.compiler.frontend.overflow import cannot_wrap
from threshc.compiler.frontend.refusals import two_sums_meet
from threshc.compiler.ir.ops import Value

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Features:
    """The model's input. encoded: its integers are known; otherwise integers stand for the float32 numbers in order."""

    encoded: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """R exact sums u_r = weights[r] . bits[column[r]] at each of P places, and the real dot products they stand for:
    unit[r] * (step[r] * u_r + base[r]) / over + shift[r].

    bits: IR value of Bits (.., width), one row of bits per place; weights (R, K) int64 without a common divisor per row
    and their columns (R, K), see `rows`; step, base (R,) int64; unit, shift (R,) float64. Element r * P + p of the leaf
    is sum r at place p. blur (R,): how far one rounding of a number that it adds takes the model's own sum from this
    one; None: nothing was rounded. pooled: whether they are counts or means of a pool.
    """

    bits: Value
    weights: IntArray
    step: IntArray
    base: IntArray
    unit: NDArray[np.float64]
    shift: NDArray[np.float64]
    column: IntArray | None
    width: int
    over: int = 1
    places: int = 1
    blur: NDArray[np.float64] | None = None
    pooled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """The largest sign[r] * u_r under a sliding window of the places of sums (max pooling before the step).

    map_size (H, W) of the sums; kernel, stride, dilation (h, w); pads (top, left, bottom, right).
    """

    sums: Leaf
    sign: IntArray
    map_size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    dilation: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Thermometer:
    """Tensors that are bits already (pooled or concatenated activations): the integer of element e is how many of the
    bits index[e, :hi[e]] of the IR value `bits` (flattened) are set; they are set from the first on."""

    bits: Value
    index: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Several leaves end to end, each flattened: tensors side by side before their step."""

    parts: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A tensor of integers: element e takes any value of lo[e]..hi[e] (int64, shaped like the tensor).

    real: integers of the leaf's shape to the float32 tensor that the model computes with. source: where they come from.
    beside: where the model rounds what it sums, the tensor one such rounding below (-1) or above (+1).
    """

    name: str
    shape: tuple[int, ...]
    lo: IntArray
    hi: IntArray
    real: Callable[[IntArray], Array]
    source: Features | Sums | Pooled | Thermometer | Joined
    beside: Callable[[IntArray, int], Array] | None = None

    @property
    def is_input(self) -> bool:
        """Whether its integers are those of the model's input."""
        return isinstance(self.source, Features)


@dataclass(frozen=True, slots=True, eq=False)
class Expr:
    """A tensor whose element e is a function of leaf element src[e].

    direction[e]: +1 when it never falls as the integer rises, -1 never rises, 0 not known. stepped: a step lies on the
    way, so that few levels are to be expected. sample, top: the tensor at the least and at the greatest integers; the
    sample fixes its dtype.
    args: expressions of the same leaf, or constants; none for the leaf itself. part: for a tensor of one of several
    leaves that were joined, the tensor over its own leaf.
    """

    leaf: Leaf
    tensor: str
    src: IntArray
    direction: NDArray[np.int8]
    stepped: bool
    sample: Array
    top: Array
    node: Node | None = None
    kernel: Kernel | None = None
    args: tuple[Expr | Array | None, ...] = ()
    result: int = 0
    trail: tuple[Node, ...] = field(default=())
    part: Part | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the tensor, one sample at a time."""
        return self.src.shape


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A tensor whose own leaf stands in a joined leaf, from element `start` on."""

    expr: Expr
    start: int


def leaf_expr(leaf: Leaf) -> Expr:
    """Returns the leaf itself as an expression."""
    size = int(np.prod(leaf.shape))
    src, rises = np.arange(size).reshape(leaf.shape), np.ones(leaf.shape, np.int8)
    return Expr(leaf, leaf.name, src, rises, False, leaf.real(leaf.lo), leaf.real(leaf.hi))


MOST_OPERATORS = 200
"""Operators between two layers."""
MOST_ELEMENTS = 1 << 22
"""Elements of a tensor of one sample."""
STEPS = {
    *("Sign", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Round", "Floor", "Ceil", "QuantizeLinear"),
    *("BipolarQuant", "Quant", "IntQuant", "MultiThreshold", "Binarizer", "Trunc", "QLinearMatMul", "QLinearConv"),
    *("IsNaN", "IsInf"),
}


MOVES = {
    *("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Dropout", "Concat", "Split", "Slice"),
    *("Gather", "Pad", "Expand", "Tile", "Resize", "Upsample", "DepthToSpace", "SpaceToDepth", "Im2Col"),
}


def want_bounded(node: Node, exprs: Sequence[Expr]) -> None:
    """Raises CompileError before an operator whose chain since the last layer, or whose elements, are out of bounds.

    Chains are evaluated operator by operator, within Python's stack, and time and memory grow with every element.
    """
    if max(len(e.trail) for e in exprs) >= MOST_OPERATORS:
        raise fail(
            f"more than {MOST_OPERATORS} operators follow one another without a layer",
            where=node.where,
            hint="simplify the model before it is exported, or with onnxsim",
        )
    size = sum(e.src.size for e in exprs)
    if node.op == "Concat" and size > MOST_ELEMENTS:
        why = f"at most {MOST_ELEMENTS:,} are taken"
        raise fail(f"a tensor has {size:,} elements", where=node.where, why=why, hint="use a smaller model")


def apply(node: Node, kernel: Kernel, args: Sequence[Expr | Array | None], tensor: str) -> Expr:
    """Returns the expression of a node's first output. Symbolic arguments share one leaf.

    Raises CompileError when elements of different places meet, or when the operator does not fit its arguments.
    """
    exprs = [a for a in args if isinstance(a, Expr)]
    want_bounded(node, exprs)
    first = exprs[0]
    if any(e.leaf is not first.leaf for e in exprs):
        ways = [(e.leaf.name, e.stepped, [n.op for n in e.trail]) for e in exprs]
        raise CompileError(two_sums_meet(node, ways))
    shapes = [a.shape if isinstance(a, Expr) else np.shape(a) for a in args if a is not None]
    if kernel.kind is Kind.STRUCTURE:
        if len(exprs) > 1 or exprs[0] is not args[0]:
            raise ValueError("where it takes its elements from depends on the model's input")
        moved = [kernel.compute(node, [_pick(a, f) for a in args])[0] for f in (lambda e: e.src, lambda e: e.direction)]
        src, direction = moved[0], moved[1].astype(np.int8)
    else:
        channelwise = kernel.kind is Kind.CHANNELWISE
        shape = shapes[0] if channelwise else tuple(np.broadcast_shapes(*shapes))
        srcs = [np.broadcast_to(e.src, shape) for e in exprs]
        if any((s != srcs[0]).any() for s in srcs):
            raise fail(
                "values of different places meet before a step",
                where=node.where,
                why="an element of the result depends on several sums",
                hint="put a step before the operator",
            )
        src, direction = srcs[0].copy(), _direction(node, kernel, args, shape)
    steps = any(e.stepped for e in exprs) or node.op in STEPS
    trail = (*max((e.trail for e in exprs), key=len), node)
    ends = [
        [a.sample if isinstance(a, Expr) else a for a in args],
        [a.top if isinstance(a, Expr) else a for a in args],
    ]
    with np.errstate(all="ignore"):
        sample, top = (np.asarray(kernel.compute(node, end)[0]) for end in ends)
    if not src.size:
        raise ValueError("the result has no elements")
    if np.shape(sample) != src.shape:
        raise ValueError(f"inputs of shapes {', '.join(str(list(s)) for s in shapes)} give {list(np.shape(sample))}")
    proved = cannot_wrap(node, kernel, ends, (sample, top)) & ~(_nan(sample) | _nan(top))
    direction = np.where(proved, direction, 0).astype(np.int8)
    steps = steps or sample.dtype == np.bool_  # as behind a Cast to bool
    return Expr(first.leaf, tensor, src, direction, steps, sample, top, node, kernel, tuple(args), 0, trail)


def _nan(values: Array) -> NDArray[np.bool_]:
    """Elements that are not numbers: a comparison with one is False, whatever it is compared with, so that a tail that
    never falls among numbers (Sqrt, which ends below 0) is monotone no more."""
    return np.asarray(values != values, bool)


def _pick(a: Expr | Array | None, what: Callable[[Expr], Array]) -> Array | None:
    return what(a) if isinstance(a, Expr) else a


def _direction(
    node: Node, kernel: Kernel, args: Sequence[Expr | Array | None], shape: tuple[int, ...]
) -> NDArray[np.int8]:
    known = [None if isinstance(a, Expr) else a for a in args]
    parts = [
        np.broadcast_to(np.asarray(kernel.direction(node, known, k, shape)) * a.direction, shape)
        for k, a in enumerate(args)
        if isinstance(a, Expr)
    ]
    agree = np.all([p == parts[0] for p in parts], axis=0)
    return np.where(agree, parts[0], 0).astype(np.int8)


def evaluate(expr: Expr, integers: IntArray, memo: dict[int, Array] | None = None, beside: int = 0) -> Array:
    """Returns the model's own float32 values for leaf integers (leaf shape): the law, applied to candidates.

    beside: -1 or +1 for the leaf's sums one rounding below or above, where the model rounds what it sums.
    """
    memo = {} if memo is None else memo
    found = memo.get(id(expr))
    if found is not None:
        return found
    if expr.part is not None:
        own = expr.part.expr
        mine = integers.ravel()[expr.part.start : expr.part.start + own.leaf.lo.size]
        value = evaluate(own, mine.reshape(own.leaf.shape), None, beside)  # one leaf can be several parts
    elif expr.node is None or expr.kernel is None:
        leaf = expr.leaf
        value = leaf.beside(integers, beside) if beside and leaf.beside is not None else leaf.real(integers)
    else:
        args = [evaluate(a, integers, memo, beside) if isinstance(a, Expr) else a for a in expr.args]
        with np.errstate(all="ignore"):  # overflow to inf is the model's own arithmetic; NaN is checked by the caller
            value = expr.kernel.compute(expr.node, args)[expr.result]
    memo[id(expr)] = value
    return value
