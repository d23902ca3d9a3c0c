"""Weights in memories that start without contents: how words stand in them side by side, and their port for loading."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from threshc.hdl.families.base import Family
from threshc.hdl.folded.weights import Bits
from threshc.hdl.interface import LoadPort

WIDTH = LoadPort.WIDTH
DEEPEST = 16_384
"""Words of such a memory: an SPRAM of iCE40 UltraPlus."""


def memories(width: int) -> int:
    """Returns how many memories side by side hold words of `width` bits."""
    return -(-width // WIDTH)


def columns(words: Bits) -> list[NDArray[np.uint16]]:
    """Returns the contents of each memory, (depth,) uint16, that together hold words (depth, bits), the lowest first;
    bits beyond a word's are 0."""
    padded = np.pad(words, ((0, 0), (0, -words.shape[1] % WIDTH)))
    packed = np.packbits(padded, axis=1, bitorder="little").view("<u2").astype(np.uint16)
    return [np.ascontiguousarray(packed[:, k]) for k in range(packed.shape[1])]


def address_bits(depth: int) -> int:
    """Returns the bits of an address of `depth` words, 1 or more."""
    return max(depth - 1, 1).bit_length()


def load_signature(memories: int, bits: int) -> wiring.Signature:
    """Returns the signature of a loading port, as a source sees it; see `threshc.hdl.interface.LoadPort`."""
    return wiring.Signature({"write": Out(memories), "address": Out(bits), "data": Out(WIDTH)})


def loaded_module(name: str, file: str, depth: int, width: int, family: Family | None) -> str:
    """Returns the module of such a memory, in a family's cells or with its contents in a file for simulations."""
    if family is None:
        return loaded_verilog(name, file, depth, width)
    assert family.loaded is not None  # `threshc.hdl.chain` refuses it
    bits = address_bits(depth)
    return f"{loaded_head(name, width, bits)}{family.loaded(width, bits)}endmodule\n"


def loaded_verilog(name: str, file: str, depth: int, width: int) -> str:
    """Returns a memory that is read as `rom.rom` is, and written through a loading port while it is not read.

    Simulations find it loaded: its first contents are in a file.
    """
    writes = "".join(
        f"    if (load_write[{k}]) words[at][{min(WIDTH * k + WIDTH, width) - 1}:{WIDTH * k}] <= "
        f"load_data[{min(WIDTH, width - WIDTH * k) - 1}:0];\n"
        for k in range(memories(width))
    )
    bits = address_bits(depth)
    return (
        f"{loaded_head(name, width, bits)}"
        f"  wire [{bits - 1}:0] at = |load_write ? load_address : address;\n"
        f"  reg [{width - 1}:0] words [0:{depth - 1}];\n"
        f'  initial $readmemh("{file}", words);\n'
        f"  reg [{width - 1}:0] first;\n"
        "  always @(posedge clk) begin\n"
        "    first <= words[at];\n"
        f"{writes}"
        "  end\n"
        "  always @(posedge clk) word <= first;\n"
        "endmodule\n"
    )


def loaded_head(name: str, width: int, bits: int) -> str:
    """Returns the first line of the module of such a memory, with its ports; bits: of both addresses."""
    return (
        f"module {name}(input wire clk, input wire [{bits - 1}:0] address, output reg [{width - 1}:0] word, "
        f"input wire [{memories(width) - 1}:0] load_write, input wire [{bits - 1}:0] load_address, "
        f"input wire [{WIDTH - 1}:0] load_data);\n"
    )


class LoadedMemory(wiring.Component):
    """The memory of `loaded_verilog` in Amaranth, for its simulator. load: the loading port; first: the word a clock
    edge behind its address. memory: of words filled up with zeros, which are there from the beginning."""

    def __init__(self, words: Bits) -> None:
        depth, width = words.shape
        count, bits = memories(width), address_bits(depth)
        rows = zip(*(column.tolist() for column in columns(words)), strict=True)
        whole = [sum(part << WIDTH * k for k, part in enumerate(row)) for row in rows]
        self.memory = Memory(shape=WIDTH * count, depth=depth, init=whole)
        super().__init__({"address": In(bits), "first": Out(width), "load": In(load_signature(count, bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        load: Any = self.load
        m.submodules.memory = self.memory
        port, write = self.memory.read_port(), self.memory.write_port(granularity=WIDTH)
        m.d.comb += [port.addr.eq(Mux(load.write.any(), load.address, self.address)), self.first.eq(port.data)]
        m.d.comb += [
            write.en.eq(load.write),
            write.addr.eq(load.address),
            write.data.eq(load.data.replicate(len(load.write))),
        ]
        return m
