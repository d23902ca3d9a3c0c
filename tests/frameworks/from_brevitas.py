"""Networks written in Brevitas, exported as QONNX and as QCDQ; run as a script (see `writing.py`)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

import brevitas.nn as qnn  # noqa: E402
import brevitas.quant as quant  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from brevitas.export import export_onnx_qcdq, export_qonnx  # noqa: E402
from catalog import SAMPLES  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from writing import centre, integers, main  # noqa: E402

Layers = list[nn.Module]
BINARY: dict[str, Any] = {"weight_quant": quant.SignedBinaryWeightPerTensorConst}
TERNARY: dict[str, Any] = {"weight_quant": quant.SignedTernaryWeightPerTensorConst}
PER_CHANNEL: dict[str, Any] = {"weight_quant": quant.Int8WeightPerChannelFloat}


def bits(n: int, **more: Any) -> dict[str, Any]:
    return {"weight_bit_width": n, **more}


def bipolar() -> nn.Module:
    return qnn.QuantIdentity(act_quant=quant.SignedBinaryActPerTensorConst)


def relu(n: int = 2, **more: Any) -> nn.Module:
    return qnn.QuantReLU(bit_width=n, return_quant_tensor=True, **more)


def dense(features: int, rows: int, how: dict[str, Any]) -> Layers:
    return [qnn.QuantLinear(features, rows, bias=False, **how), nn.BatchNorm1d(rows)]


def conv(channels: int, rows: int, how: dict[str, Any], kernel: int = 3, **more: Any) -> Layers:
    made = qnn.QuantConv2d(channels, rows, kernel, padding=kernel // 2, bias=False, **how, **more)
    return [made, nn.BatchNorm2d(rows)]


def mlp(how: dict[str, Any], step: Callable[[], nn.Module], *first: nn.Module) -> nn.Module:
    """Three layers on 36 pixels."""
    hidden = [*dense(36, 24, how), step(), *dense(24, 16, how), step()]
    return nn.Sequential(*first, *hidden, *dense(16, 6, how))


def cnn(*behind: nn.Module, how: dict[str, Any], head: Layers) -> nn.Module:
    """Two convolutions on (3, 8, 8) pixels, `behind` between them."""
    return nn.Sequential(*conv(3, 8, how), *behind, *conv(8, 8, how), relu(), *head)


def pooled(how: dict[str, Any], **more: Any) -> Layers:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), qnn.QuantLinear(8, 6, bias=True, **how, **more)]


class Block(nn.Module):
    """Two convolutions and a shortcut, through one quantizer before the addition."""

    def __init__(self, how: dict[str, Any], step: Callable[[], nn.Module], shared: nn.Module) -> None:
        super().__init__()
        self.long = nn.Sequential(*conv(8, 8, how), step(), *conv(8, 8, how))
        self.shared, self.last = shared, step()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.shared(self.long(x)) + self.shared(x))


def resnet(
    how: dict[str, Any], step: Callable[[], nn.Module], shared: Callable[[], nn.Module], blocks: int = 3
) -> nn.Module:
    made = (Block(how, step, shared()) for _ in range(blocks))
    return nn.Sequential(*conv(3, 8, how), step(), *made, *pooled(bits(4)))


def mobilenet(how: dict[str, Any]) -> nn.Module:
    layers: Layers = [*conv(3, 8, how), relu()]
    for _ in range(2):
        layers += [*conv(8, 8, how, groups=8), relu(), *conv(8, 8, how, kernel=1), relu()]
    return nn.Sequential(*layers, *pooled(bits(4)))


def signed(n: int) -> nn.Module:
    return qnn.QuantIdentity(bit_width=n, return_quant_tensor=True)


FLAT, MAP, TINY = (36,), (3, 8, 8), (3, 2, 2)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "fc_w1a1": (lambda: mlp(BINARY, bipolar), FLAT),
    "fc_w2a2": (lambda: mlp(bits(2), relu), FLAT),
    "fc_w2a2_signed": (lambda: mlp(bits(2), lambda: signed(2)), FLAT),
    "fc_ternary": (lambda: mlp(TERNARY, relu), FLAT),
    "fc_per_channel": (lambda: mlp(bits(4, **PER_CHANNEL), lambda: relu(3)), FLAT),
    "fc_power_of_two": (
        lambda: mlp(
            bits(4, weight_quant=quant.Int8WeightPerTensorFixedPoint),
            lambda: relu(act_quant=quant.Uint8ActPerTensorFixedPoint),
        ),
        FLAT,
    ),
    "fc_input_quantizer": (lambda: mlp(bits(2), relu, qnn.QuantIdentity(bit_width=8)), FLAT),
    "fc_tanh": (lambda: mlp(bits(2), lambda: qnn.QuantTanh(bit_width=2)), FLAT),
    "fc_sigmoid": (lambda: mlp(bits(2), lambda: qnn.QuantSigmoid(bit_width=2)), FLAT),
    "fc_hardtanh": (lambda: mlp(bits(2), lambda: qnn.QuantHardTanh(bit_width=2, min_val=-1.0, max_val=1.0)), FLAT),
    "cnn_input_quantizer": (
        lambda: nn.Sequential(qnn.QuantIdentity(bit_width=8), cnn(relu(), how=bits(2), head=pooled(bits(4)))),
        MAP,
    ),
    "cnn_pool_first": (lambda: cnn(nn.MaxPool2d(2), relu(), how=bits(2), head=pooled(bits(4))), MAP),
    "cnn_pool_last": (lambda: cnn(relu(), nn.MaxPool2d(2), how=bits(2), head=pooled(bits(4))), MAP),
    "cnn_bias_head": (lambda: cnn(relu(), how=bits(2), head=pooled(bits(4), bias_quant=quant.Int32Bias)), MAP),
    "cnn_trunc_pool": (
        lambda: cnn(
            relu(), how=bits(2), head=[qnn.TruncAvgPool2d(8, bit_width=2), nn.Flatten(), qnn.QuantLinear(8, 6, True)]
        ),
        MAP,
    ),
    "resnet_w1a1": (lambda: resnet(BINARY, bipolar, bipolar), MAP),
    "resnet_w2a2": (lambda: resnet(bits(2), relu, lambda: signed(3)), MAP),
    "mobilenet_w2a2": (lambda: mobilenet(bits(2, **PER_CHANNEL)), MAP),
    "tiny_resnet_w1a1": (lambda: resnet(BINARY, bipolar, bipolar, 1), TINY),
    "tiny_resnet_w2a2": (lambda: resnet(bits(2), relu, lambda: signed(3), 1), TINY),
    "tiny_mobilenet_w2a2": (lambda: mobilenet(bits(2, **PER_CHANNEL)), TINY),
}


def value(y: Any) -> Tensor:
    """A QuantTensor's real numbers."""
    return y.value if hasattr(y, "value") else y


def make(name: str, qcdq: bool, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Four steps of training, which find the scales, then the export and the scores of 256 samples."""
    build, shape = NETWORKS[name]
    torch.manual_seed(3)
    network, x = build(), integers(SAMPLES, *shape)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 0.5
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    for step in range(4):
        batch = torch.from_numpy(integers(32, *shape, seed=2 + step)).float() / 255
        optimizer.zero_grad()
        nn.functional.cross_entropy(value(network(batch)), torch.randint(0, 6, (32,))).backward()
        optimizer.step()
    real = torch.from_numpy(x).float() / 255
    with torch.no_grad():
        centre(network, value(network.eval()(real)))
        scores = value(network(real)).numpy()
    export = export_onnx_qcdq if qcdq else export_qonnx
    export(network, real[:1], export_path=str(path), dynamo=False, input_names=["x"], opset_version=17)
    return x, scores


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(
        {f"{n}-QONNX": partial(make, n, False) for n in NETWORKS}
        | {f"{n}-QCDQ": partial(make, n, True) for n in NETWORKS}
    )
