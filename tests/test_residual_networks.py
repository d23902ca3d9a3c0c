"""Residual and depthwise networks in Brevitas' form: every hidden bit equal to a program not ours, RTL included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from residual_networks import mobilenet, resnet8
from second_opinion import agree

import threshc

NETWORKS = {"ResNet-8": resnet8, "MobileNet": mobilenet}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("weight_bits", "bits"), [(1, 1), (2, 2), (1, 2), (4, 3)], ids=str)
def test_every_hidden_bit_is_qonnx(name: str, weight_bits: int, bits: int) -> None:
    model = NETWORKS[name](12, 4, weight_bits, bits, seed=weight_bits)
    x = np.random.default_rng(1).integers(0, 256, (6, 3, 12, 12)) / np.float32(255)
    assert agree(model, x, "uint8/255") > 10_000


@pytest.mark.parametrize(
    "make",
    [lambda: resnet8(3, 1, 1, 1, blocks=1), lambda: mobilenet(4, 1, 1, 1), lambda: resnet8(3, 1, 2, 2, blocks=1)],
    ids=["ResNet W1A1", "MobileNet W1A1", "ResNet W2A2"],
)
def test_the_circuit_is_the_model(make: Callable[[], onnx.ModelProto]) -> None:
    report = threshc.verify(make(), input="bit", samples=32, rtl_samples=8, simulator="amaranth")
    assert report.ok, str(report)
    assert any("RTL" in c.name and c.bits for c in report.checks)
