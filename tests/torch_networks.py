"""Small networks of +-1 as they are written in PyTorch, with what published code puts between layers and steps."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def sign(x: Tensor) -> Tensor:
    """+1 where x >= 0, else -1."""
    return torch.where(x >= 0, 1.0, -1.0)


class BinaryConv(nn.Conv2d):
    """Convolution with the signs of its weights, without a bias."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, torch.sign(self.weight), None, self.stride, self.padding, 1, self.groups)


def binary(channels: int, rows: int, kernel: int, **more: Any) -> BinaryConv:
    return BinaryConv(channels, rows, kernel, padding=kernel // 2, **more)


def norm(channels: int) -> nn.BatchNorm2d:
    """BatchNormalization with statistics as after training."""
    made = nn.BatchNorm2d(channels)
    assert made.running_mean is not None
    assert made.running_var is not None
    made.running_mean.normal_(0, 2)
    made.running_var.uniform_(4, 16)
    nn.init.uniform_(made.weight, 0.5, 1.5)
    nn.init.normal_(made.bias, 0, 0.3)
    return made


class DenseNet(nn.Module):
    """BinaryDenseNet: real maps are concatenated, and each block starts with BatchNorm and sign."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = binary(3, 8, 3)
        self.norms = nn.ModuleList(norm(n) for n in (8, 12, 16))
        self.convs = nn.ModuleList(binary(n, 4, 3) for n in (8, 12, 16))
        self.last, self.head = norm(20), nn.Linear(20, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for batch_norm, conv in zip(self.norms, self.convs, strict=True):
            x = torch.cat([x, conv(sign(batch_norm(x)))], 1)
        return self.head(sign(self.last(x)).mean([2, 3]))


class ShuffleNet(nn.Module):
    """A channel shuffle of real maps, a depthwise convolution, two kinds of pooling side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.group, self.depth = (
            binary(3, 8, 3, stride=2),
            binary(8, 8, 1, groups=2),
            binary(8, 8, 3, groups=8),
        )
        self.first, self.second, self.head = norm(8), norm(8), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        n, c, h, w = x.shape
        y = self.group(sign(x + 0.5)).view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        a, b = sign(self.first(y)).chunk(2, 1)
        z = self.second(self.depth(torch.cat([b, a], 1)))
        pooled = F.adaptive_avg_pool2d(sign(z), 1), F.adaptive_max_pool2d(sign(y - 0.5), 1)
        return self.head(torch.cat([p.flatten(1) for p in pooled], 1))


class ResNet(nn.Module):
    """A residual block of which the shortcut skips places and pads channels with zeros (option A)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv = binary(3, 8, 3), binary(8, 16, 3, stride=2)
        self.first, self.second, self.head = norm(8), norm(16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = sign(self.first(self.stem(x)))
        y = self.conv(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4))
        return self.head(sign(self.second(y)).mean((2, 3)))


class UNet(nn.Module):
    """Sums of half the size are repeated to full size and concatenated with those that they came from."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.down, self.last = binary(3, 4, 3), binary(4, 4, 3, stride=2), binary(8, 4, 3)
        self.norms = nn.ModuleList(norm(n) for n in (4, 8, 4))
        self.head = nn.Linear(4 * 144, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        up = F.interpolate(self.down(sign(self.norms[0](x))), scale_factor=2, mode="nearest")
        y = sign(self.norms[1](torch.cat([x, up], 1)))
        return self.head(sign(self.norms[2](self.last(y))).flatten(1))


class MobileNet(nn.Module):
    """A depthwise convolution and one of 1 x 1 without a step between; average pooling, squeeze, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.depth, self.point = binary(3, 8, 3, stride=2), binary(8, 8, 3, groups=8), binary(8, 16, 1)
        self.first, self.second, self.head = norm(8), norm(16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = sign(self.second(self.point(self.depth(sign(self.first(self.stem(x)))))))
        return self.head(F.avg_pool2d(x, 6).squeeze(-1).squeeze(-1))


class PixelShuffle(nn.Module):
    """Channels of real maps become places before BatchNorm and sign."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.conv, self.head = (
            binary(3, 8, 3),
            norm(2),
            BinaryConv(2, 4, 3, 3),
            nn.Linear(256, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = sign(self.norm(F.pixel_shuffle(self.stem(x), 2)))
        return self.head(sign(self.conv(x) + 0.5).flatten(1))


class LongResNet(nn.Module):
    """Ternary activations added over two layers, and to the output of a third before its step."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([binary(3, 6, 3), binary(6, 6, 3), binary(6, 6, 1)])
        self.norms, self.head = nn.ModuleList(norm(6) for _ in range(3)), nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        a = torch.sign(self.norms[0](self.convs[0](x)))
        b = torch.sign(self.norms[1](self.convs[1](a)))
        y = torch.sign(self.norms[2](a + b + self.convs[2](b)))
        return self.head(F.adaptive_avg_pool2d(y + a, 1).flatten(1))


NETWORKS = (DenseNet, ShuffleNet, ResNet, UNet, MobileNet, PixelShuffle, LongResNet)
