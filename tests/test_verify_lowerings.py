"""`verify` can fail: with a lowering, a threshold or the order of outputs broken on purpose, it exits 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx_models import Model
from patterns import bits, conv, pm1
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.frontend import coding, context, outputs
from threshc.compiler.frontend.context import ClassIndex, Context, Known
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.lowerings import pool

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(8)
Args = Sequence[Any]
Real = Callable[[Context, Node, Args], Any]
Break = Callable[[pytest.MonkeyPatch], None]


def where(m: Model, x: str) -> str:
    return m.op("Where", m.op("GreaterOrEqual", x, m.const(0.0)), m.const(1.0), m.const(-1.0))


def layer(m: Model, x: str, n: int, outputs: int) -> str:
    return m.op("MatMul", x, m.const(pm1(RNG, n, outputs)))


def hidden(m: Model) -> str:
    """(N, 8) of +-1 behind a layer."""
    return where(m, layer(m, bits(m, m.input), 6, 8))


def picture(m: Model) -> str:
    """(N, 4, 2, 3) of +-1 behind a convolution."""
    x = m.op("Reshape", bits(m, m.input), m.const([-1, 1, 2, 3], np.int64))
    return where(m, conv(m, x, RNG, 4, 1, 1, 1))


def scored(m: Model, x: str, n: int) -> str:
    return layer(m, m.op("Flatten", x), n, 4)


def lowering(op: str, changed: Callable[[Real, Context, Node, list[Any]], Any]) -> Break:
    """The lowering of an operator, with what it is given or what it returns changed."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        real: Real = context.lowerings()["", op]

        def broken(c: Context, node: Node, args: Sequence[Known | None]) -> Any:
            return changed(real, c, node, list(args))

        monkeypatch.setitem(context.lowerings(), ("", op), broken)

    return patch


def with_attributes(op: str, **attributes: object) -> Break:
    return lowering(op, lambda real, c, n, a: real(c, replace(n, attrs={**n.attrs, **attributes}), a))


def weights(op: str, change: Callable[[np.ndarray], np.ndarray]) -> Break:
    return lowering(op, lambda real, c, n, a: real(c, n, [a[0], change(a[1]), *a[2:]]))


def thresholds_above(monkeypatch: pytest.MonkeyPatch) -> None:
    real = coding.threshold_bits
    monkeypatch.setattr(coding, "threshold_bits", lambda b, leaf, e, t, *rest: real(b, leaf, e, t + 2, *rest))


def falling_as_rising(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "_turned", lambda levels, flip: levels)


def outputs_reversed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = outputs.Outputs.finish

    def finish(self: outputs.Outputs) -> Any:
        made = real(self)
        return tuple(replace(a, value=b.value) for a, b in zip(made, reversed(made), strict=True))

    monkeypatch.setattr(outputs.Outputs, "finish", finish)


def bits_rolled(monkeypatch: pytest.MonkeyPatch) -> None:
    real = outputs.gathered
    monkeypatch.setattr(outputs, "gathered", lambda b, v, index, *rest: real(b, v, np.roll(index, 1), *rest))


def smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    real = pool.Reduce
    monkeypatch.setattr(pool, "Reduce", lambda value, kind, *rest: real(value, "and", *rest))


def averaged(m: Model) -> str:
    x = m.op("AveragePool", picture(m), kernel_shape=[2, 2], pads=[0, 0, 1, 1], count_include_pad=1)
    return scored(m, where(m, x), 24)


def summed(m: Model) -> str:
    x = m.op("Reshape", hidden(m), m.const([-1, 2, 2, 2], np.int64))
    return where(m, m.op("ReduceSum", x, m.const([2], np.int64)))


def two_parts(m: Model) -> str:
    return layer(m, m.op("Split", hidden(m), outputs=2, axis=1), 4, 4)


def sum_of_two(m: Model) -> str:
    x = bits(m, m.input)
    return layer(m, where(m, m.op("Add", layer(m, x, 6, 8), layer(m, x, 6, 8))), 8, 4)


def two_outputs(m: Model) -> tuple[str, str]:
    x = hidden(m)
    return where(m, layer(m, x, 8, 4)), where(m, layer(m, x, 8, 4))


def padded(m: Model) -> str:
    x = m.op("Pad", picture(m), m.const([0, 0, 1, 0, 0, 0, 0, 0], np.int64), m.const(1.0))
    return scored(m, x, 36)


BROKEN: dict[str, tuple[Break, Callable[[Model], str | tuple[str, ...]]]] = {
    "Concat: in another order": (
        lowering("Concat", lambda real, c, n, a: real(c, n, a[::-1])),
        lambda m: layer(m, m.op("Concat", hidden(m), hidden(m), axis=1), 16, 4),
    ),
    "MaxPool: the smallest": (smallest, lambda m: scored(m, m.op("MaxPool", picture(m), kernel_shape=[2, 2]), 8)),
    "AveragePool: padding on the other side": (
        with_attributes("AveragePool", pads=[1, 1, 0, 0]),
        averaged,
    ),
    "Conv: weights mirrored": (
        weights("Conv", lambda w: w[..., ::-1, ::-1].copy()),
        lambda m: scored(m, where(m, conv(m, picture(m), RNG, 4, 4, 2, 2)), 8),
    ),
    "MatMul: columns rolled": (weights("MatMul", lambda w: np.roll(w, 1, 1)), lambda m: layer(m, hidden(m), 8, 4)),
    "Gemm: weights not transposed": (
        weights("Gemm", lambda w: w.T.copy()),
        lambda m: layer(m, where(m, m.op("Gemm", hidden(m), m.const(pm1(RNG, 8, 8)), transB=1)), 8, 4),
    ),
    "Gemm: no bias": (
        lowering("Gemm", lambda real, c, n, a: real(c, n, a[:2])),
        lambda m: m.op("Gemm", hidden(m), m.const(pm1(RNG, 8, 4)), m.const([9.0, -3.0, 0.0, 3.0])),
    ),
    "Add: of the first alone": (
        lowering("Add", lambda real, c, n, a: real(c, n, [a[0], a[0]])),
        sum_of_two,
    ),
    "Split: parts exchanged": (lowering("Split", lambda real, c, n, a: real(c, n, a)[::-1]), two_parts),
    "Pad: another value": (
        lowering("Pad", lambda real, c, n, a: real(c, n, [a[0], a[1], np.float32(-1)])),
        padded,
    ),
    "ReduceSum: another axis": (
        lowering("ReduceSum", lambda real, c, n, a: real(c, n, [a[0], np.array([1])])),
        summed,
    ),
    "ArgMax: the next class": (
        lowering("ArgMax", lambda real, c, n, a: ClassIndex(real(c, n, a).scores, 1)),
        lambda m: m.op("ArgMax", layer(m, hidden(m), 8, 4), axis=1),
    ),
    "steps: thresholds too high": (thresholds_above, lambda m: layer(m, hidden(m), 8, 4)),
    "steps: falling ones as rising": (
        falling_as_rising,
        lambda m: layer(m, where(m, m.op("Neg", layer(m, hidden(m), 8, 8))), 8, 4),
    ),
    "outputs: in another order": (outputs_reversed, two_outputs),
    "outputs: bits rolled": (bits_rolled, lambda m: where(m, layer(m, hidden(m), 8, 4))),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_lowering_makes_verify_fail(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken, make = BROKEN[name]
    m = Model(["N", 6], opset=18)
    end = make(m)
    model = m.build(*([end] if isinstance(end, str) else end))
    report = threshc.verify(model, samples=64, rtl=False)
    assert report.ok, str(report)
    monkeypatch.setenv("THRESHC_CACHE", str(tmp_path / "cache"))
    broken(monkeypatch)
    path = tmp_path / "m.onnx"
    onnx.save(model, path)
    done = CliRunner().invoke(app, ["verify", str(path), "--samples", "64", "--no-rtl"])
    assert done.exit_code == 1, done.output
    assert "DIFFERENT" in done.output, done.output
