"""One row of the table of supported patterns, and the pieces that the rows are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto
from onnx_models import QONNX, Model

Build = Callable[[Model, np.random.Generator], str | tuple[str, ...]]
FLOAT, BOOL, INT32 = TensorProto.FLOAT, TensorProto.BOOL, TensorProto.INT32


@dataclass(frozen=True)
class Pattern:
    """One row. shape: of a sample; input: the encoding stated for the model; note: restrictions and meaning."""

    group: str
    name: str
    note: str
    shape: tuple[int, ...]
    input: str | None
    opset: int
    make: Build

    def build(self) -> onnx.ModelProto:
        """The model, the same at every call."""
        m = Model(["batch", *self.shape], self.opset)
        outputs = self.make(m, np.random.default_rng(len(self.name)))
        return m.build(*((outputs,) if isinstance(outputs, str) else outputs))


ROWS: list[Pattern] = []


def pattern(
    group: str, name: str, note: str = "", shape: Sequence[int] = (6,), input: str | None = None, opset: int = 17
) -> Callable[[Build], Build]:
    """Add a row whose model a function writes."""

    def register(make: Build) -> Build:
        ROWS.append(Pattern(group, name, note, tuple(shape), input, opset, make))
        return make

    return register


def pm1(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random +-1 weights."""
    return rng.choice([-1.0, 1.0], shape).astype(np.float32)


def bits(m: Model, x: str, threshold: float = 0.0) -> str:
    """+-1 bits by comparison."""
    return m.op("Where", m.op("GreaterOrEqual", x, m.const(threshold)), m.const(1.0), m.const(-1.0))


def conv(m: Model, x: str, rng: np.random.Generator, rows: int, channels: int, *kernel: int, **attrs: Any) -> str:
    """A +-1 convolution."""
    return m.op("Conv", x, m.const(pm1(rng, rows, channels, *kernel)), **attrs)


def quant(
    m: Model, x: str, width: float, signed: int, narrow: int, scale: Any = 1.0, zero: float = 0.0, **more: Any
) -> str:
    """A QONNX Quant node."""
    args = (m.const(scale), m.const(zero), m.const(width))
    domain = more.pop("domain", QONNX)
    mode = more.pop("mode", "ROUND")
    return m.op("Quant", x, *args, domain=domain, signed=signed, narrow=narrow, rounding_mode=mode)
