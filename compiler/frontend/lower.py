"""The walk over the graph: every tensor becomes a constant or a function of exact sums; layers become operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from threshc.compiler.diagnostics import CompileError, Diagnostic, fail, grouped
from threshc.compiler.encoding import Affine
from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.coding import Probe
from threshc.compiler.frontend.context import ClassIndex, Context, Known, Softmaxed, TopIndices, find_lowering
from threshc.compiler.frontend.declared import check_node, check_results, check_types
from threshc.compiler.frontend.dtypes import digits, is_float, is_integer, letter, limits
from threshc.compiler.frontend.explain import Understood, understood
from threshc.compiler.frontend.folding import LARGER, MEMORY, MISFITS, does_not_fit, first_line, fold
from threshc.compiler.frontend.graph import Graph, Node
from threshc.compiler.frontend.kernels.elementwise import cast_type
from threshc.compiler.frontend.kernels.registry import Kind, find_kernel
from threshc.compiler.frontend.lowerings.composition import AFFINE
from threshc.compiler.frontend.lowerings.dense import no_step
from threshc.compiler.frontend.model_input import read_input
from threshc.compiler.frontend.outputs import Outputs
from threshc.compiler.frontend.real_order import Rounded
from threshc.compiler.frontend.refusals import unsupported
from threshc.compiler.frontend.symbolic import MOST_OPERATORS, STEPS, Expr, apply, leaf_expr
from threshc.compiler.ir.network import Network


@dataclass(frozen=True, slots=True, eq=False)
class Lowered:
    """A model as a network, before any pass, and how its bits and outputs are found in the ONNX graph.

    rounded: the outputs whose order is that of real numbers, not that of the model's rounded ones. read: sentences on
    what else was not read to the last bit of the model's own arithmetic.
    """

    network: Network
    graph: Graph
    probes: tuple[Probe, ...]
    nodes: tuple[Understood, ...]
    rounded: tuple[Rounded, ...] = ()
    read: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that a user should know about how the model was read."""
        return (*self.read, *(r.note for r in self.rounded))

    @property
    def compared(self) -> list[str]:
        """The model's tensors that a comparison with the network reads: hidden bits, rounded scores, outputs."""
        wanted = [*(p.tensor for p in self.probes), *(r.tensor for r in self.rounded), *self.graph.outputs]
        return list(dict.fromkeys(wanted))


@dataclass(frozen=True, slots=True)
class _Broken:
    """Stands for a tensor whose node was refused, so that the walk can go on and find every problem.

    trail: the nodes since the last layer, whose steps can still be checked; None where nothing more can be said.
    """

    trail: tuple[Node, ...] | None = None


def lower(graph: Graph, encoding: Affine | None, *, exact_scores: bool = False) -> Lowered:
    """Returns the network that a graph computes. exact_scores: its scores keep the model's margins, not their order
    alone.

    Raises CompileError with every problem found.
    """
    source = read_input(graph, encoding)
    sample = source.shape[1:] if len(source.shape) > 1 else source.shape
    context = Context(Builder(source.name, sample, source.encoding))
    known: dict[str, Known | _Broken] = dict(graph.constants)
    known[source.name] = leaf_expr(source.leaf)
    problems: list[Diagnostic] = []
    nodes: list[Understood] = []
    for node in graph.nodes:
        args = [known[t] if t else None for t in node.inputs]
        results: Sequence[Known | _Broken]
        broken = [a for a in args if isinstance(a, _Broken)]
        if broken:
            results = [_past_broken(node, broken[0], problems)] * len(node.outputs)
        else:
            try:
                results = _visit(context, node, [a for a in args if not isinstance(a, _Broken)])
                check_results(node, [_dtype(r) for r in results])
            except CompileError as error:
                problems += error.diagnostics
                results = [_Broken(() if _is_layer(node) else None)] * len(node.outputs)
        known.update(dict.fromkeys(node.outputs, _Broken()))  # outputs that a node has beyond its operator's
        known.update(zip(node.outputs, results, strict=False))
        nodes += [understood(node, r) for r in results if not isinstance(r, _Broken)][:1]
    outputs = Outputs(context, exact_scores)
    for tensor in graph.outputs:
        value = known.get(tensor)
        if value is None:
            problems.append(
                Diagnostic("a graph output is defined by nothing that can be computed", f"tensor {tensor!r}")
            )
        elif not isinstance(value, _Broken):
            try:
                _want_stated_type(graph, tensor, value)
                outputs.add(tensor, value)
            except CompileError as error:
                problems += error.diagnostics
            except MemoryError as error:
                problems.append(Diagnostic(MEMORY, f"tensor {tensor!r}", first_line(error), LARGER))
            except MISFITS as error:
                what = "an output of the model does not fit what it computes"
                problems.append(Diagnostic(what, f"tensor {tensor!r}", first_line(error)))
    lost = [t for t in graph.outputs if isinstance(known.get(t), _Broken)]
    if lost and not problems:
        where, hint = f"tensor {lost[0]!r}", "remove it from the outputs"
        problems.append(Diagnostic("a graph output cannot be followed", where, "", hint))
    if problems:
        raise CompileError(grouped(problems))
    network = Network(graph.name or "network", context.builder.finish(), outputs.finish())
    said = tuple(context.builder.notes)
    return Lowered(network, graph, tuple(context.probes), tuple(nodes), tuple(outputs.rounded), said)


def _want_stated_type(graph: Graph, tensor: str, value: Known) -> None:
    """Raises CompileError where the file states another type of an output than that of what is computed."""
    dtype, stated = _dtype(value), graph.output_types.get(tensor)
    maker = next((n for n in reversed(graph.nodes) if tensor in n.outputs), None)
    if isinstance(value, ClassIndex | TopIndices) and maker is not None and maker.op in ("ArgMax", "TopK"):
        dtype = np.dtype(np.int64)
    if stated is not None and dtype is not None and stated != dtype.name:
        raise fail(
            "an output of the model is not of the type that the model states",
            where=f"tensor {tensor!r}",
            why=f"the model states {stated}, and {dtype.name} is computed",
            hint="export the model again",
        )


def _is_layer(node: Node) -> bool:
    kernel = find_kernel(node)
    return kernel is not None and kernel.kind is Kind.LINEAR


def _past_broken(node: Node, broken: _Broken, problems: list[Diagnostic]) -> _Broken:
    """What is known behind a refused node; a layer behind others than steps and affine maps is one more problem."""
    if broken.trail is None or not _is_layer(node):
        full = broken.trail is not None and len(broken.trail) >= MOST_OPERATORS
        return _Broken(None if broken.trail is None or full else (*broken.trail, node))
    if not any(n.op in STEPS for n in broken.trail) and not all(n.op in AFFINE for n in broken.trail):
        problems.append(no_step(node, node.inputs[0], broken.trail, "no step function lies between the layers"))
    return _Broken(())


def _passes_on(node: Node, x: Expr) -> bool:
    """Whether a node's result is its first input, unchanged: chains of these may be of any length."""
    if node.domain:
        return False
    if node.op == "Cast":
        return cast_type(node) == x.sample.dtype
    return node.op == "Identity" or (node.op == "Dropout" and not any(node.inputs[2:]) and not any(node.outputs[1:]))


def _visit(context: Context, node: Node, args: Sequence[Known | None]) -> Sequence[Known | _Broken]:
    symbolic = [a for a in args if a is not None and not isinstance(a, np.ndarray | np.generic)]
    if not symbolic:
        return fold(node, [None if a is None else np.asarray(a) for a in args])
    kernel = find_kernel(node)
    if kernel is not None:
        check_node(node, kernel)
        check_types(node, kernel, [_dtype(a) for a in args])
    if isinstance(args[0], Expr) and _passes_on(node, args[0]):
        return [args[0]]
    lowering = find_lowering(node)
    if lowering is not None:
        try:
            result = lowering(context, node, args)
        except MISFITS as error:
            raise does_not_fit(node, error) from error
        results = list(result) if isinstance(result, Sequence) else [result]
        results += [None] * (len(node.outputs) - len(results))
        return [_Broken() if r is None else r for r in results]
    if kernel is None:
        raise CompileError(unsupported(node))
    if isinstance(symbolic[0], ClassIndex | Softmaxed | TopIndices):
        return [_after_class(node, symbolic[0], args)]
    exprs = [
        a if isinstance(a, Expr) else None if a is None else np.asarray(a)
        for a in args
        if not isinstance(a, ClassIndex | Softmaxed | TopIndices)
    ]
    if kernel.kind is Kind.SHAPE:
        first = symbolic[0]
        assert isinstance(first, Expr)
        return list(kernel.compute(node, [np.broadcast_to(np.zeros((), np.float32), first.shape)]))
    if kernel.kind not in (Kind.ELEMENTWISE, Kind.CHANNELWISE, Kind.STRUCTURE):
        raise CompileError(unsupported(node))
    try:
        return [apply(node, kernel, exprs, node.outputs[0])]
    except MISFITS as error:
        raise does_not_fit(node, error) from error


def _dtype(value: Known | _Broken | None) -> np.dtype[Any] | None:
    """The type of a tensor; None for class indices and the like, which have none here."""
    if isinstance(value, Expr):
        return value.sample.dtype
    return value.dtype if isinstance(value, np.ndarray | np.generic) else None


def _after_class(node: Node, value: ClassIndex | Softmaxed | TopIndices, args: Sequence[Known | None]) -> Known:
    if node.op in ("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"):
        return value
    if node.op == "Cast" and _keeps(value, cast_type(node)):
        return value
    if node.op in ("Log", "Sqrt") and isinstance(value, Softmaxed):
        return value  # of what is positive, both keep the order
    if node.op in ("Mul", "Div") and isinstance(value, Softmaxed) and args[0] is value and _is_positive(args[1]):
        return value
    what = "a softmax" if isinstance(value, Softmaxed) else "a class index"
    raise fail(
        f"{node.op} of {what} is not supported",
        where=node.where,
        hint="end the model at the class index or at the scores",
    )


def _is_positive(factor: Known | None) -> bool:
    """Whether something is one constant above 0, as the 100 of percents."""
    return isinstance(factor, np.ndarray | np.generic) and np.size(factor) == 1 and bool(np.all(factor > 0))


def _keeps(value: ClassIndex | Softmaxed | TopIndices, dtype: np.dtype[Any]) -> bool:
    """Whether a cast to a type leaves every class index, or the order of a softmax, unchanged."""
    if isinstance(value, Softmaxed):
        return letter(dtype) in ("f", "d")
    most = int(value.scores.src.size) - 1
    greatest = 2 ** digits(dtype) if is_float(dtype) else limits(dtype)[1] if is_integer(dtype) else 0
    return bool(most <= greatest)
