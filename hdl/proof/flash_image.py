"""The image of weights in a board's flash read back: from its bytes to the memories that they fill.

Header: "thrw", version 1 and its own size of 24 (2 bytes each), a mark of the network (8), the number of words (4), the
CRC-32 of these 20 bytes and of all words (4); then words of 2 bytes, memory by memory; the lowest byte comes first. A
layer's memories stand side by side, the lowest 16 bits of its words in the first one.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_memory import FoldedLayerClaim

_HEADER, _COVERED = 24, 20


class FlashImage(NamedTuple):
    """An image. mark: of the network; crc: CRC-32, which it has and says; words: how many; memories: the text of each
    layer's memory, as `FoldedLayerClaim` has it."""

    mark: bytes
    crc: int
    words: int
    memories: tuple[str, ...]


def read_flash_image(data: bytes, layers: Sequence[FoldedLayerClaim]) -> FlashImage:
    """Reads an image, and nothing but an image, that fills the memories of these layers, in this order.

    Raises Unproved, with the place, for other bytes.
    """
    number = int.from_bytes
    if len(data) < _HEADER or data[:8] != b"thrw\x01\x00\x18\x00":
        raise Unproved('it does not begin with "thrw", version 1 and a header of 24 bytes')
    depths = [layer.groups * layer.chunks for layer in layers]
    sides = [-(-layer.pe * layer.code.bits // 16) for layer in layers]
    words = sum(depth * side for depth, side in zip(depths, sides, strict=True))
    if number(data[16:20], "little") != words or len(data) != _HEADER + 2 * words:
        said = number(data[16:20], "little")
        raise Unproved(f"it says {said:,} words and has {len(data) - _HEADER:,} bytes of them; there are {words:,}")
    crc = zlib.crc32(data[:_COVERED] + data[_HEADER:])
    if number(data[_COVERED:_HEADER], "little") != crc:
        raise Unproved("its checksum is wrong")
    memories, at = [], _HEADER
    for layer, depth, side in zip(layers, depths, sides, strict=True):
        raw = np.frombuffer(data, np.uint8, 2 * depth * side, at).reshape(side, depth, 2)
        at += raw.size
        rows = np.ascontiguousarray(raw.transpose(1, 0, 2)).reshape(depth, 2 * side)
        used = -(-layer.pe * layer.code.bits // 8)
        if rows[:, used:].any():
            raise Unproved("it has bits beyond the width of a memory")
        memories.append("".join(f"{row[:used][::-1].tobytes().hex()}\n" for row in rows))
    return FlashImage(data[8:16], crc, words, tuple(memories))
