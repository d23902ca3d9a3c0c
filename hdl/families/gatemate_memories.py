"""The block RAM of GateMate, after Yosys' techlibs/gatemate/cells_sim.v."""

from __future__ import annotations

from threshc.hdl.families.block_rams import both, contents, read_port, unless, word
from threshc.hdl.families.models import Cell, Sink, Writing, inverted, refuse

_LOW = {1: 0, 2: 1, 5: 2, 10: 3, 20: 4, 40: 5, 80: 6}
"""How many low address bits a port of some width does not use."""
_WEIGHTS = (1, 2, *(5 << k for k in range(13)))
"""Of address bits, where every fifth bit has no address of its own."""


def block_ram(cell: Cell, to: Sink, half: int) -> None:
    """Models CC_BRAM_20K and CC_BRAM_40K: two ports (TDP), or, in the width of both together (SDP), port A writes and
    port B reads through the data pins of both. half: the width of a port, 20 or 40."""
    simple = cell.text("RAM_MODE", "SDP") == "SDP"
    refuse(half == 40 and cell.text("CAS", "NONE") != "NONE", "a CC_BRAM_40K in a cascade")
    refuse(any(cell.number(f"{side}ECC_EN") for side in ("", "A_", "B_")), "a block RAM with error correction")
    pins = [k for k in range(1, 16) if half == 40 or k != 6]
    reads, writes = [], []
    for side in "AB":
        width = max(cell.number(f"{side}_RD_WIDTH"), cell.number(f"{side}_WR_WIDTH"))
        if width == 0:
            continue
        refuse(cell.number(f"{side}_CLK_INV") == 1, "a block RAM on a falling edge")
        clock, enable, write = cell[f"{side}_CLK"], _level(cell, to, f"{side}_EN"), _level(cell, to, f"{side}_WE")
        nets = word(cell, f"{side}_ADDR", 16)
        address = [(nets[k], weight) for k, weight in zip(pins, _WEIGHTS, strict=False)][_LOW[width] :]
        sides = "AB" if simple else side
        written: tuple[tuple[int, int, int], ...] = ()
        if write != 0 and enable != 0 and not (simple and side == "B"):
            to.clocked(clock)
            data, mask = _both_ports(cell, sides, "DI", half), _both_ports(cell, sides, "BM", half)
            written = tuple((data[k], k, both(to, enable, write, mask[k])) for k in range(width) if mask[k] != 0)
            writes.append(Writing(tuple(address), written))
        if simple and side == "A":
            continue
        through = cell.text(f"{side}_WR_MODE", "NO_CHANGE") == "WRITE_THROUGH"
        held = enable if simple or through else unless(to, enable, write)
        for k, port in enumerate(sides):
            places = [(net, half * k + at) for at, net in enumerate(word(cell, f"{port}_DO", half)) if net > 1]
            outs = [(net, at) for net, at in places if at < width]
            for net, _ in places[len(outs) :]:
                to.same(net, 0)
            if outs:
                second = cell.number(f"{port}_DO_REG") == 1
                shown = written if through else ()
                reads.append(read_port(to, address, outs, clock=clock, enable=held, second=second, written=shown))
    rows = [f"INIT_{k:02X}" for k in range(64 * half // 20)]
    to.memory(contents(cell, rows, 1, 320, 320), reads, writes)


def _level(cell: Cell, to: Sink, pin: str) -> int:
    """A control, through the inverter that its pin may have."""
    return inverted(to, cell[pin]) if cell.number(f"{pin}_INV") else cell[pin]


def _both_ports(cell: Cell, sides: str, pin: str, half: int) -> list[int]:
    return [net for side in sides for net in word(cell, f"{side}_{pin}", half)]
