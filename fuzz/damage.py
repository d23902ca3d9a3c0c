"""Damage to bytes, as bit rot and broken transfers make it."""

from __future__ import annotations

import random


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Bytes with flips, cuts, repeats, insertions, or nothing of the original left."""
    raw = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at, kind = rng.randrange(len(raw) + 1), rng.randrange(6)
        match kind:
            case 0 if at < len(raw):
                raw[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(raw):
                raw[at] = rng.randrange(256)
            case 2:
                del raw[at:]
            case 3:
                end = min(len(raw), at + rng.randint(1, 64))
                raw[at:at] = raw[at:end]
            case 4:
                del raw[at : at + rng.randint(1, 64)]
            case _:
                raw[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 32)))
    return bytes(raw)
