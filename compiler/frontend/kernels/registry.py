"""The table of ONNX operators that threshc can evaluate in numpy. This table is the law: what a model means.

Each kernel computes one operator as the ONNX reference evaluator does (float32 in, float32 out), on whole arrays. The
same kernels fold constants, evaluate the tail of a neuron at candidate integers, and run whole models for `verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.discovery import modules
from threshc.compiler.frontend.graph import QUANT, Node

Array = NDArray[Any]
Compute = Callable[[Node, Sequence[Array | None]], Sequence[Array]]
Direction = Callable[[Node, Sequence[Array | None], int, tuple[int, ...]], Array | int]
Exact = Callable[[Node, Sequence[Array | None]], Array]


class Kind(Enum):
    """A way in which an operator moves information; it says what the front end may do besides evaluating."""

    ELEMENTWISE = "each output element depends on the element at its place (with broadcasting)"
    CHANNELWISE = "like ELEMENTWISE, but input 0 alone has the output's shape; the others hold one value per channel"
    STRUCTURE = "only moves elements"
    LINEAR = "weighted sums"
    SHAPE = "reads shapes, not values"
    OTHER = "anything else that can be evaluated"


@dataclass(frozen=True, slots=True)
class Kernel:
    """compute: arrays (None where an optional input is absent) to arrays.

    direction: for ELEMENTWISE and CHANNELWISE, how an output of the given shape moves when input k rises and all others
    are constants: +1 never falls, -1 never rises, 0 unknown; one number or an array that broadcasts against the output.
    float32 rounding keeps order, so this is a proof, not an estimate.

    exact: for operators whose integers can wrap around, the result without that, from float64 arguments; the direction
    then holds only where it fits the type (see `overflow.py`). None where results never leave their type.

    What is declared of the node; whatever it carries beyond is refused (see `declared.py`). types: per input, the last
    one for all that follow, the families of `dtypes.letter` that are computed as ONNX's reference evaluator does, or
    "*" for all. reads: attributes that the kernel reads; void: attributes without any effect on what is implemented;
    fixed: attributes that may have these values only.
    """

    compute: Compute
    kind: Kind
    direction: Direction
    exact: Exact | None = None
    types: tuple[str, ...] = ("*",)
    reads: frozenset[str] = frozenset()
    void: frozenset[str] = frozenset()
    fixed: Mapping[str, tuple[object, ...]] = field(default_factory=dict)


_KERNELS: dict[tuple[str, str], Kernel] = {}


def rising(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    """Returns the direction of operators that never fall in their first input."""
    return 1 if k == 0 else 0


def unknown(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> int:
    """Returns the direction of operators that are not monotone, or not known to be."""
    return 0


def kernel(
    *names: str,
    types: Sequence[str],
    kind: Kind = Kind.ELEMENTWISE,
    direction: Direction = unknown,
    exact: Exact | None = None,
    reads: Sequence[str] = (),
    void: Sequence[str] = (),
    fixed: Mapping[str, tuple[object, ...]] | None = None,
) -> Callable[[Compute], Compute]:
    """Registers a function as the kernel of operators: `Add`, `quant:BipolarQuant`, `ai.onnx.ml:Binarizer`.

    The rest as in `Kernel`; in `types` an F stands for the four floating-point families.
    """
    families = tuple(t.replace("F", "fdhg") for t in types)

    def register(compute: Compute) -> Compute:
        for name in names:
            domain, _, op = name.rpartition(":")
            _KERNELS[domain, op] = Kernel(
                compute, kind, direction, exact, families, frozenset(reads), frozenset(void), dict(fixed or {})
            )
        return compute

    return register


@cache
def kernels() -> dict[tuple[str, str], Kernel]:
    """Returns all kernels by domain and operator, once every file of this folder has been imported."""
    modules("threshc.compiler.frontend.kernels")
    return _KERNELS


def find_kernel(node: Node) -> Kernel | None:
    """Returns the kernel of a node's operator, or None. QONNX operators are found in the default domain too."""
    known = kernels()
    found = known.get((node.domain, node.op))
    return found or (known.get((QUANT, node.op)) if node.domain == "" else None)


def need(args: Sequence[Array | None], k: int) -> Array:
    """Returns input k, which the operator cannot do without."""
    if k >= len(args):
        raise IndexError(f"input {k} is missing")
    value = args[k]
    if value is None:
        raise IndexError(f"input {k} is missing")
    return value


def optional(args: Sequence[Array | None], k: int) -> Array | None:
    """Returns input k, or None where it is absent."""
    return args[k] if k < len(args) else None


def number(node: Node, key: str, default: float) -> float:
    """Returns a floating-point attribute; ONNX keeps them in float32, the defaults too."""
    return float(np.float32(node.attrs.get(key, default)))


def wide(x: Array) -> Array:
    """Returns float16 and bfloat16 as float32, in which ONNX's reference evaluator multiplies them by attributes; the
    result is rounded to their own type at the end."""
    return np.asarray(x, np.promote_types(x.dtype, np.float32))


def sign(x: Array) -> Array:
    """Returns the direction of a product with x: +1, -1, and +1 for 0, where the product is constant."""
    return np.where(np.asarray(x) < 0, -1, 1)
