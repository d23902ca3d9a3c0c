"""Whether a model keeps the samples of a batch apart: what it makes of one does not depend on those beside it.

The lowering reads a model with one sample. Here the same graph is followed with several: where the elements of every
tensor lie, and what each operator makes of them. Operators that move elements are run on their numbers, those that
work element by element are compared place by place, and all others are run on random numbers of the samples together
and apart. A model that cannot be run with several samples (a Reshape to [1, 64] before a layer) is one of one sample.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.diagnostics import CompileError, fail
from threshc.compiler.encoding import Affine
from threshc.compiler.frontend.batch_tensors import Spread, axes_of, batch_size, nearly_equal, places_of, random_numbers
from threshc.compiler.frontend.folding import fold_by_onnx
from threshc.compiler.frontend.graph import Graph, Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, find_kernel
from threshc.compiler.frontend.model_input import read_input

_CANNOT_RUN = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, CompileError)
_DRAWS, _MANY = 16, 64
"""How often operators with results of up to so many elements are tried."""
_MOVES = ("Concat", "Split")
"""Operators that move elements beside those of Kind.STRUCTURE."""

_BY_SAMPLE = {
    *("Conv", "ConvInteger", "QLinearConv", "BatchNormalization", "MaxPool", "AveragePool"),
    *("GlobalMaxPool", "GlobalAveragePool"),
}
"""Operators whose first axis is that of the samples, each for itself, by their definition."""


class _OneSampleError(Exception):
    """The model cannot be run with several samples."""


def open_batch(graph: Graph) -> bool:
    """Returns whether a model takes several samples at a time: any number, or one that is not 1."""
    return any(len(info.shape) > 1 and info.shape[0] != 1 for info in graph.inputs.values())


def want_apart(graph: Graph, encoding: Affine | None) -> None:
    """Raises CompileError, with the operator, for a model of any number of samples that mixes them.

    graph: one that has been lowered. A model whose input states one sample, or no axis of samples, cannot mix any.
    """
    if not open_batch(graph):
        return
    ((name, info),) = graph.inputs.items()
    shape = read_input(graph, encoding).shape
    random = np.random.default_rng(0)
    one: dict[str, Array] = {**graph.constants, name: random_numbers(random, shape, np.dtype(info.dtype))}
    moving = {name}
    for node in graph.nodes:
        if moving.intersection(node.inputs):
            moving.update(node.outputs)
        try:
            made = _run(node, [one[t] if t else None for t in node.inputs])
        except _CANNOT_RUN as error:
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise fail("an operator cannot be run", where=node.where, why=why, hint="export the model again") from error
        one.update(zip(node.outputs, made, strict=False))
    n = info.shape[0] or batch_size(one[t] for t in one if t not in moving or one[t].dtype == np.int64)
    try:
        _Batch(graph, n, one, random).walk()
    except _OneSampleError:
        return


class _Batch:
    """The walk over a graph with n samples. one: every tensor of a single one, made of random numbers."""

    def __init__(self, graph: Graph, n: int, one: dict[str, Array], random: np.random.Generator) -> None:
        self.graph, self.n, self.one, self.random = graph, n, one, random
        self.known: dict[str, Array | Spread] = dict(graph.constants)
        for name in graph.inputs:
            shape = one[name].shape
            self.known[name] = Spread((n, *shape[1:]), -len(shape))

    def walk(self) -> None:
        for node in self.graph.nodes:
            args = [self.known[t] if t else None for t in node.inputs]
            self.known.update(zip(node.outputs, self._visit(node, args), strict=False))
        makers = {t: node.where for node in self.graph.nodes for t in node.outputs}
        for tensor in self.graph.outputs:
            value = self.known[tensor]
            if not isinstance(value, Spread):
                continue
            places = np.arange(self.one[tensor].size * self.n)
            if (found := places_of(value, self.one[tensor].shape, self.n).ravel()).size != places.size:
                raise _mixed(makers[tensor], self.n, "an output has not as many elements as the samples have")
            if (found != places).any():
                raise _mixed(makers[tensor], self.n, "the elements of one sample do not lie together in an output")

    def _visit(self, node: Node, args: Sequence[Array | Spread | None]) -> Sequence[Array | Spread]:
        kernel = find_kernel(node)
        if not any(isinstance(a, Spread) for a in args):
            made = self._together(node, [a if isinstance(a, np.ndarray | np.generic) else None for a in args])
            return [self._constant(t, m) for t, m in zip(node.outputs, made, strict=False)]
        assert kernel is not None  # else the lowering would have refused it
        if kernel.kind is Kind.SHAPE:
            zeros = [np.broadcast_to(np.float32(0), a.shape) if isinstance(a, Spread) else a for a in args]
            return self._together(node, zeros)
        if kernel.kind is Kind.STRUCTURE or node.op in _MOVES:
            return self._moved(node, args)
        if kernel.kind is Kind.ELEMENTWISE:
            return [self._elementwise(node, args)] * len(node.outputs)
        first, alone = args[0], not any(isinstance(a, Spread) for a in args[1:])
        if node.op in _BY_SAMPLE and alone and isinstance(first, Spread) and first.axis == -len(first.shape):
            return [Spread((self.n, *self.one[t].shape[1:]), first.axis) for t in node.outputs if t]
        return self._compared(node, args)

    def _together(self, node: Node, args: Sequence[Array | None]) -> list[Array]:
        """An operator on all samples. One that does not fit them makes the model one of a single sample."""
        try:
            return _run(node, args)
        except _CANNOT_RUN as error:
            raise _OneSampleError from error

    def _constant(self, tensor: str, made: Array) -> Array | Spread:
        """A constant; one that is repeated for every sample (Expand) belongs to them."""
        one = self.one[tensor]
        axes = (x for x in axes_of(made.shape, one.shape, self.n) if (made == np.concatenate([one] * self.n, x)).all())
        axis = next(axes, None)
        return made if axis is None else Spread(made.shape, axis)

    def _moved(self, node: Node, args: Sequence[Array | Spread | None]) -> list[Array | Spread]:
        """An operator that moves elements, run on their numbers: those of input k behind those of the inputs before."""
        single: list[Array | None] = []
        several: list[Array | None] = []
        sizes: list[int] = []
        total = sum(self.one[t].size for k, t in enumerate(node.inputs) if t and self._is_data(node, k))
        for k, (name, a) in enumerate(zip(node.inputs, args, strict=True)):
            if not name or not self._is_data(node, k):
                single.append(self.one[name] if name else None)
                several.append(None if a is None or isinstance(a, Spread) else np.asarray(a))
                if isinstance(a, Spread):
                    raise _mixed(node.where, self.n, f"input {k} says for each of them which elements it takes")
                continue
            mine, start = self.one[name], sum(sizes)
            sizes.append(mine.size)
            numbers = np.arange(start, start + mine.size).reshape(mine.shape)
            single.append(numbers)
            if isinstance(a, Spread):
                places = places_of(a, mine.shape, self.n)
                several.append(places // max(mine.size, 1) * total + places % max(mine.size, 1) + start)
            elif a is not None:  # where it does not fit beside all samples, it stands for one of them
                several.append(np.full(a.shape, -1))
        made, apart = self._together(node, several), _run(node, single)
        return [self._placed(node, t, m, a, total) for t, m, a in zip(node.outputs, made, apart, strict=False)]

    def _is_data(self, node: Node, k: int) -> bool:
        return k == 0 or node.op == "Concat"

    def _placed(self, node: Node, tensor: str, made: Array, apart: Array, total: int) -> Spread:
        """made, apart: the numbers of the elements that an operator takes, of all samples and of one."""
        for axis in axes_of(made.shape, apart.shape, self.n):
            if (made == np.concatenate([apart + k * total for k in range(self.n)], axis)).all():
                return Spread(made.shape, axis)
        where = np.argsort(apart.ravel(), kind="stable")
        ordered = apart.ravel()[where]
        at = np.minimum(np.searchsorted(ordered, made.ravel() % total), max(ordered.size - 1, 0))
        if not ordered.size or (ordered[at] != made.ravel() % total).any() or (made < 0).any():
            raise _mixed(node.where, self.n, "it takes elements that it does not take of one sample alone")
        return Spread(made.shape, None, made.ravel() // total * ordered.size + where[at])

    def _elementwise(self, node: Node, args: Sequence[Array | Spread | None]) -> Spread:
        """Each element depends on those at its place: all of one sample, and together at a place of one alone."""
        present = [(t, a) for t, a in zip(node.inputs, args, strict=True) if a is not None]
        try:
            shape = np.broadcast_shapes(*(a.shape for _, a in present))
        except ValueError as error:
            raise _OneSampleError from error
        apart = np.broadcast_shapes(*(self.one[t].shape for t, _ in present))
        for axis in axes_of(shape, apart, self.n):
            if all(self._follows(a, self.one[t], axis) for t, a in present):
                return Spread(shape, axis)
        key, own, sample = np.zeros(shape, np.int64), np.zeros(apart, np.int64), np.full(shape, -1)
        for t, a in present:
            size = max(self.one[t].size, 1)
            if isinstance(a, Spread):
                places = np.broadcast_to(places_of(a, self.one[t].shape, self.n), shape)
                if ((sample >= 0) & (sample != places // size)).any():
                    raise _mixed(node.where, self.n, "elements of different samples meet")
                sample, number = places // size, places % size
            elif a.shape == self.one[t].shape:
                number = np.broadcast_to(np.arange(a.size).reshape(a.shape), shape)
            else:
                raise _mixed(node.where, self.n, "a constant has another shape for each number of samples")
            mine = np.broadcast_to(np.arange(size).reshape(self.one[t].shape), apart)
            both = np.concatenate([(own * size + mine).ravel(), (key * size + number).ravel()])
            short = np.unique(both, return_inverse=True)[1].astype(np.int64).ravel()  # stays within 64 bits
            own, key = short[: own.size].reshape(apart), short[own.size :].reshape(shape)
        where = np.argsort(own.ravel(), kind="stable")
        ordered = own.ravel()[where]
        at = np.minimum(np.searchsorted(ordered, key.ravel()), ordered.size - 1)
        if (ordered[at] != key.ravel()).any():
            raise _mixed(node.where, self.n, "elements meet that do not meet in one sample alone")
        return Spread(shape, None, sample.ravel() * ordered.size + where[at])

    def _follows(self, a: Array | Spread, one: Array, axis: int) -> bool:
        if isinstance(a, Spread):
            return a.axis == axis
        return a.ndim < -axis or (a.shape[axis] == 1 and a.shape == one.shape)

    def _compared(self, node: Node, args: Sequence[Array | Spread | None]) -> list[Array | Spread]:
        """Any other operator, on random numbers: of all samples together, and of each alone. Small results (a class)
        are equal by chance at times, so there it is done again."""
        axes: list[set[int]] = []
        for _ in range(_DRAWS):
            together, apart = self._drawn(node, args)
            made = self._together(node, together)
            each = [_run(node, own) for own in apart]
            alone = [[e[i] for e in each] for i in range(len(made))]
            found = [
                {x for x in axes_of(got.shape, own[0].shape, self.n) if nearly_equal(got, np.concatenate(own, x))}
                for got, own in zip(made, alone, strict=True)
            ]
            axes = [a & b for a, b in zip(axes, found, strict=True)] if axes else found
            if not all(axes):
                raise _mixed(node.where, self.n, "together they give another result than one by one")
            if min(got.size for got in made) > _MANY:
                break
        return [Spread(got.shape, min(a)) for got, a in zip(made, axes, strict=True)]

    def _drawn(
        self, node: Node, args: Sequence[Array | Spread | None]
    ) -> tuple[list[Array | None], list[list[Array | None]]]:
        """The inputs of an operator, random numbers for what depends on the samples: of all of them, and of each."""
        together: list[Array | None] = []
        apart: list[list[Array | None]] = [[] for _ in range(self.n)]
        for name, a in zip(node.inputs, args, strict=True):
            one = self.one[name] if name else None
            if not isinstance(a, Spread) or one is None:
                together.append(None if isinstance(a, Spread) else a)
                mine = [one] * self.n
            else:
                drawn = [random_numbers(self.random, one.shape, one.dtype) for _ in range(self.n)]
                together.append(np.concatenate([x.ravel() for x in drawn])[places_of(a, one.shape, self.n)])
                mine = list(drawn)
            for own, x in zip(apart, mine, strict=True):
                own.append(x)
        return together, apart


def _run(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """As the front end computes constants: by the kernel, and calls that it does not take by onnx's evaluator."""
    kernel = find_kernel(node)
    with np.errstate(all="ignore"):
        try:
            made = fold_by_onnx(node, args) if kernel is None else kernel.compute(node, args)
        except _CANNOT_RUN:
            if kernel is None:
                raise
            made = fold_by_onnx(node, args)
    return [np.asarray(m) for m in made]


def _mixed(where: str, n: int, why: str) -> CompileError:
    return fail(
        "the model mixes the samples of a batch",
        where=where,
        why=f"with {n} samples, {why}",
        hint="keep the first axis for the samples, or export with a batch of exactly 1",
    )
