"""Memories of look-up tables in a family's own cells: a table for every bit of a word, its address several times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

CellText = Callable[[str, int, tuple[str, ...], str], str]
"""Makes a table's line of Verilog, as `Family.cell`."""


def lut_rom(
    name: str,
    words: NDArray[np.uint8],
    pieces: int,
    *,
    cell: CellText,
    register: Callable[[str, str, str], str],
) -> str:
    """Returns the Verilog of a module NAME(clk, address, word) of bits (words, width): a memory whose words leave two
    clock edges behind their address.

    pieces: into how many parts of equal width a word is cut; each has the address in registers of its own, which
    synthesis does not merge, so that no net goes all over the chip. register(instance, d, q): a flip-flop's line. Each
    bit is one table of the address, marked `keep`: what synthesis shares among tables is many levels deep.
    """
    depth, width = words.shape
    bits = max(depth - 1, 1).bit_length()
    lines = [
        f"module {name}(input wire clk, input wire [{bits - 1}:0] address, output reg [{width - 1}:0] word);",
        f"  wire [{width - 1}:0] first;",
        f"  wire [{pieces * bits - 1}:0] at;",
        "  always @(posedge clk) word <= first;",
    ]
    each = width // pieces
    for piece in range(pieces):
        nets = [f"at[{piece * bits + k}]" for k in range(bits)]
        lines += [f"  {register(f'a{piece}_{k}', f'address[{k}]', net)}" for k, net in enumerate(nets)]
        made: dict[int, str] = {}
        for at in range(piece * each, (piece + 1) * each):
            truth = int.from_bytes(np.packbits(words[:, at], bitorder="little").tobytes(), "little")
            if truth in (0, (1 << depth) - 1):
                lines.append(f"  assign first[{at}] = 1'b{truth & 1};")
            elif truth in made:
                lines.append(f"  assign first[{at}] = {made[truth]};")
            else:
                made[truth] = f"first[{at}]"
                lines.append(f"  (* keep *) {cell(f't{at}', truth, tuple(nets), made[truth])}")
    return "\n".join([*lines, "endmodule", ""])
