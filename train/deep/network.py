"""The network while it is trained: weighted sums, optional BatchNorm and max pooling, steps; linear scores last."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from threshc.train.deep.architecture import Block
from threshc.train.deep.surrogates import Activation, Rule, Step
from threshc.train.deep.weights import rounded, through


class Weighted(nn.Module):
    """A dense or convolutional sum with latent weights: floats (rows, fan-in) or (rows, channels, k, k), and bias
    (rows,).

    kind: what its weights are rounded to. per_row: every row has a scale; else there is one, as the scores are
    compared. mask: 0 where a weight stays 0.
    """

    mask: Tensor

    def __init__(
        self, shape: tuple[int, ...], kind: str, *, per_row: bool, block: Block | None, fan_in: int | None
    ) -> None:
        super().__init__()
        bound = torch.Size(shape[1:]).numel() ** -0.5
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(shape[0]).uniform_(-bound, bound))
        self.kind, self.per_row, self.block = kind, per_row, block
        places = torch.rand(shape[0], torch.Size(shape[1:]).numel()).argsort(dim=1).argsort(dim=1)
        mask = torch.ones(shape) if fan_in is None else (places < fan_in).reshape(shape).to(torch.float32)
        self.register_buffer("mask", mask)
        self.masked = fan_in is not None

    def integers(self) -> tuple[Tensor, Tensor]:
        """Returns the rounded weights, of the weights' shape, and the real scale, (rows, 1, ..) or of one element."""
        ints, scale = rounded(self.weight * self.mask if self.masked else self.weight, self.kind, per_row=self.per_row)
        return (ints * self.mask if self.masked else ints), scale

    def pruned(self, weight: Tensor) -> Tensor:
        """Returns the weights that are kept; the others are 0 and have no gradient."""
        return weight * self.mask

    def forward(self, x: Tensor, quantized: bool, pad: float, unit: float = 1.0) -> Tensor:
        """Returns sums (N, ..) of x (N, ..). quantized: with rounded weights. pad, unit: the real values of x's
        integers 0 and 1."""
        weight, bias = self.weight, self.bias
        if quantized:
            ints, scale = self.integers()
            weight = through(ints * scale, weight)
            if not self.per_row:
                step = scale.reshape(()) * unit
                bias = through(torch.round(bias / step) * step, bias)
        if self.masked:
            weight = self.pruned(weight)
        if self.block is None or not self.block.kernel:
            return functional.linear(x.flatten(1), weight, bias)
        if pad and self.block.padding:
            p = self.block.padding
            return functional.conv2d(functional.pad(x, (p, p, p, p), value=pad), weight, bias, self.block.stride)
        return functional.conv2d(x, weight, bias, self.block.stride, self.block.padding)


class Hidden(nn.Module):
    """A hidden layer is a weighted sum, optional BatchNorm, max pooling, and the step."""

    def __init__(self, weighted: Weighted, block: Block, batch_norm: bool) -> None:
        super().__init__()
        self.weighted, self.pool = weighted, block.pool
        kind = nn.BatchNorm2d if block.kernel else nn.BatchNorm1d
        self.norm = kind(block.channels) if batch_norm else None

    def forward(self, x: Tensor, quantized: bool, pad: float) -> Tensor:
        """Returns z (N, ..), which the step compares with its thresholds. quantized, pad: as for `Weighted.forward`."""
        z = self.weighted(x, quantized, pad)
        if self.norm is not None:
            z = self.norm(z)
        return functional.max_pool2d(z, self.pool) if self.pool > 1 else z


class ThresholdNetwork(nn.Module):
    """A network of hidden layers and an output, with latent weights that are trained.

    blocks: the hidden layers (`architecture.parse`). shape: of a sample, (n,) or (C, H, W). classes: how many scores
    there are. rule: what replaces the step's derivative (`surrogates`). weights, output_weights: kinds of integers
    that weights are rounded to. scale, offset: the first layer takes (x - offset) * scale of the integers x. fan_in:
    inputs per unit of dense hidden layers, at random places. fires_at_tie: whether z = threshold counts. Raises
    ValueError for blocks that do not fit the shape.
    """

    def __init__(
        self,
        blocks: tuple[Block, ...],
        shape: tuple[int, ...],
        classes: int,
        *,
        activation: Activation,
        rule: Rule,
        weights: str = "int8",
        output_weights: str | None = None,
        batch_norm: bool = False,
        scale: float = 1.0,
        offset: float = 0.0,
        fan_in: int | None = None,
        fires_at_tie: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.activation, self.rule, self.fires_at_tie = activation, rule, fires_at_tie
        self.scale, self.offset, self.shape, self.quantized = scale, offset, shape, False
        self.hidden = nn.ModuleList()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for block in blocks:
                after = block.shape(shape)
                inputs = (shape[0], block.kernel, block.kernel) if block.kernel else (torch.Size(shape).numel(),)
                masked = None if block.kernel else fan_in
                sums = Weighted((block.channels, *inputs), weights, per_row=True, block=block, fan_in=masked)
                self.hidden.append(Hidden(sums, block, batch_norm))
                shape = after
            last = (classes, torch.Size(shape).numel())
            self.output = Weighted(last, output_weights or weights, per_row=False, block=None, fan_in=None)
        self.sharpness = nn.Parameter(torch.zeros(())) if self.output.kind in ("binary", "ternary") else None

    @property
    def layers(self) -> list[Weighted]:
        """Returns the weighted sums in order, the output last."""
        return [*(block.weighted for block in self.hidden), self.output]

    def extra_repr(self) -> str:
        """Returns, as text, all that decides what the network computes, apart from its weights."""
        kinds = [layer.kind for layer in self.layers]
        blocks = [layer.block for layer in self.layers]
        rest = self.activation, self.rule, self.fires_at_tie, self.scale, self.offset, self.shape
        return f"{rest}, {kinds}, {blocks}"

    @property
    def normalized(self) -> bool:
        """Returns whether there is BatchNorm."""
        return any(block.norm is not None for block in self.hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Returns scores (N, classes), float, of integers x (N, *shape) of any type."""
        h = (x.to(self.output.weight.dtype) - self.offset) * self.scale
        pad = -self.offset * self.scale
        for block in self.hidden:
            h = Step.apply(block(h, self.quantized, pad), self.activation, self.rule, self.fires_at_tie)
            pad = 0.0
        scores = self.output(h, self.quantized, 0.0, self.activation.unit)
        return scores if self.sharpness is None else scores * torch.exp(self.sharpness)
