"""The text form of a network: one operation per line. `parse_network` reads it back (grammar: docs/reference/ir.md)."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Affine, Encoding
from threshc.compiler.ir.lexer import quote
from threshc.compiler.ir.literals import Arrays, format_array, number
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Output, Reduce, Sum, Window, operands
from threshc.compiler.ir.types import ValueType

FORMAT = 1
"""Version of the text form."""


class Program(Protocol):
    """The parts of a `Network` that are printed; the network prints itself with this module."""

    @property
    def name(self) -> str:
        """The model's."""

    @property
    def ops(self) -> tuple[Op, ...]:
        """Operation v makes value v."""

    @property
    def outputs(self) -> tuple[Output, ...]:
        """In order."""

    @property
    def types(self) -> tuple[ValueType, ...]:
        """The type of every value."""


def to_text(network: Program) -> tuple[str, Arrays]:
    """Returns the text form and the side table of its large arrays; `parse_network(*to_text(n))` is isomorphic to n."""
    arrays: Arrays = {}
    return print_network(network, arrays), arrays


def print_network(network: Program, arrays: Arrays | None = None) -> str:
    """Returns the text form, ASCII, deterministic. Arrays of more than 64 numbers stand as `@name dtype[shape]` and are
    put into `arrays` (name -> array) when it is given; without it the text is for people."""
    lines = [f"network {quote(network.name)} format={FORMAT}"]
    for v, op in enumerate(network.ops):
        lines.append(f"%{v} = {_body(v, op, arrays)} : {network.types[v]}{_loc(op)}")
    lines += [_output(k, o, arrays) for k, o in enumerate(network.outputs)]
    return "\n".join(lines) + "\n"


def _body(v: int, op: Op, arrays: Arrays | None) -> str:
    keyword = " ".join([type(op).__name__.lower(), *(f"%{x}" for x in operands(op))])
    match op:
        case Input():
            shapes = f"shape={list(op.shape)} model_shape={list(op.model_shape)}"
            return f"{keyword} {quote(op.name)} {shapes} {_encoding(v, op.encoding, arrays)}"
        case Bitplanes() | ArgMax():
            return keyword
        case Window():
            sizes = (
                f"kernel={list(op.kernel)} stride={list(op.stride)} pads={list(op.pads)} dilation={list(op.dilation)}"
            )
            return f"{keyword} {sizes} fill={op.fill} is_pad={int(op.is_pad)}"
        case Gather():
            return f"{keyword} index={_int64(v, 'index', op.index, arrays)}"
        case Sum():
            weights = format_array(op.weights, "int64", f"{v}.weights", arrays)
            return f"{keyword} weights={weights} bias={_int64(v, 'bias', op.bias, arrays)}"
        case Compare():
            row, threshold = _int64(v, "row", op.row, arrays), _int64(v, "threshold", op.threshold, arrays)
            return f"{keyword} row={row} threshold={threshold}"
        case Reduce():
            return f"{keyword} {op.kind} taps={op.taps}"


def _int64(v: int, field: str, array: NDArray[np.int64], arrays: Arrays | None) -> str:
    return format_array(array.astype(np.int64, copy=False), "int64", f"{v}.{field}", arrays)


def _encoding(v: int, encoding: Encoding, arrays: Arrays | None) -> str:
    if isinstance(encoding, Affine):
        steps = [f" {move}={_numbers(v, k, numbers, arrays)}" for k, (move, numbers) in enumerate(encoding.steps)]
        inner = f" inner={encoding.inner}" if encoding.channels > 1 else ""
        return f"affine {encoding.lo}..{encoding.hi}{''.join(steps)}{inner}"
    feature = _int64(v, "feature", encoding.feature, arrays)
    threshold = format_array(encoding.threshold, "float32", f"{v}.threshold", arrays)
    return f"step features={encoding.features} feature={feature} threshold={threshold}"


def _numbers(v: int, step: int, numbers: tuple[float, ...], arrays: Arrays | None) -> str:
    if len(numbers) == 1:
        return number(float(numbers[0]))
    return format_array(np.array(numbers, np.float64), "float64", f"{v}.step{step}", arrays)


def _loc(op: Op) -> str:
    if not op.loc.node and not op.loc.tensor:
        return ""
    return f" from {quote(op.loc.node)} {quote(op.loc.tensor)}"


def _output(k: int, o: Output, arrays: Arrays | None) -> str:
    scale = format_array(o.scale, "float64", f"output{k}.scale", arrays)
    offset = format_array(o.offset, "float64", f"output{k}.offset", arrays)
    order = " order" if o.order_only else ""
    return f"output {quote(o.name)} %{o.value} {o.kind} scale={scale} offset={offset}{order}"
