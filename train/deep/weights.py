"""Weights as integers with one real scale per row: binary, ternary, or of k bits; straight through on the way back."""

from __future__ import annotations

import re

import torch
from torch import Tensor

KINDS = "binary, ternary, int3 to int16"


def largest(kind: str) -> int:
    """Returns the largest magnitude of the integers of a kind. Raises ValueError for an unknown one."""
    if kind in ("binary", "ternary"):
        return 1
    bits = re.fullmatch(r"int(\d+)", kind)
    if bits is None or not 3 <= int(bits[1]) <= 16:
        raise ValueError(f"weights is {kind!r}; it must be one of {KINDS}")
    return (1 << int(bits[1]) - 1) - 1


def rounded(weight: Tensor, kind: str, *, per_row: bool) -> tuple[Tensor, Tensor]:
    """Returns integers (as floats, without a gradient) and their scale > 0: (rows, 1, ..) per row, else of one element.

    binary: signs, where 0 counts as +1, with scale 1/sqrt(fan-in). ternary: 0 within 0.7 of the mean magnitude, else
    the sign times the mean of the magnitudes kept (Li, Liu 2016). intK: the largest magnitude becomes 2^(K-1) - 1.
    """
    top, flat = largest(kind), weight.detach().abs().reshape(len(weight), -1)
    if not per_row:
        flat = flat.reshape(1, -1)
    if kind == "binary":
        ints = torch.where(weight.detach() >= 0, 1.0, -1.0)
        size = torch.full((len(flat), 1), weight[0].numel() ** -0.5)
    elif kind == "ternary":
        limit = 0.7 * flat.mean(dim=1, keepdim=True)
        kept = flat > limit
        size = (flat * kept).sum(dim=1, keepdim=True) / kept.sum(dim=1, keepdim=True).clamp(min=1)
        ints = torch.sign(weight.detach()) * (weight.detach().abs() > _spread(limit, weight))
    else:
        size = flat.amax(dim=1, keepdim=True) / top
        ints = torch.round(weight.detach() / _spread(torch.where(size > 0, size, 1), weight)).clamp(-top, top)
    return ints, _spread(torch.where(size > 0, size, 1), weight)


def through(value: Tensor, latent: Tensor) -> Tensor:
    """Returns the value, with the gradient of `latent`."""
    return latent + (value - latent).detach()


def _spread(scale: Tensor, weight: Tensor) -> Tensor:
    return scale.reshape(-1, *[1] * (weight.ndim - 1))
