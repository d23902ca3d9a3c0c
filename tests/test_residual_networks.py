"""Residual and depthwise networks in Brevitas' form: every hidden bit equal to a program not ours, RTL included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from patterns import PATTERNS
from patterns_linear import TWO_SUMS
from residual_networks import Network, mobilenet, resnet8
from second_opinion import agree

import threshc
from threshc.compiler.frontend.load import lower_model
from threshc.compiler.ir.ops import Bitplanes, Sum

NETWORKS = {"ResNet-8": resnet8, "MobileNet": mobilenet}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("weight_bits", "bits"), [(1, 1), (2, 2), (1, 2), (4, 3)], ids=str)
def test_every_hidden_bit_is_qonnx(name: str, weight_bits: int, bits: int) -> None:
    model = NETWORKS[name](12, 4, weight_bits, bits, seed=weight_bits)
    x = np.random.default_rng(1).integers(0, 256, (6, 3, 12, 12)) / np.float32(255)
    assert agree(model, x, "uint8/255") > 10_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [lambda: resnet8(3, 1, 1, 1, blocks=1), lambda: mobilenet(4, 1, 1, 1), lambda: resnet8(3, 1, 2, 2, blocks=1)],
    ids=["ResNet W1A1", "MobileNet W1A1", "ResNet W2A2"],
)
def test_the_circuit_is_the_model(make: Callable[[], onnx.ModelProto]) -> None:
    report = threshc.verify(make(), input="bit", samples=32, rtl_samples=8, simulator="amaranth")
    assert report.ok, str(report)
    assert any("RTL" in c.name and c.bits for c in report.checks)


def test_pooled_counts_are_kept_where_composing_multiplies_the_weights() -> None:
    kept = [p for p in PATTERNS if p.note == TWO_SUMS]
    assert len(kept) == 3
    for p in kept:
        network = threshc.load(p.build(), input=p.input)
        assert any(isinstance(op, Bitplanes) for op in network.ops), p.name


@pytest.mark.slow
def test_an_image_net_sized_network_loads() -> None:
    """A map of 224 x 224, and 1000 classes over 1280 pooled channels: no matrix with the zeros of a pool is written."""
    n = Network(224, 3, 1, 2, 0)
    x = n.relu(n.norm(n.conv(n.m.input, 8, 3, 4)), 0.7)
    for channels in (16, 24, 32):
        y = n.shared(n.norm(n.conv(x, channels, 3, 2)), 0.43)
        side = n.shared(n.norm(n.conv(x, channels, 1, 2)), 0.43)
        x = n.relu(n.add(y, side), 0.6)
    x = n.relu(n.norm(n.conv(x, 1280, 1)), 0.6)
    network = lower_model(n.head(x, 1000), input="uint8/255").network
    assert max(op.weights.size for op in network.ops if isinstance(op, Sum)) < 1000 * 1280 * 9
