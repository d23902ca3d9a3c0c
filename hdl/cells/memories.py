"""Memories of a simulated netlist, as flat arrays for the inner loop.

Each of the samples of a machine word may read and write at an address of its own; where all of them have the same one,
a port costs a move per bit. What is never written is kept once for all samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.hdl.cells.gates import Block


class Memories:
    """The memories of a netlist with their contents. at: the word of every net; phase: of a word, how many readings
    one after the other it needs; lanes: machine words side by side."""

    def __init__(self, blocks: Sequence[Block], at: Mapping[int, int], phase: Callable[[int], int], lanes: int) -> None:
        rom, ram = bytearray(), bytearray()
        reads: list[tuple[int, ...]] = []
        read_bits: list[tuple[int, ...]] = []
        writes: list[tuple[int, ...]] = []
        write_bits: list[tuple[int, ...]] = []
        address: list[tuple[int, ...]] = []

        def selected(pins: Sequence[tuple[int, int]]) -> tuple[int, int]:
            start = len(address)
            address.extend((at[net], weight) for net, weight in pins)
            return start, len(address)

        for block in blocks:
            kept = ram if block.writes else rom
            base = len(kept)
            kept += block.bits
            for r in block.reads:
                when = max((phase(at[net]) for net, _ in r.address), default=0)
                start = len(read_bits)
                read_bits += [(at[net], place) for net, place in r.data]
                reads.append((when, int(bool(block.writes)), base, *selected(r.address), start, len(read_bits)))
            for w in block.writes:
                start = len(write_bits)
                write_bits += [(at[net], place, at[enable]) for net, place, enable in w.data]
                writes.append((base, *selected(w.address), start, len(write_bits)))
        ones = np.frombuffer(bytes(ram) or b"\0", np.uint8) != 0
        self.arguments: tuple[NDArray[Any], ...] = (
            _table(reads, 7),
            _table(read_bits, 2),
            _table(writes, 5),
            _table(write_bits, 3),
            _table(address, 2),
            np.frombuffer(bytes(rom) or b"\0", np.uint8),
            np.repeat(np.where(ones, ~np.uint64(0), np.uint64(0))[:, None], lanes, axis=1),
        )


def _table(rows: Sequence[tuple[int, ...]], columns: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1, columns)
