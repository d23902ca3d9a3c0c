"""Straight-through training in numpy: forward with rounded weights and steps, backward with a surrogate's slope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SURROGATES: dict[str, Callable[[Floats], Floats]] = {
    "identity": lambda z: np.ones_like(z),
    "clipped_relu": lambda z: ((z >= 0) & (z <= 1)).astype(np.float64),
    "relu": lambda z: (z >= 0).astype(np.float64),
    "sech2": lambda z: np.asarray(1 - np.tanh(z / 0.7) ** 2),
}
"""Slopes that stand for the step's, by the sum z scaled to about -1..1."""


@dataclass(frozen=True, slots=True)
class Training:
    """It holds the settings of `StraightThroughClassifier`.

    ternary: weights are -1, 0, 1 rather than -1, 1. fan_in: None for all bits. batch: samples per step. rate: the
    first.
    """

    hidden: int
    surrogate: str
    ternary: bool
    fan_in: int | None
    epochs: int
    batch: int
    rate: float


def train(
    x: Ints, y: Ints, classes: int, settings: Training, rng: np.random.Generator, callback: Callable[[float], None]
) -> tuple[Ints, Ints, Ints, Ints, list[float]]:
    """Trains and returns u (bits, hidden), t (hidden,), w (hidden, classes), bias (classes,) of the best epoch, and the
    loss of every epoch.

    x: (n, bits) zeros and ones. y: (n,) class numbers. callback: called with the loss of every epoch.
    """
    signs = 2.0 * x - 1.0
    bits, fan_in = x.shape[1], min(settings.fan_in or x.shape[1], x.shape[1])
    mask = (rng.random((bits, settings.hidden)).argsort(axis=0).argsort(axis=0) < fan_in).astype(np.float64)
    scales = 0.6 * max(fan_in, 1) ** 0.5, 0.6 * settings.hidden**0.5
    first, second = rng.uniform(-1, 1, (bits, settings.hidden)), rng.uniform(-1, 1, (settings.hidden, classes))
    offset, bias, sharpness = np.zeros(settings.hidden), np.zeros(classes), np.array(np.log(2.0))
    parameters = [first, second, offset, bias, sharpness]
    mean, square = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    slope, quantized = SURROGATES[settings.surrogate], _ternary if settings.ternary else _binary
    best, losses, step = (-1.0, _integers(parameters, mask, scales, quantized)), [], 0
    for epoch in range(settings.epochs):
        rate = settings.rate * (1 + np.cos(np.pi * epoch / settings.epochs)) / 2 + 1e-5
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), settings.batch):
            part = order[start : start + settings.batch]
            u, w = quantized(first) * mask, quantized(second)
            z = signs[part] @ u / scales[0] + offset
            h = np.where(z >= 0, 1.0, -1.0)
            scores = h @ w / scales[1] + bias
            sharp = float(np.exp(sharpness))
            p = np.exp(sharp * (scores - scores.max(axis=1, keepdims=True)))
            p /= p.sum(axis=1, keepdims=True)
            total -= float(np.log(p[np.arange(len(part)), y[part]] + 1e-300).sum())
            p[np.arange(len(part)), y[part]] -= 1
            g = p / len(part)
            back = (sharp * g) @ w.T / scales[1] * slope(z)
            gradients = [
                signs[part].T @ back / scales[0] * mask,
                h.T @ (sharp * g) / scales[1],
                back.sum(axis=0),
                sharp * g.sum(axis=0),
                np.array(sharp * (g * scores).sum()),
            ]
            step += 1
            for q, found, m, s in zip(parameters, gradients, mean, square, strict=True):
                m += 0.1 * (found - m)
                s += 0.001 * (found * found - s)
                q -= rate * (m / (1 - 0.9**step)) / (np.sqrt(s / (1 - 0.999**step)) + 1e-8)
            np.clip(first, -1, 1, out=first)
            np.clip(second, -1, 1, out=second)
            np.clip(sharpness, -3, 3, out=sharpness)
        losses.append(total / len(x))
        callback(losses[-1])
        network = _integers(parameters, mask, scales, quantized)
        right = float((_scores(x, network).argmax(axis=1) == y).mean())
        if right >= best[0]:
            best = right, network
    return *best[1], losses


def _integers(
    parameters: list[Floats], mask: Floats, scales: tuple[float, float], quantized: Callable[[Floats], Floats]
) -> tuple[Ints, Ints, Ints, Ints]:
    """The same network over bits: u.(2x - 1) / scale + offset >= 0 is 2 u.x >= sum u - scale * offset, and likewise
    after."""
    first, second, offset, bias, _ = parameters
    u, w = (quantized(first) * mask).astype(np.int64), quantized(second).astype(np.int64)
    t = np.ceil((u.sum(axis=0) - scales[0] * offset) / 2).astype(np.int64)
    return u, t, 2 * w, np.rint(bias * scales[1]).astype(np.int64) - w.sum(axis=0)


def _scores(x: Ints, network: tuple[Ints, Ints, Ints, Ints]) -> Ints:
    u, t, w, bias = network
    return np.asarray((x @ u.astype(np.float64) >= t).astype(np.int64) @ w + bias)


def _ternary(v: Floats) -> Floats:
    return np.clip(np.rint(1.5 * v), -1, 1)


def _binary(v: Floats) -> Floats:
    return np.where(v >= 0, 1.0, -1.0)
