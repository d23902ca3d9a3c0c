"""Digits turned, scaled, sheared, moved and bent a little, at random."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

TURN, SCALE, SHEAR, MOVE, BEND = 0.2, 0.12, 0.2, 1.5, 1.2
"""At most: radians, shares, and pixels for the last two."""


def distorted(images: Tensor, random: torch.Generator) -> Tensor:
    """Images (N, 28, 28) like the given ones, uint8."""
    return torch.cat([_distorted(part, random) for part in images.split(1000)])


def _distorted(images: Tensor, random: torch.Generator) -> Tensor:
    n, half = len(images), images.shape[-1] / 2

    def within(most: float, *shape: int) -> Tensor:
        return (torch.rand(n, *shape, generator=random) * 2 - 1) * most

    turn, scale, shear, move = within(TURN), 1 + within(SCALE, 2), within(SHEAR), within(MOVE / half, 2)
    cosine, sine = turn.cos(), turn.sin()
    rows = [
        torch.stack([cosine * scale[:, 0], (shear - sine) * scale[:, 0], move[:, 0]], 1),
        torch.stack([sine * scale[:, 1], cosine * scale[:, 1], move[:, 1]], 1),
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), [n, 1, *images.shape[1:]], align_corners=False)
    bend = functional.interpolate(
        within(BEND / half, 2, 6, 6), size=images.shape[1:], mode="bicubic", align_corners=True
    )
    moved = functional.grid_sample(images[:, None].float(), grid + bend.permute(0, 2, 3, 1), align_corners=False)
    return moved[:, 0].clamp(0, 255).round().to(torch.uint8)
