"""Networks written in PyTorch, through both of its exporters; run as a script (see `writing.py`)."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from catalog import SAMPLES
from torch import Tensor, nn
from writing import centre, integers, main

sys.path.append(str(Path(__file__).resolve().parents[1]))
import torch_networks

Step = Callable[[Tensor], Tensor]


def sign(x: Tensor) -> Tensor:
    return torch.where(x >= 0, 1.0, -1.0)


class Straight(torch.autograd.Function):
    """The sign, with the gradient of a Hardtanh."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return sign(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (x.abs() <= 1)


class Apply(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Step) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Dense(nn.Linear):
    """A layer whose weights go through a function."""

    def __init__(self, features: int, rows: int, weights: Step = torch.sign) -> None:
        super().__init__(features, rows, bias=False)
        nn.init.uniform_(self.weight, -1, 1)
        self.weight.data **= 3
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weights(self.weight))


def mlp(step: Step, weights: Step = torch.sign, tail: nn.Module | None = None) -> nn.Module:
    """Three layers on 36 pixels, BatchNorm1d and a step behind the first two."""
    layers: list[nn.Module] = [Dense(36, 24, weights), nn.BatchNorm1d(24), Apply(step)]
    layers += [Dense(24, 16, weights), nn.BatchNorm1d(16), Apply(step), Dense(16, 6, weights), nn.BatchNorm1d(6)]
    return nn.Sequential(*layers, *([tail] if tail is not None else []))


def cnn(*behind: nn.Module, before: nn.Module | None = None) -> nn.Module:
    """A convolution on (3, 8, 8) pixels, `behind` between it and the next, BatchNorm, sign, global average pooling."""
    conv = torch_networks.binary
    layers = [*([before] if before is not None else []), conv(3, 8, 3), *behind, conv(8, 8, 3), nn.BatchNorm2d(8)]
    return nn.Sequential(*layers, Apply(sign), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 6))


def hardtanh(x: Tensor) -> Tensor:
    return (sign(x) - F.hardtanh(x)).detach() + F.hardtanh(x)


def ternary(w: Tensor) -> Tensor:
    return w.abs().mean(1, keepdim=True) * torch.round(w / w.abs().mean()).clamp(-1, 1)


def alpha(w: Tensor) -> Tensor:
    return w.abs().mean(1, keepdim=True) * torch.sign(w)


def ste_weights(w: Tensor) -> Tensor:
    clipped = w.clamp(-1, 1)
    return (alpha(w) - clipped).detach() + clipped


class RSign(nn.Module):
    """A learned threshold per channel."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.randn(features) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        return sign(x - self.threshold)


class Normalize(nn.Module):
    """The preprocessing of torchvision in the graph."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x / 255 - self.mean) / self.std  # type: ignore[operator]


class Shortcut(nn.Module):
    """Bi-Real-Net's block: the sum before the step goes on, in real numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first = torch_networks.binary(3, 8, 3), nn.BatchNorm2d(8)
        self.conv, self.second, self.head = torch_networks.binary(8, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(self.stem(x))
        x = x + self.second(self.conv(sign(x)))
        return self.head(sign(x).mean((2, 3)))


class Argmax(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(x, 1).argmax(1)


FLAT, MAP, WIDE = (36,), (3, 8, 8), (3, 12, 12)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "function": (partial(mlp, Straight.apply), FLAT),
    "detach": (partial(mlp, lambda x: x + (sign(x) - x).detach()), FLAT),
    "hardtanh": (partial(mlp, hardtanh), FLAT),
    "hardtanh_sign": (partial(mlp, lambda x: torch.sign(F.hardtanh(x))), FLAT),
    "cast": (partial(mlp, lambda x: (x > 0).float()), FLAT),
    "dorefa": (partial(mlp, lambda x: torch.round(x.clamp(0, 1) * 3) / 3), FLAT),
    "prelu": (lambda: cnn(nn.BatchNorm2d(8), nn.PReLU(8), Apply(sign)), MAP),
    "elu": (partial(mlp, lambda x: sign(F.elu(x) + 0.3)), FLAT),
    "rsign": (
        lambda: nn.Sequential(
            *(Dense(36, 24), nn.BatchNorm1d(24), RSign(24), Dense(24, 6), nn.BatchNorm1d(6), nn.ReLU6())
        ),
        FLAT,
    ),
    "ternary": (partial(mlp, sign, ternary), FLAT),
    "xnor_alpha": (partial(mlp, sign, alpha), FLAT),
    "ste_weights": (partial(mlp, sign, ste_weights), FLAT),
    "pool_first": (lambda: cnn(nn.MaxPool2d(2), nn.BatchNorm2d(8), Apply(sign)), MAP),
    "pool_last": (lambda: cnn(nn.BatchNorm2d(8), Apply(sign), nn.MaxPool2d(2)), MAP),
    "normalize": (lambda: cnn(nn.BatchNorm2d(8), Apply(sign), before=Normalize()), MAP),
    "softmax": (partial(mlp, sign, tail=nn.Softmax(1)), FLAT),
    "log_softmax_argmax": (partial(mlp, sign, tail=Argmax()), FLAT),
    "real_head": (lambda: nn.Sequential(Dense(36, 24), nn.BatchNorm1d(24), Apply(sign), nn.Linear(24, 6)), FLAT),
    "relu": (partial(mlp, torch.relu), FLAT),
    "real_shortcut": (Shortcut, MAP),
} | {n.__name__: (n, WIDE) for n in torch_networks.NETWORKS}


def make(name: str, dynamo: bool, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Statistics from two batches, then the export and the scores of 256 samples."""
    build, shape = NETWORKS[name]
    torch.manual_seed(3)
    network, x = build(), integers(SAMPLES, *shape)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        for seed in (2, 3):
            network(torch.from_numpy(integers(64, *shape, seed=seed)).float())
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0, 0.3)
        real = torch.from_numpy(x).float()
        centre(network, network.eval()(real))
        scores = network(real).numpy()
    opset: dict[str, int] = {} if dynamo else {"opset_version": 17}
    torch.onnx.export(network, (real[:1],), str(path), dynamo=dynamo, input_names=["x"], **opset)
    return x, scores


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    main(
        {f"{n}-TorchScript": partial(make, n, False) for n in NETWORKS}
        | {f"{n}-dynamo": partial(make, n, True) for n in NETWORKS}
    )
