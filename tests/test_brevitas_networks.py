"""ResNet-8 and a MobileNet in Brevitas itself, trained for some steps and exported to QONNX: every hidden bit as qonnx.

Skipped where Brevitas or onnxoptimizer is not installed; `test_residual_networks.py` has the same graphs without them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from second_opinion import agree

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch", reason="needs PyTorch")
qnn = pytest.importorskip("brevitas.nn", reason="needs Brevitas")
pytest.importorskip("onnxoptimizer", reason="Brevitas' export needs onnxoptimizer")
quantizers = pytest.importorskip("brevitas.quant")
nn = torch.nn


class Writer:
    """Makes the layers of a network of given widths in bits."""

    def __init__(self, weight_bits: int, bits: int, per_channel: bool) -> None:
        self.weight_bits, self.bits, self.per_channel = weight_bits, bits, per_channel

    def conv(self, channels: int, rows: int, kernel: int, stride: int = 1, groups: int = 1) -> list[Any]:
        """Convolution and BatchNorm."""
        how: dict[str, Any] = {"weight_bit_width": self.weight_bits}
        if self.weight_bits == 1:
            how = {"weight_quant": quantizers.SignedBinaryWeightPerTensorConst}
        elif self.per_channel:
            how["weight_quant"] = quantizers.Int8WeightPerChannelFloat
        more = {"stride": stride, "padding": kernel // 2, "groups": groups, "bias": False}
        return [qnn.QuantConv2d(channels, rows, kernel, **more, **how), nn.BatchNorm2d(rows)]

    def relu(self) -> Any:
        """QuantReLU, or a bipolar activation of one bit."""
        return qnn.QuantReLU(bit_width=self.bits) if self.bits > 1 else self._bipolar()

    def shared(self) -> Any:
        """The quantizer of both sides of an addition."""
        return qnn.QuantIdentity(bit_width=self.bits + 1) if self.bits > 1 else self._bipolar()

    def _bipolar(self) -> Any:
        return qnn.QuantIdentity(act_quant=quantizers.SignedBinaryActPerTensorConst)


class Block(nn.Module):  # type: ignore[name-defined,misc]
    """Two convolutions, and a shortcut that goes through the same quantizer before the addition."""

    def __init__(self, w: Writer, channels: int, rows: int, stride: int) -> None:
        super().__init__()
        self.long = nn.Sequential(*w.conv(channels, rows, 3, stride), w.relu(), *w.conv(rows, rows, 3))
        self.short = nn.Sequential(*(w.conv(channels, rows, 1, stride) if channels != rows else []))
        self.shared, self.last = w.shared(), w.relu()

    def forward(self, x: Any) -> Any:
        return self.last(self.shared(self.long(x)) + self.shared(self.short(x)))


def resnet(w: Writer) -> Any:
    blocks = (Block(w, 4, 4, 1), Block(w, 4, 8, 2), Block(w, 8, 16, 2))
    return _network(w, *w.conv(3, 4, 3), w.relu(), *blocks)


def mobilenet(w: Writer) -> Any:
    layers = [*w.conv(3, 4, 3), w.relu()]
    for channels, rows, stride in ((4, 8, 2), (8, 8, 1), (8, 16, 2)):
        layers += [*w.conv(channels, channels, 3, stride, channels), w.relu(), *w.conv(channels, rows, 1), w.relu()]
    return _network(w, *layers)


def _network(w: Writer, *layers: Any) -> Any:
    head = qnn.QuantLinear(16, 10, bias=True, weight_bit_width=max(w.weight_bits, 4))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [resnet, mobilenet], ids=["ResNet-8", "MobileNet"])
@pytest.mark.parametrize(
    ("weight_bits", "bits", "per_channel"), [(1, 1, False), (2, 2, False), (2, 2, True), (4, 4, False)], ids=str
)
def test_every_hidden_bit(make: Any, weight_bits: int, bits: int, per_channel: bool, tmp_path: Path) -> None:
    from brevitas.export import export_qonnx

    torch.manual_seed(0)
    network = make(Writer(weight_bits, bits, per_channel))
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    for _ in range(8):
        x, y = torch.randint(0, 256, (16, 3, 12, 12)).float() / 255, torch.randint(0, 10, (16,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    path = tmp_path / "net.onnx"
    export_qonnx(network.eval(), torch.rand(1, 3, 12, 12), export_path=str(path), dynamo=False)
    pixels = np.random.default_rng(1).integers(0, 256, (6, 3, 12, 12)) / np.float32(255)
    assert agree(onnx.load(path), pixels.astype(np.float32), "uint8/255") > 4000
