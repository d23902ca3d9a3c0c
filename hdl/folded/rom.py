"""Memories of constants: their words as text, and the module that reads them from a file."""

from __future__ import annotations

import numpy as np

from threshc.hdl.families.base import Family
from threshc.hdl.folded.layer import Store
from threshc.hdl.folded.weights import Bits

_DEEPEST = 16_384
"""Words of a memory that is one bit wide in a family's own cells."""


def hexadecimal(words: Bits) -> str:
    """Returns words of bits, (depth, width), as lines of hexadecimal digits, for $readmemh."""
    padded = np.pad(words[:, ::-1], ((0, 0), (-words.shape[1] % 8, 0)))
    return "\n".join(row.tobytes().hex() for row in np.packbits(padded, axis=1)) + "\n"


def integers(words: Bits) -> list[int]:
    """Returns the same words as integers."""
    return [int.from_bytes(np.packbits(row, bitorder="little").tobytes(), "little") for row in words]


def rom(name: str, file: str, words: Bits, pe: int, store: Store, family: Family | None) -> str:
    """Returns the module of a memory with the words of PE neurons side by side, in a family's cells where it has any:
    else its contents are in a file."""
    if store == "block" and family is not None and family.rom is not None and len(words) <= _DEEPEST:
        return family.rom(name, words)
    if store == "lut" and family is not None and family.lut_rom and len(words) <= 1 << family.inputs:
        return family.lut_rom(name, words, pe)
    return _rom_verilog(name, file, len(words), words.shape[1], store)


def _rom_verilog(name: str, file: str, depth: int, width: int, store: Store) -> str:
    """A memory whose words leave two clock edges behind their address; its contents are in a file."""
    style = "block" if store == "block" else "logic"
    top = max(depth - 1, 1).bit_length() - 1
    return (
        f"module {name}(input wire clk, input wire [{top}:0] address, output reg [{width - 1}:0] word);\n"
        f'  (* rom_style = "{style}", ram_style = "{style}" *) reg [{width - 1}:0] words [0:{depth - 1}];\n'
        f'  initial $readmemh("{file}", words);\n'
        f"  reg [{width - 1}:0] first;\n"
        "  always @(posedge clk) first <= words[address];\n"
        "  always @(posedge clk) word <= first;\n"
        "endmodule\n"
    )
