"""How many memories of a family hold so many words."""

from __future__ import annotations

from threshc.hdl.families.base import Family, Memory
from threshc.hdl.folded.area import REGISTERED, buffer_luts, register_luts
from threshc.hdl.folded.registers import buffer_flip_flops


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


def buffer_size(places: int, width: int, made: Family) -> tuple[int, int, int]:
    """Returns the look-up tables, flip-flops and block RAMs of a memory that nothing fills."""
    block, small = memory_kinds(made)
    held = blocks(places, width, block)
    registers = buffer_flip_flops(places * width, held, made.name)
    if places * width <= REGISTERED.get(made.name, 0) * held:
        return register_luts(places * width), registers, 0
    if small is not None and places <= 32 and made.name not in REGISTERED:
        return buffer_luts(places, width), registers, 0
    return 0, registers, held
