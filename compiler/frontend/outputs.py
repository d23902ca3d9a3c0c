"""Graph outputs to network outputs: bits, or integer scores and the class index."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.frontend.builder import smallest_dtype
from threshc.compiler.frontend.context import ClassIndex, Context, Known, Softmaxed, TopIndices
from threshc.compiler.frontend.exact_head import exact_head
from threshc.compiler.frontend.heads import SPAN_LIMIT, Head, find_head, span
from threshc.compiler.frontend.levels import NotAStep, find_levels
from threshc.compiler.frontend.rows import LARGEST, full, want_size
from threshc.compiler.frontend.sums import coded_sums
from threshc.compiler.frontend.symbolic import Expr, Sums, Thermometer, leaf_expr
from threshc.compiler.frontend.thresholds import gathered
from threshc.compiler.ir.ops import ZERO, ArgMax, Loc, Output, Sum


@dataclass(slots=True, eq=False)
class Outputs:
    """The outputs made so far; scores and classes of one expression are made once. exact: scores keep the model's
    margins, not their order alone."""

    context: Context
    exact: bool = False
    made: list[Output] = field(default_factory=list)
    _scores: dict[int, tuple[Expr, Output]] = field(default_factory=dict)

    def add(self, tensor: str, known: Known) -> None:
        """Append what a graph output asks for. A classifier gets its scores and its class, whichever it ends in."""
        match known:
            case ClassIndex(scores=expr) if expr.src.size == 1:
                raise fail(
                    "an output of the model does not depend on its input",
                    where=f"tensor {tensor!r}",
                    why="the class among one score is always 0",
                    hint="end the model at the score",
                )
            case ClassIndex(scores=expr):
                scores = self._make_scores(f"{tensor}.scores", expr)
                self._make_class(tensor, expr, scores)
            case TopIndices(scores=expr):
                self._make_class(f"{tensor}.class", expr, self._make_scores(f"{tensor}.scores", expr))
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
        """All outputs, each under its own name."""
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
        linear = expr.leaf.source
        if not isinstance(linear, Sums):
            hint = "end the model at the scores, or at a step"
            raise fail("an output of the model follows no weighted sum", where=f"tensor {name!r}", hint=hint)
        if linear.places != 1:
            raise fail(
                "scores at every place of a map are not supported",
                where=f"tensor {name!r}",
                hint="end the model at a step, at globally pooled scores, or at a dense layer",
            )
        head = self._head(expr)
        row = expr.src.ravel()
        picked = None if linear.column is None else linear.column[row]
        want_size(len(row) * linear.width, f"tensor {name!r}")
        weights = full(linear.weights[row], picked, linear.width, f"tensor {name!r}")
        weights = (head.factor * linear.step[row])[:, None] * weights
        bias = head.factor * linear.base[row] + head.offset
        loc = Loc(expr.trail[-1].name if expr.trail else "", expr.tensor)
        value = self.context.builder.add(Sum(linear.bits, smallest_dtype(weights), bias, loc))
        output = Output(name, value, "scores", head.scale, head.shift, head.order_only)
        self._scores[id(expr)] = (expr, output)
        self.made.append(output)
        return output

    def _head(self, expr: Expr) -> Head:
        if not self.exact:
            return find_head(expr) if span(expr) <= SPAN_LIMIT else exact_head(expr)
        try:
            return exact_head(expr)
        except CompileError as error:
            d = error.diagnostics[0]
            hint, why = "leave --scores exact away for scores in the same order", d.why or d.what
            raise fail("the margins of the scores cannot be kept", where=d.where, why=why, hint=hint) from None

    def _make_class(self, name: str, expr: Expr, scores: Output) -> None:
        if expr.src.size == 1:
            return  # a single score names no class
        value = self.context.builder.add(ArgMax(scores.value, Loc("", name)))
        self.made.append(Output(name, value, "class", np.ones(()), np.zeros(())))

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
        coded = self.context.code(expr)
        if coded.count.max() == 1:
            top = coded.table[np.arange(len(coded.count)), coded.count].astype(np.float64)
            bottom = coded.table[:, 0].astype(np.float64)
            with np.errstate(invalid="ignore"):  # levels can be infinite
                joined = bottom + (top - bottom) == top
            if not joined.all():
                raise fail(
                    "the two values of a step differ too much in size",
                    where=f"tensor {name!r}",
                    why="a bit stands for one value plus the distance to the other, which float64 does not hold",
                    hint="let the step end in 0 and 1, or -1 and 1",
                )
            index = np.where(coded.count > 0, coded.index[:, 0], ZERO)
            shape = self.context.builder.shape(coded.bits)
            value = gathered(self.context.builder, coded.bits, index, shape, Loc("", name))
            self.made.append(Output(name, value, "bits", top - bottom, bottom))
            return
        shape = (1, len(coded.count))
        exact = np.float32 if coded.table.dtype == np.float32 else np.float64
        levels = coded_sums(self.context.builder, coded, np.eye(len(coded.count), dtype=exact), shape, name, name)
        whole = leaf_expr(levels)
        self._make_class(f"{name}.class", whole, self._make_scores(name, whole))


def _is_stepped(expr: Expr) -> bool:
    return (expr.stepped and not expr.leaf.is_input) or isinstance(expr.leaf.source, Thermometer)
