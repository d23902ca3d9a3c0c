"""Resize and Upsample to the nearest element: the indices of onnx's own evaluator, or a refusal."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_models import Model
from pattern import bits, conv

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.float_model import run_float
from threshc.compiler.frontend.graph import build_graph
from threshc.compiler.frontend.load import load

WAYS = ("asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners")
RULES = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
X = np.arange(2 * 4 * 5, dtype=np.float32).reshape(1, 2, 4, 5)


def resized(opset: int, scales: list[float] | None, sizes: list[int] | None, **attrs: object) -> Model:
    m = Model([1, 2, 4, 5], opset)
    given = [m.const(scales) if scales else ""] + ([m.const(sizes, np.int64)] if sizes else [])
    m.op("Resize", m.input, "", *given, mode="nearest", **attrs)
    return m


def both(m: Model) -> tuple[np.ndarray, np.ndarray]:
    """Our evaluator's tensor and onnx's."""
    from onnx.reference import ReferenceEvaluator

    tensor = m.nodes[-1].output[0]
    model = m.build(tensor)
    (ours,) = run_float(build_graph(model, None), X, [tensor])
    (theirs,) = ReferenceEvaluator(model).run(None, {m.input: X})
    return ours.ravel(), theirs.ravel()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("scales", [[1, 1, 2, 2], [1, 1, 3, 2], [1, 1, 0.5, 1], [1, 1, 1.5, 4], [1, 2, 1, 1]], ids=str)
def test_scales(way: str, rule: str, scales: list[float]) -> None:
    ours, theirs = both(resized(17, scales, None, coordinate_transformation_mode=way, nearest_mode=rule))
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sizes", [[1, 2, 8, 10], [1, 2, 2, 5], [1, 2, 1, 1], [1, 2, 12, 15]], ids=str)
def test_sizes(way: str, sizes: list[int]) -> None:
    ours, theirs = both(resized(17, None, sizes, coordinate_transformation_mode=way, nearest_mode="floor"))
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("opset", [9, 10])
def test_old_operators_repeat_elements(opset: int) -> None:
    m = Model([1, 2, 4, 5], opset)
    tensor = m.op("Upsample" if opset == 9 else "Resize", m.input, m.const([1, 1, 2, 3]), mode="nearest")
    (ours,) = run_float(build_graph(m.build(tensor), None), X, [tensor])
    assert np.array_equal(ours.ravel(), X.repeat(2, axis=2).repeat(3, axis=3).ravel())


@pytest.mark.parametrize(
    ("attrs", "scales", "words"),
    [
        ({"mode": "linear"}, [1, 1, 2, 2], "mixes neighbouring elements"),
        ({"mode": "nearest", "keep_aspect_ratio_policy": "not_larger"}, [1, 1, 2, 2], "'not_larger' is not supported"),
        ({"mode": "nearest", "coordinate_transformation_mode": "tf_crop_and_resize"}, [1, 1, 2, 2], "not supported"),
        ({"mode": "nearest"}, [1, 1, 9999, 9999], "is not supported"),
        (
            {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
            [1, 1, 0.1, 1],
            "depends on how the scale is rounded",
        ),
        (
            {"mode": "nearest", "coordinate_transformation_mode": "align_corners", "nearest_mode": "floor"},
            [1, 1, 1, 1.5],
            "gives no whole size is read in two ways",
        ),
    ],
    ids=["linear", "aspect", "crop", "size", "rounding", "corners"],
)
def test_refusals_say_why(attrs: dict[str, str], scales: list[float], words: str) -> None:
    m = Model([1, 2, 22, 5], 18)
    x = conv(m, bits(m, m.input), np.random.default_rng(0), 2, 2, 1, 1)
    x = m.op("Resize", x, "", m.const(scales), **attrs)
    with pytest.raises(CompileError, match=words):
        load(m.build(m.op("Flatten", bits(m, x))))
