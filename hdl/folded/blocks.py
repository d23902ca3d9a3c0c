"""How many memories of a family hold so many words."""

from __future__ import annotations

from threshc.hdl.families.base import Family, Memory


def memory_kinds(made: Family) -> tuple[Memory, Memory | None]:
    """Returns the block RAM that a bitstream can fill, and the memory made of look-up tables if the family has one."""
    filled = [m for m in made.memories if m.initialised]
    large = [m for m in filled if m.bits >= 1024]
    return max(large, key=lambda m: m.bits), next((m for m in filled if m.bits < 1024), None)


def blocks(depth: int, width: int, memory: Memory) -> int:
    """Returns how many memories of a kind hold `depth` words of `width` bits, side by side and in rows."""
    if not width:
        return 0
    return min(-(-width // w) * -(-depth // d) for d, w in memory.shapes)
