"""The step and what replaces its derivative: FTPROP's layer losses, straight-through slopes, staircases.

Forward, every activation is a sum of thresholds: low + gain * #{k: z >= thresholds[k]}. Backward, a rule turns the
gradient g of the outputs into one of z. FTPROP (Friesen, Domingos 2018, section 4): the target of a unit is
t = sign(-g), 0 leaves it out; its loss l(m) of the margin m = z t gives dz = l'(m) t, times |g| (scaled) or divided by
the batch. As t |g| = -g, a scaled loss is a straight-through estimator of slope -l'(m).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Rule = Callable[[Tensor, Tensor, "Activation"], Tensor]
"""(z, g, activation) -> dz, all of z's shape with the batch first."""


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation computes low + gain * #{k: z >= thresholds[k]}.

    window: the z between the first and the last change of the relaxed step. centre, half: the z that a smooth rule
    takes for 0, and its distance to the one that it takes for 1. unit: real value of the integer 1.
    """

    name: str
    thresholds: tuple[float, ...]
    low: int
    gain: int
    unit: float
    window: tuple[float, float]
    centre: float = 0.0
    half: float = 1.0

    @property
    def largest(self) -> int:
        """Returns the largest magnitude of its integer values."""
        return max(abs(self.low), abs(self.low + self.gain * len(self.thresholds)))


def staircase(steps: int) -> Activation:
    """Returns `steps` thresholds at i / (steps - 1) with values 0, 1/steps, .., 1.

    It is the quantized ReLU of FTPROP's code (github.com/afriesen/ftprop).
    """
    thresholds = tuple(i / (steps - 1) for i in range(steps))
    return Activation(f"staircase{steps}", thresholds, 0, 1, 1 / steps, (0.0, 1.0), 0.5, 0.5)


ACTIVATIONS: dict[str, Activation] = {
    "sign": Activation("sign", (0.0,), -1, 2, 1.0, (-1.0, 1.0)),
    "step": Activation("step", (0.0,), 0, 1, 1.0, (0.0, 1.0)),
    "staircase3": staircase(3),
    "staircase5": staircase(5),
}


@dataclass(frozen=True, slots=True)
class LayerLoss:
    """A loss has value(m) and slope(m) = value'(m) of the margin m. windowed: margins are counted from the
    activation's window."""

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    windowed: bool = False


def _ramp(m: Tensor) -> Tensor:
    inner = m.clamp(-1, 1)
    left, right = (-1 - m).clamp(0, 1), (m - 1).clamp(0, 1)
    return 1.5 - inner + left - left**2 / 2 - right + right**2 / 2


LAYER_LOSSES: dict[str, LayerLoss] = {
    "soft_hinge": LayerLoss(lambda m: 1 - torch.tanh(m), lambda m: torch.tanh(m) ** 2 - 1),
    "saturated": LayerLoss(lambda m: (1 - m).clamp(0, 2), lambda m: -(m.abs() <= 1).to(m.dtype), True),
    "straight_through": LayerLoss(lambda m: -m, lambda m: -torch.ones_like(m)),
    "truncated_hinge": LayerLoss(lambda m: (1 - m).clamp(0, 2), lambda m: -((m > -1) & (m <= 1)).to(m.dtype), True),
    "hinge": LayerLoss(lambda m: (1 - m).clamp(min=0), lambda m: -(m <= 1).to(m.dtype)),
    "perceptron": LayerLoss(lambda m: (-m).clamp(min=0), lambda m: -(m <= 0).to(m.dtype)),
    "ramp": LayerLoss(_ramp, lambda m: -(2 - m.abs()).clamp(0, 1), True),
    "sigmoid": LayerLoss(
        lambda m: torch.sigmoid(-2 * m), lambda m: -2 * torch.sigmoid(-2 * m) * (1 - torch.sigmoid(-2 * m))
    ),
    "lecun_tanh": LayerLoss(
        lambda m: 1 - 1.7519 * torch.tanh(m * (2 / 3)), lambda m: 1.7519 * (2 / 3) * (torch.tanh(m * (2 / 3)) ** 2 - 1)
    ),
}
"""FTPROP's losses (github.com/afriesen/ftprop, targetprop.py); `saturated` is its SSTE, `straight_through` its STE."""


@dataclass(frozen=True, slots=True)
class LayerRule:
    """It is FTPROP's rule of a layer loss (Friesen, Domingos 2018, section 4). name: one of LAYER_LOSSES.

    scaled: the slope is multiplied by |g|, the authors' default; else it is l'(m) t / batch.
    """

    name: str
    scaled: bool = True

    def __call__(self, z: Tensor, g: Tensor, activation: Activation) -> Tensor:
        """Returns dz; see `Rule`."""
        loss, (low, high) = LAYER_LOSSES[self.name], activation.window
        centre, half = ((low + high) / 2, (high - low) / 2) if loss.windowed else (activation.centre, activation.half)
        u = z if (centre, half) == (0, 1) else (z - centre) / half
        target = torch.sign(-g)
        slope = loss.slope(u * target)
        return -slope * g if self.scaled else slope * target / len(g)


def _reste(u: Tensor, power: float) -> Tensor:
    size = u.abs()
    slope = size.clamp(min=_INTERVAL) ** (1 / power - 1) / power
    flat = _INTERVAL ** (1 / power) / _INTERVAL
    return torch.where(size <= _INTERVAL, flat, slope) * (size <= _CUT)


_INTERVAL, _CUT, _LAST_POWER = 0.1, 1.5, 3.0

STRAIGHT_THROUGH: dict[str, Callable[[Tensor, float], Tensor]] = {
    "identity": lambda u, _: torch.ones_like(u),
    "clipped_relu": lambda u, _: ((u >= 0) & (u <= 1)).to(u.dtype),
    "relu": lambda u, _: (u >= 0).to(u.dtype),
    "sech2": lambda u, _: 1 - torch.tanh(u) ** 2,
    "reste": lambda u, progress: _reste(u, 1 + (_LAST_POWER - 1) * progress),
}
"""Slopes that stand for the step's, by z and the share of training that is done. reste: Wu et al. 2023, the derivative
of sign(z) |z|^(1/o), o from 1 to 3; a difference quotient within 0.1 of 0, and 0 beyond 1.5."""


class StraightThrough:
    """It is the rule dz = g * slope(z). name: one of STRAIGHT_THROUGH.

    Its progress, 0 to 1, is set by the training loop, for slopes that sharpen.
    """

    def __init__(self, name: str) -> None:
        self.name, self.progress = name, 0.0

    def __repr__(self) -> str:
        return f"StraightThrough({self.name!r})"

    def __call__(self, z: Tensor, g: Tensor, activation: Activation) -> Tensor:
        """Returns dz; see `Rule`."""
        u = z if (activation.centre, activation.half) == (0, 1) else (z - activation.centre) / activation.half
        return g * STRAIGHT_THROUGH[self.name](u, self.progress)


class Step(torch.autograd.Function):
    """`Step.apply(z, activation, rule, fires_at_tie)` gives real values of the activation; backward it follows the
    rule."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, activation: Activation, rule: Rule, fires_at_tie: bool) -> Tensor:
        """Returns the activation's real values, of z's shape.

        fires_at_tie: a z equal to a threshold counts; else only a z above it does (as in the authors' code).
        """
        ctx.save_for_backward(z)
        ctx.activation, ctx.rule = activation, rule
        count = torch.zeros_like(z)
        for threshold in activation.thresholds:
            count += (z >= threshold) if fires_at_tie else (z > threshold)
        return (activation.low + activation.gain * count) * activation.unit

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None, None]:
        """Returns the gradient of z, of its shape, and None for the other arguments."""
        (z,) = ctx.saved_tensors
        return ctx.rule(z, g, ctx.activation), None, None, None
