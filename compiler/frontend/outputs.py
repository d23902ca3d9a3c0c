"""Graph outputs to network outputs: bits, or integer scores and the class index."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from threshc.compiler.diagnostics import CompileError, fail, option
from threshc.compiler.frontend.affine_tail import is_affine
from threshc.compiler.frontend.builder import smallest_dtype
from threshc.compiler.frontend.context import ClassIndex, Context, Known, Softmaxed, TopIndices
from threshc.compiler.frontend.exact_head import exact_head
from threshc.compiler.frontend.heads import SPAN_LIMIT, Floats, Head, find_head, narrow_type, span
from threshc.compiler.frontend.levels import NotAStep, find_levels
from threshc.compiler.frontend.ranked import MOST_BITS, PER_SCORE, bits_of_two, level_scores, ranked_scores
from threshc.compiler.frontend.real_order import Rounded, real_order
from threshc.compiler.frontend.rows import LARGEST, full, want_size
from threshc.compiler.frontend.symbolic import Expr, IntArray, Sums, Thermometer
from threshc.compiler.frontend.thresholds import gathered
from threshc.compiler.ir.ops import ZERO, ArgMax, Loc, Output, Sum, Value


@dataclass(slots=True, eq=False)
class Outputs:
    """The outputs made so far; scores and classes of one expression are made once. exact: scores keep the model's
    margins, not their order alone. rounded: where the order is that of real numbers."""

    context: Context
    exact: bool = False
    made: list[Output] = field(default_factory=list)
    rounded: list[Rounded] = field(default_factory=list)
    _scores: dict[int, tuple[Expr, Output]] = field(default_factory=dict)

    def add(self, tensor: str, known: Known) -> None:
        """Appends what a graph output asks for. A classifier gets its scores and its class, whichever it ends in."""
        match known:
            case ClassIndex(scores=expr) if expr.src.size == 1:
                raise fail(
                    "an output of the model does not depend on its input",
                    where=f"tensor {tensor!r}",
                    why="the class among one score is always 0",
                    hint="end the model at the score",
                )
            case ClassIndex(scores=expr, first=first):
                scores = self._make_scores(f"{tensor}.scores", expr)
                self._make_class(tensor, expr, scores, first)
            case TopIndices(scores=expr, k=k):
                self._make_class(f"{tensor}.first_of_{k}", expr, self._make_scores(f"{tensor}.scores", expr))
            case Softmaxed(scores=expr):
                self._make_class(f"{tensor}.class", expr, self._make_scores(tensor, expr))
            case Expr() as expr if _is_stepped(expr):
                self._make_steps(tensor, expr)
            case Expr() as expr:
                self._make_class(f"{tensor}.class", expr, self._make_scores(tensor, expr))
            case _:
                raise fail(
                    "an output of the model does not depend on its input",
                    where=f"tensor {tensor!r}",
                    hint="remove it from the outputs",
                )

    def finish(self) -> tuple[Output, ...]:
        """Returns all outputs, each under its own name."""
        unique: dict[str, Output] = {}
        for o in self.made:
            name = o.name
            while name in unique:
                name += "_"
            unique[name] = Output(name, o.value, o.kind, o.scale, o.offset, o.order_only)
        return tuple(unique.values())

    def _make_scores(self, name: str, expr: Expr) -> Output:
        if id(expr) in self._scores:
            return self._scores[id(expr)][1]
        whole, head = self._ordered(name, expr)
        linear = whole.leaf.source
        assert isinstance(linear, Sums)
        row = whole.src.ravel()
        picked = None if linear.column is None else linear.column[row]
        want_size(len(row) * linear.width, f"tensor {name!r}")
        if head.weights is None:
            weights = (head.factor * linear.step[row])[:, None] * linear.weights[row]
            bias = head.factor * linear.base[row] + head.offset
        else:
            weights, bias = head.weights, head.offset
        weights = full(weights, picked, linear.width, f"tensor {name!r}")
        loc = Loc(expr.trail[-1].name if expr.trail else "", expr.tensor)
        value = self.context.builder.add(Sum(linear.bits, smallest_dtype(weights), bias, loc))
        output = Output(name, value, "scores", head.scale, head.shift, head.order_only)
        self._scores[id(expr)] = (expr, output)
        self.made.append(output)
        return output

    def _ordered(self, name: str, expr: Expr) -> tuple[Expr, Head]:
        """The scores as functions of sums at one place, and the integers in their order."""
        if _is_stepped(expr):
            try:
                whole = level_scores(self.context, expr, name)
                return whole, self._head(name, whole)[1]
            except NotAStep:
                pass  # a step lies on the way, as in Where(x > 0, x, 0), but the scores are numbers
            except CompileError:  # its values have no common unit
                return ranked_scores(self.context, expr, name)
        if not isinstance(expr.leaf.source, Sums):
            hint = "end the model at the scores, or at a step"
            raise fail("an output of the model follows no weighted sum", where=f"tensor {name!r}", hint=hint)
        if expr.leaf.source.places != 1:
            raise fail(
                "scores at every place of a map are not supported",
                where=f"tensor {name!r}",
                hint="end the model at a step, at globally pooled scores, or at a dense layer",
            )
        return self._head(name, expr)

    def _head(self, name: str, expr: Expr) -> tuple[Expr, Head]:
        """First the order of the model's own rounded numbers, then that of the real numbers behind scales and biases,
        then that of the values themselves where they are few."""
        if self.exact:
            return expr, self._exact(expr)
        if span(expr) <= SPAN_LIMIT:
            head = find_head(expr)
            if head is not None:
                return expr, head
        narrow = narrow_type(expr)
        if narrow:
            raise fail(
                "the model's outputs cannot be ordered by integer scores",
                where=f"tensor {expr.tensor!r}",
                why=f"no affine function of the last sums with 40 bits has the order of the {narrow} outputs",
                hint=f"{narrow} rounds different outputs to the same: export what follows the sums in float32",
            )
        if not is_affine(expr) and (span(expr) <= SPAN_LIMIT or expr.direction.all()):
            try:
                return ranked_scores(self.context, expr, name)
            except NotAStep:
                pass  # its order can still be that of the real numbers
        head, rounded = real_order(expr, name)
        self.rounded += [] if rounded is None else [rounded]
        return expr, head

    def _exact(self, expr: Expr) -> Head:
        try:
            return exact_head(expr)
        except CompileError as error:
            d = error.diagnostics[0]
            hint, why = f"omit {option('scores', 'exact')} for scores in the same order", d.why or d.what
            raise fail("the margins of the scores cannot be kept", where=d.where, why=why, hint=hint) from None

    def _make_class(self, name: str, expr: Expr, scores: Output, first: int = 0) -> None:
        if expr.src.size == 1:
            return  # a single score names no class
        value = self.context.builder.add(ArgMax(scores.value, Loc("", name)))
        self.made.append(Output(name, value, "class", np.ones(()), np.full((), float(first))))

    def _want_few(self, name: str, expr: Expr) -> None:
        """Refuse outputs of so many numbers of several bits that their weights, a dense identity, fill the memory."""
        count = int(expr.src.size)
        if count**2 <= LARGEST:
            return
        try:
            find_levels(expr, 1)  # the first level is quickly found; all 255 of a map of numbers would take minutes
        except NotAStep:
            raise fail(
                "an output of so many numbers of several bits is not supported",
                where=f"tensor {name!r}",
                why=f"its {count:,} numbers become sums of {count:,} x {count:,} weights, "
                f"{8 * count**2 / 2**30:,.1f} GiB; {LARGEST:,} weights are the limit",
                hint="end the model at a one-bit step (Sign, a comparison), at pooled scores, or at a dense layer",
            ) from None

    def _make_steps(self, name: str, expr: Expr) -> None:
        self._want_few(name, expr)
        try:
            coded = self.context.code(expr, PER_SCORE, MOST_BITS)
        except NotAStep:
            self._make_class(f"{name}.class", expr, self._make_scores(name, expr))
            return
        if coded.count.max() == 1:
            top = coded.table[np.arange(len(coded.count)), coded.count].astype(np.float64)
            bottom = coded.table[:, 0].astype(np.float64)
            bits, index = coded.bits, np.where(coded.count > 0, coded.index[:, 0], ZERO)
            self._put_bits(name, bits, index, bottom, top)
            return
        folded = bits_of_two(self.context, coded, name)
        if folded is not None:
            self._put_bits(name, *folded)
            return
        self._make_class(f"{name}.class", expr, self._make_scores(name, expr))

    def _put_bits(self, name: str, bits: Value, index: IntArray, bottom: Floats, top: Floats) -> None:
        with np.errstate(invalid="ignore"):  # levels can be infinite
            joined = bottom + (top - bottom) == top
        if not joined.all():
            raise fail(
                "the two values of a step differ too much in size",
                where=f"tensor {name!r}",
                why="a bit stands for one value plus the distance to the other, which float64 does not hold",
                hint="let the step end in 0 and 1, or -1 and 1",
            )
        shape = self.context.builder.shape(bits)
        value = gathered(self.context.builder, bits, index, shape, Loc("", name))
        self.made.append(Output(name, value, "bits", top - bottom, bottom))


def _is_stepped(expr: Expr) -> bool:
    return (expr.stepped and not expr.leaf.is_input) or isinstance(expr.leaf.source, Thermometer)
