"""What a lowering may use: the network under construction, what is known of each tensor, the registry of lowerings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from threshc.compiler.diagnostics import fail
from threshc.compiler.discovery import modules
from threshc.compiler.frontend.builder import Builder
from threshc.compiler.frontend.coding import Coded, Probe, encode_steps
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kept_sums import in_binary
from threshc.compiler.frontend.kernels.registry import Array
from threshc.compiler.frontend.levels import MAX_STEPS
from threshc.compiler.frontend.symbolic import Expr, Leaf


@dataclass(frozen=True, slots=True, eq=False)
class ClassIndex:
    """The index of the largest score (ArgMax, TopK with k = 1) of an expression, plus `first`."""

    scores: Expr
    first: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Softmaxed:
    """Softmax of scores: the order is that of the scores, the values are not integers."""

    scores: Expr


@dataclass(frozen=True, slots=True, eq=False)
class TopIndices:
    """The indices of the k largest scores of an expression."""

    scores: Expr
    k: int


Known = Array | Expr | ClassIndex | Softmaxed | TopIndices


@dataclass(slots=True, eq=False)
class Context:
    """State of one lowering. `probes` grows with every layer of bits; codes are made once per expression."""

    builder: Builder
    probes: list[Probe] = field(default_factory=list)
    _coded: dict[int, tuple[Expr, Coded]] = field(default_factory=dict)
    _binary: dict[int, tuple[Leaf, Leaf]] = field(default_factory=dict)

    def code(self, expr: Expr, limit: int = MAX_STEPS, most: int | None = None) -> Coded:
        """Returns the expression as thermometer bits, at most `limit` per element and `most` in all. Raises NotAStep
        beyond."""
        if id(expr) not in self._coded:
            coded, probe = encode_steps(self.builder, expr, limit, most)
            self.probes.append(probe)
            self._coded[id(expr)] = (expr, coded)  # keeps expr alive, so that its id stays its own
        return self._coded[id(expr)][1]

    def in_binary(self, leaf: Leaf) -> Leaf:
        """Returns the sums of a leaf over the bits of their own integers, which are made once."""
        if id(leaf) not in self._binary:
            self._binary[id(leaf)] = (leaf, in_binary(self.builder, leaf))
        return self._binary[id(leaf)][1]

    def know(self, expr: Expr, coded: Coded) -> None:
        """Takes bits that exist already as the code of an expression that is not a tensor of the model."""
        self._coded[id(expr)] = (expr, coded)


Lowering = Callable[[Context, Node, Sequence[Known | None]], Known | Sequence[Known | None]]
_LOWERINGS: dict[tuple[str, str], Lowering] = {}


def lowers(*ops: str) -> Callable[[Lowering], Lowering]:
    """Registers the lowering of operators: `MatMul`, `quant:XnorPopcountMatMul`, `ai.onnx.ml:LinearClassifier`.

    It returns what is known of the node's first output, or a list with something for each output (None: nothing)."""

    def register(function: Lowering) -> Lowering:
        for name in ops:
            domain, _, op = name.rpartition(":")
            _LOWERINGS[domain, op] = function
        return function

    return register


@cache
def lowerings() -> dict[tuple[str, str], Lowering]:
    """Returns all lowerings by domain and operator, once every file of their folder has been imported."""
    modules("threshc.compiler.frontend.lowerings")
    return _LOWERINGS


def find_lowering(node: Node) -> Lowering | None:
    """Returns the lowering of a node's operator, or None for operators that work element by element or move
    elements."""
    return lowerings().get((node.domain, node.op))


def constant(node: Node, args: Sequence[Known | None], k: int, what: str) -> Array:
    """Returns input k of a node, which has to be a constant. Raises CompileError naming it otherwise."""
    import numpy as np

    value = args[k] if k < len(args) else None
    if not isinstance(value, np.ndarray | np.generic):
        name = node.inputs[k] if k < len(node.inputs) else ""
        raise fail(
            f"the {what} of a layer is not a constant",
            where=f"{node.where}, tensor {name!r}",
            hint="export a trained model with its weights",
        )
    return np.asarray(value)


def constants(node: Node, args: Sequence[Known | None]) -> list[Array | None]:
    """Returns the inputs behind the first, each a constant or absent: sizes, axes, pads. Raises CompileError
    otherwise."""
    return [None if a is None else constant(node, args, k, f"input {k}") for k, a in enumerate(args) if k]


def symbolic(node: Node, args: Sequence[Known | None], k: int) -> Expr:
    """Returns input k of a node, which has to be a tensor of functions of sums. Raises CompileError otherwise."""
    value = args[k] if k < len(args) else None
    if isinstance(value, Expr):
        return value
    kind = {ClassIndex: "a class index", TopIndices: "class indices", Softmaxed: "a softmax"}.get(
        type(value), "a constant"
    )
    raise fail(
        f"{node.op} of {kind} is not supported",
        where=node.where,
        hint="end the model at the scores, or at the class index",
    )
