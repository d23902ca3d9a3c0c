"""Netlists whose memories are filled at start, as on a board: from a flash at the pins, or by the host.

The network alone takes its words through its loading port.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, fail
from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.spi_flash import SpiFlash
from threshc.hdl.interface import Interface
from threshc.hdl.shell.flash import PADS

_ALL = ~np.uint64(0)
_AT_ONCE = 4096
_OUTPUTS = ("cs", "clk", "copi")


def fill_through_port(machine: Machine, gates: Gates, interface: Interface) -> int:
    """Writes what `interface.load` holds through the loading port of a network alone, a word a cycle; returns the
    cycles that it took, 0 for a network without the port. What else is driven stays unchanged."""
    load = interface.load
    if load is None:
        return 0
    drive = machine.nets([net for name, _ in load.ports for net in gates.inputs[name]])
    rows = [(1 << k, at, int(word)) for k, words in enumerate(load.contents) for at, word in enumerate(words)]
    rows.append((0, 0, 0))
    widths = [width for _, width in load.ports]
    for start in range(0, len(rows), _AT_ONCE):
        part = zip(*rows[start : start + _AT_ONCE], strict=True)
        columns = [_bits(values, width) for values, width in zip(part, widths, strict=True)]
        stimulus = np.where(np.concatenate(columns, axis=1), _ALL, np.uint64(0))
        machine.run(drive, np.repeat(stimulus[:, :, None], machine.lanes, axis=2), machine.nets([]))
    return len(rows)


def _bits(values: tuple[int, ...], width: int) -> NDArray[np.bool_]:
    whole = np.array(values, object)
    return np.stack([(whole >> k & 1).astype(bool) for k in range(width)], axis=1)


def has_flash(gates: Gates) -> bool:
    """Returns whether a board's netlist has the pins of the SPI flash."""
    return PADS.format("cipo") in gates.inputs


def read_flash(machine: Machine, gates: Gates, flash: SpiFlash, cycles: int) -> None:
    """Runs a board for some cycles with a flash at its pins; its other inputs are 1.

    Raises CompileError where a pin of the flash is not a register of the netlist, as the shell makes them: what the
    flash answers within a cycle would have to be known before the cycle.
    """
    pads = [_register(gates, gates.outputs[PADS.format(name)][0]) for name in _OUTPUTS]
    pins = [net for bits in gates.inputs.values() for net in bits if net != gates.clock]
    answer = pins.index(gates.inputs[PADS.format("cipo")][0])
    drive, watch = machine.nets(pins), machine.nets([following for following, _, _ in pads])
    stimulus = np.full((1, len(pins), machine.lanes), _ALL)
    levels = [init ^ inverted for _, init, inverted in pads]
    for _ in range(cycles):
        cs, clock, copi = levels
        stimulus[0, answer] = _ALL if flash.step(1 - cs, clock, copi) else 0
        (seen,) = machine.run(drive, stimulus, watch)
        levels = [int(word[0]) & 1 ^ inverted for word, (_, _, inverted) in zip(seen, pads, strict=True)]


def _register(gates: Gates, net: int) -> tuple[int, int, int]:
    """The net that a pin takes its level from at a clock edge, the level that it has at first, whether it is inverted,
    which both are seen through."""
    inverted = 0
    for gate in gates.gates:
        if gate.net == net and len(gate.operands) == 1 and gate.table & 3 == 1:
            net, inverted = gate.operands[0], 1
    for flop in gates.flops:
        if flop.q == net:
            return flop.next, flop.init, inverted
    raise _unlike(gates, "a pin of the flash is not a register")


def _unlike(gates: Gates, why: str) -> CompileError:
    return fail("the netlist does not read its flash as the shell does", where=f"module {gates.module}", why=why)
