"""Networks by a short text: "conv32k5p3-pool2-conv64k5p2-pool2-fc1024", "lenet", or widths of hidden layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

NAMES = {
    "mlp": "fc256-fc256",
    "lenet": "conv6k5p2-pool2-conv16k5-pool2-fc120-fc84",
    "convnet4": "conv32k5p3-pool2-conv64k5p2-pool2-fc1024",
}
"""lenet: LeNet-5 on 28 x 28. convnet4: FTPROP's network for CIFAR-10 (Friesen, Domingos 2018, section 6)."""

_CONV = re.compile(r"conv(\d+)k(\d+)(?:p(\d+))?(?:s(\d+))?")
_KNOWN = "convNkK, convNkKpP, convNkKpPsS, poolK and fcN, joined by -"


@dataclass(frozen=True, slots=True)
class Block:
    """A block is a weighted sum, then max pooling, then the step.

    channels: rows of the sum. kernel: its side, 0 for a dense sum. stride, padding: of the convolution. pool: kernel
    and stride of the max pooling, 1 for none.
    """

    channels: int
    kernel: int = 0
    padding: int = 0
    stride: int = 1
    pool: int = 1

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape of the output for an input of `shape`, (n,) or (C, H, W). Raises ValueError where it
        does not fit."""
        if not self.kernel:
            return (self.channels,)
        if len(shape) != 3:
            raise ValueError("a convolution needs images: samples (n, h, w) or (n, c, h, w), or image_shape=(c, h, w)")
        sides = [((n + 2 * self.padding - self.kernel) // self.stride + 1) // self.pool for n in shape[1:]]
        if min(sides) < 1 or min(shape[1:]) + 2 * self.padding < self.kernel:
            raise ValueError(f"a {self.kernel} x {self.kernel} convolution and pooling leave nothing of {shape}")
        return (self.channels, *sides)


def parse(hidden: str | int | Sequence[int]) -> tuple[Block, ...]:
    """Returns the hidden blocks of a name in NAMES, of a text such as convnet4's, of a width, or of widths.

    Raises ValueError for others, naming the part that is not understood.
    """
    if isinstance(hidden, str):
        return _parse_text(hidden)
    widths = [hidden] if isinstance(hidden, int) else list(hidden)
    if not widths or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in widths):
        raise ValueError(f"hidden is {hidden!r}; it must be whole numbers of at least 1, or a text of {_KNOWN}")
    return tuple(Block(n) for n in widths)


def _parse_text(text: str) -> tuple[Block, ...]:
    if re.fullmatch(r"\d+(,\d+)*", text):
        return parse([int(n) for n in text.split(",")])
    blocks: list[Block] = []
    for part in NAMES.get(text, text).split("-"):
        conv, dense, pool = (_CONV.fullmatch(part), re.fullmatch(r"fc(\d+)", part), re.fullmatch(r"pool(\d+)", part))
        if conv is not None and (not blocks or blocks[-1].kernel):
            channels, kernel, padding, stride = (int(g) if g else None for g in conv.groups())
            blocks.append(Block(channels or 0, kernel or 0, padding or 0, 1 if stride is None else stride))
        elif dense is not None:
            blocks.append(Block(int(dense[1])))
        elif pool is not None and blocks and blocks[-1].kernel and blocks[-1].pool == 1:
            last = blocks.pop()
            blocks.append(Block(last.channels, last.kernel, last.padding, last.stride, int(pool[1])))
        else:
            known = f"parts are {_KNOWN}, names {', '.join(NAMES)}"
            raise ValueError(f"{part!r} of hidden={text!r} is not understood there; {known}")
        if min(blocks[-1].channels, blocks[-1].stride, blocks[-1].pool) < 1 or (conv and not blocks[-1].kernel):
            raise ValueError(f"{part!r} of hidden={text!r} has a size of 0")
    return tuple(blocks)
