"""Residual and depthwise networks as Brevitas exports them to QONNX: one shared quantizer before each addition."""

from __future__ import annotations

import numpy as np
import onnx
from onnx_models import QONNX, Model
from pattern import quant


class Network:
    """Writes a network of quantized layers; every method takes and gives a map, whose channels it knows."""

    def __init__(self, size: int, channels: int, weight_bits: int, bits: int, seed: int) -> None:
        self.m = Model(["batch", channels, size, size])
        self.rng = np.random.default_rng(seed)
        self.channels, self.fan_in = {self.m.input: channels}, {self.m.input: 1}
        self.weight_bits, self.bits = weight_bits, bits

    def weights(self, *shape: int) -> str:
        """Latent floats behind BipolarQuant, or behind a narrow Quant."""
        latent = self.m.const(self.rng.normal(size=shape))
        if self.weight_bits == 1:
            return self.m.op("BipolarQuant", latent, self.m.const(0.25), domain=QONNX)
        return quant(self.m, latent, self.weight_bits, 1, 1, 0.75)

    def conv(self, x: str, channels: int, kernel: int, stride: int = 1, group: int = 1) -> str:
        """Quantized convolution, padded to keep the size."""
        fan = self.channels[x] // group
        y = self.m.op(
            "Conv",
            x,
            self.weights(channels, fan, kernel, kernel),
            kernel_shape=[kernel] * 2,
            pads=[kernel // 2] * 4,
            strides=[stride] * 2,
            group=group,
        )
        self.fan_in[y] = fan * kernel * kernel
        return self._is(y, channels)

    def norm(self, x: str) -> str:
        """BatchNormalization whose statistics fit sums of this many weights."""
        n, size = self.channels[x], 0.6 * self.fan_in[x] ** 0.5 * (0.25 if self.weight_bits == 1 else 0.75)
        spread = size * self.rng.uniform(0.7, 1.3, n)
        gamma, beta = self.rng.uniform(0.6, 1.4, n), self.rng.normal(scale=0.3, size=n)
        made = [self.m.const(v) for v in (gamma, beta, size * self.rng.normal(size=n) / 2, spread**2)]
        return self._is(self.m.op("BatchNormalization", x, *made), n)

    def relu(self, x: str, scale: float) -> str:
        """QuantReLU; with one bit, a bipolar activation in its place."""
        if self.bits == 1:
            return self._is(self.m.op("BipolarQuant", x, self.m.const(scale), domain=QONNX), self.channels[x])
        return self._is(quant(self.m, self.m.op("Relu", x), self.bits, 0, 0, scale), self.channels[x])

    def shared(self, x: str, scale: float) -> str:
        """The quantizer that both sides of an addition go through."""
        if self.bits == 1:
            return self._is(self.m.op("BipolarQuant", x, self.m.const(scale), domain=QONNX), self.channels[x])
        return self._is(quant(self.m, x, self.bits + 1, 1, 0, scale), self.channels[x])

    def add(self, a: str, b: str) -> str:
        return self._is(self.m.op("Add", a, b), self.channels[a])

    def head(self, x: str, classes: int) -> onnx.ModelProto:
        """Global pooling and a quantized dense layer with a bias."""
        n = self.channels[x]
        x = self.m.op("Flatten", self.m.op("GlobalAveragePool", x))
        bias = self.m.const(self.rng.normal(scale=0.1, size=classes))
        return self.m.build(self.m.op("Gemm", x, self.weights(classes, n), bias, transB=1))

    def _is(self, x: str, channels: int) -> str:
        self.channels[x] = channels
        return x


def resnet8(size: int, width: int, weight_bits: int, bits: int, seed: int = 0, blocks: int = 3) -> onnx.ModelProto:
    """ResNet-8: a stem and three blocks of two convolutions, shortcuts of 1 x 1 where the size changes."""
    n = Network(size, 3, weight_bits, bits, seed)
    x = n.relu(n.norm(n.conv(n.m.input, width, 3)), 0.7)
    for k in range(blocks):
        channels, stride = width << k, 1 if k == 0 else 2
        y = n.relu(n.norm(n.conv(x, channels, 3, stride)), 0.7)
        y = n.shared(n.norm(n.conv(y, channels, 3)), 0.43)
        side = x if stride == 1 else n.norm(n.conv(x, channels, 1, stride))
        x = n.relu(n.add(y, n.shared(side, 0.43)), 0.61)
    return n.head(x, 10)


def mobilenet(size: int, width: int, weight_bits: int, bits: int, seed: int = 0) -> onnx.ModelProto:
    """Inverted residuals as in MobileNetV2: 1 x 1 up, depthwise, 1 x 1 down without a step, added where sizes agree."""
    n = Network(size, 3, weight_bits, bits, seed)
    x = n.relu(n.norm(n.conv(n.m.input, width, 3, 2)), 0.7)
    x = n.shared(n.norm(n.conv(n.relu(n.norm(n.conv(x, width, 3, group=width)), 0.6), width, 1)), 0.43)
    for channels, stride in ((width, 1), (2 * width, 2), (2 * width, 1)):
        wide = 2 * n.channels[x]
        y = n.relu(n.norm(n.conv(x, wide, 1)), 0.6)
        y = n.relu(n.norm(n.conv(y, wide, 3, stride, group=wide)), 0.6)
        y = n.shared(n.norm(n.conv(y, channels, 1)), 0.43)
        x = n.add(x, y) if stride == 1 and channels == n.channels[x] else y
    x = n.relu(n.norm(n.conv(n.shared(x, 0.43), 4 * width, 1)), 0.6)
    return n.head(x, 10)
