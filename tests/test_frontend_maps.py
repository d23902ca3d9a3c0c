"""Convolutional models: every hidden bit of the network equals the float32 model's."""

from __future__ import annotations

import numpy as np
import onnx_models
import pytest
from frontend_compare import compare
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx_models import Model, step

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.load import load, lower_model


def conv(
    m: Model, x: str, rng: np.random.Generator, rows: int, channels: int, kernel: list[int], **attrs: object
) -> str:
    groups = int(str(attrs.get("group", 1)))
    w = onnx_models.weights(rng, channels // groups * int(np.prod(kernel)), rows, "pm1").T
    bias = (m.const(rng.normal(size=rows)),) if rng.integers(2) else ()
    return m.op("Conv", x, m.const(w.reshape(rows, channels // groups, *kernel)), *bias, kernel_shape=kernel, **attrs)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.tuples(st.integers(4, 7), st.integers(4, 7)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    strides=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    spelling=st.sampled_from(["where", "cast_affine", "bipolar_quant", "ternary_quant", "multi_threshold", "sign"]),
    pool=st.sampled_from(["none", "sums", "norm", "bits", "min", "average"]),
)
def test_random_convolutions(
    seed: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    pads: tuple[int, int, int, int],
    dilation: int,
    groups: int,
    spelling: str,
    pool: str,
) -> None:
    rng = np.random.default_rng(seed)
    m = Model(["batch", 2, *size])
    x = step(m, m.input, "where")
    shape = {"strides": list(strides), "pads": list(pads), "dilations": [dilation] * 2, "group": groups}
    x = conv(m, x, rng, 4, 2, list(kernel), **shape)
    window = {"kernel_shape": [2, 2], "strides": [1, 1]}
    if pool == "sums":
        x = m.op("MaxPool", x, pads=[0, 1, 1, 0], **window)
    x = m.batch_norm(x, rng, 4)
    if pool == "norm":
        x = m.op("MaxPool", x, **window)
    x = step(m, x, spelling)
    if pool == "bits":
        x = m.op("MaxPool", x, pads=[1, 0, 0, 1], **window)
    if pool == "min":
        x = m.op("Neg", m.op("MaxPool", m.op("Neg", x), **window))
    if pool == "average":
        x = step(m, m.op("Sub", m.op("AveragePool", x, **window), m.const(0.1)), "where")
    x = conv(m, x, rng, 3, 4, [1, 1])
    x = m.op("Flatten", step(m, x, "where"))
    model = m.build(x)
    data = rng.normal(size=(12, 2, *size)).astype(np.float32)
    try:
        compare(model, data)
    except CompileError as error:
        known = ("does not fit into", "a whole layer is constant", "does not depend on its input")
        if not any(text in str(error) for text in known):
            raise
        assume(False)  # not counted, and an error where most are refused


def test_depthwise_and_one_dimensional() -> None:
    rng = np.random.default_rng(5)
    m = Model(["batch", 3, 12])
    x = conv(m, step(m, m.input, "sign"), rng, 6, 3, [3], group=3, pads=[1, 2], strides=[2])
    x = m.op("Flatten", step(m, m.op("MaxPool", x, kernel_shape=[2]), "where"))
    compare(m.build(x), rng.normal(size=(20, 3, 12)))


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_auto_pad(auto: str) -> None:
    rng = np.random.default_rng(6)
    m = Model(["batch", 1, 7, 6])
    x = conv(m, step(m, m.input, "where"), rng, 3, 1, [3, 2], auto_pad=auto, strides=[2, 2])
    compare(m.build(m.op("Flatten", step(m, x, "where"))), rng.normal(size=(20, 1, 7, 6)))


def test_channels_last_through_transposes() -> None:
    rng = np.random.default_rng(7)
    m = Model(["batch", 6, 5, 2])
    x = m.op("Transpose", step(m, m.input, "where"), perm=[0, 3, 1, 2])
    x = m.op("Transpose", conv(m, x, rng, 3, 2, [2, 2]), perm=[0, 2, 3, 1])
    x = step(m, m.op("Add", x, m.const([0.5, -0.5, 1.5])), "sign")
    x = m.op("Reshape", x, m.const([-1, 60], np.int64))
    x = onnx_models.dense(m, x, rng, 60, 4, "pm1", True)
    compare(m.build(x), rng.normal(size=(20, 6, 5, 2)))


def test_padding_that_is_its_own_operator() -> None:
    rng = np.random.default_rng(8)
    m = Model(["batch", 2, 5, 5])
    x = m.op("Pad", step(m, m.input, "where"), m.const([0, 0, 1, 1, 0, 0, 1, 2], np.int64), m.const(0.0))
    x = m.op("Flatten", step(m, conv(m, x, rng, 3, 2, [3, 3]), "sign"))
    compare(m.build(x), rng.normal(size=(30, 2, 5, 5)))


def test_concatenated_skip_connection_and_split() -> None:
    rng = np.random.default_rng(9)
    m = Model(["batch", 4, 5, 5])
    a = step(m, m.input, "where")
    b = step(m, conv(m, a, rng, 3, 4, [3, 3], pads=[1, 1, 1, 1]), "sign")
    x = m.op("Concat", a, b, axis=1)
    m.nodes.append(onnx_models.helper.make_node("Split", [x], ["left", "right"], axis=1, name="split"))
    m.initializers.append(onnx_models.numpy_helper.from_array(np.array([5, 2]), "sizes"))
    m.nodes[-1].input.append("sizes")
    x = m.op("Concat", "right", "left", axis=1)
    x = m.op("Flatten", step(m, conv(m, x, rng, 2, 7, [2, 2]), "where"))
    compare(m.build(x), rng.normal(size=(25, 4, 5, 5)))


def test_two_sums_added_before_one_step() -> None:
    rng = np.random.default_rng(10)
    m = Model(["batch", 2, 6, 6])
    a = step(m, m.input, "where")
    left = m.op("Conv", a, m.const(rng.choice([-1.0, 1.0], (3, 2, 3, 3))), pads=[1, 1, 1, 1])
    right = m.op("Conv", a, m.const(rng.choice([-1.0, 1.0], (3, 2, 1, 1))))
    x = step(m, m.batch_norm(m.op("Add", left, right), rng, 3), "where")
    compare(m.build(m.op("Flatten", x)), rng.normal(size=(25, 2, 6, 6)))


def test_global_pooling_of_bits_is_a_sum() -> None:
    rng = np.random.default_rng(11)
    m = Model(["batch", 2, 6, 6])
    x = step(m, conv(m, step(m, m.input, "where"), rng, 5, 2, [3, 3]), "where")
    x = m.op("Flatten", m.op("GlobalAveragePool", x))
    compare(m.build(x), rng.normal(size=(40, 2, 6, 6)))


def test_pixels_enter_a_padded_convolution_as_bit_planes() -> None:
    rng = np.random.default_rng(12)
    m = Model(["batch", 2, 5, 5])
    x = m.batch_norm(conv(m, m.input, rng, 3, 2, [3, 3], pads=[1, 1, 1, 1]), rng, 3)
    model = m.build(m.op("Flatten", step(m, x, "where")))
    compare(model, rng.integers(0, 256, (30, 2, 5, 5)), "uint8")
    assert "bits[5, 5, 16]" in str(load(model, input="uint8"))


def test_zero_padding_costs_one_bit_per_tap() -> None:
    rng = np.random.default_rng(13)
    m = Model(["batch", 2, 5, 5])
    x = m.op("Flatten", step(m, conv(m, step(m, m.input, "where"), rng, 3, 2, [3, 3], pads=[1, 1, 1, 1]), "where"))
    text = str(lower_model(m.build(x)).network)
    assert "is_pad=1" in text
    assert "bits[5, 5, 27]" in text


def test_pooling_behind_operators_that_are_not_monotone_is_refused() -> None:
    rng = np.random.default_rng(14)
    m = Model(["batch", 1, 5, 5])
    x = m.op("Abs", conv(m, step(m, m.input, "where"), rng, 2, 1, [2, 2]))
    x = step(m, m.op("MaxPool", x, kernel_shape=[2, 2]), "where")
    with pytest.raises(CompileError, match="cannot be exchanged"):
        load(m.build(m.op("Flatten", x)))


@pytest.mark.parametrize("refused", [True, False])
def test_average_windows_beyond_the_padding_have_another_divisor(refused: bool) -> None:
    """ceil_mode with count_include_pad: what lies beyond the padding is not counted (onnxruntime, onnx.reference)."""
    rng = np.random.default_rng(3)
    m = Model(["batch", 1, 3 if refused else 4, 4])
    x = step(m, m.op("Conv", step(m, m.input, "where"), m.const(rng.choice([-1.0, 1.0], (3, 1, 1, 1)))), "where")
    x = m.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, count_include_pad=1)
    model = m.build(m.op("MatMul", m.op("Flatten", step(m, x, "where")), m.const(rng.choice([-1.0, 1.0], (12, 4)))))
    if refused:
        with pytest.raises(CompileError, match="the last window reaches beyond the padding"):
            load(model)
    else:
        compare(model, rng.normal(size=(40, 1, 4, 4)))
