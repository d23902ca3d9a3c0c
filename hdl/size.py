"""How large a circuit will be, from the weights alone, before any of it is made."""

from __future__ import annotations

import math
from dataclasses import dataclass

from threshc.compiler.diagnostics import CompileError, Diagnostic, fail, option
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Sum
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.compiler.memory import available
from threshc.compiler.progress import Note
from threshc.hdl.families.registry import family, table_inputs
from threshc.hdl.options import USUAL_CIRCUIT, CircuitOptions
from threshc.hdl.targets.base import Device
from threshc.hdl.targets.registry import targets
from threshc.hdl.unrolled.layers import cheapest
from threshc.hdl.unrolled.neurons import ARCHITECTURES
from threshc.hdl.unrolled.neurons.costs import heap_bits

HOPELESS = 3
"""Times a device's LUTs beyond which nothing is built for it: far outside what the estimates miss by."""
WORTH_A_WORD = 300_000
"""Cells from which the time and the memory that a circuit takes are said."""
_BYTES, _SECONDS = 2_200, 2e-4  # per cell, for the Verilog; 784-256-10 and 784-1024-10, two cores (November 2026)


class TooBig(CompileError):
    """The circuit does not fit the device."""


@dataclass(frozen=True, slots=True)
class Size:
    """luts: look-up tables of the device family's inputs; cells: of the netlist; depth: levels of tables of the deepest
    layer; all estimated from the weights."""

    luts: int
    cells: int
    depth: int = 0

    @property
    def bytes(self) -> int:
        """Memory that its Verilog takes while it is written, about."""
        return self.cells * _BYTES

    @property
    def minutes(self) -> int:
        """Time that its Verilog takes, about; its simulation takes as long again."""
        return max(1, round(self.cells * _SECONDS / 60))


def predict(network: Network, options: CircuitOptions = USUAL_CIRCUIT) -> Size:
    """Returns the size of the circuit that `build_design` makes of a network with these options, as estimated.

    Raises CompileError for weights that an architecture does not take, before anything is searched.
    """
    luts, cells, depth, inputs = 0, 0, 0, table_inputs(options.family)
    for v, op in enumerate(network.ops):
        t = network.types[v]
        if isinstance(op, Sum):
            positions = math.prod(t.shape) // len(op.bias)
            chosen = ARCHITECTURES.get(options.neuron) or cheapest(op, options.family, positions)
            chosen.check(op.weights)
            cost = chosen.predict(op.weights)
            luts += cost.luts(inputs) * positions
            depth = max(depth, cost.depth6 if inputs >= 6 else cost.depth4)
            cells += 2 * int(heap_bits(op.weights).sum()) * positions
        elif isinstance(op, Compare) and isinstance(s := network.types[op.s], Ints) and op.s == 0:
            cells += 2 * math.prod(t.shape) * len(plane_weights(s.lo, s.hi))
    return Size(luts, cells, depth)


def refuse_hopeless(luts: int, device: Device, note: Note | None = None) -> None:
    """Raises CompileError for a circuit of many times a device's LUTs, and tells `note` of one that may not fit."""
    figures = f"about {luts:,} LUTs, of {device.luts:,} (estimated from the weights, nothing synthesized)"
    if luts > HOPELESS * device.luts:
        raise too_big(device, "before synthesis", figures, luts)
    if luts > device.luts and note is not None:
        note(f"the circuit may not fit the {device.part}: it needs {figures}")


def refuse_vast(size: Size, note: Note | None = None, *, large: bool = False, instead: str = "") -> None:
    """Raises CompileError for a circuit that needs more memory than there is, and tells `note` what a large one takes.

    large: tells only. instead: what else the caller offers.
    """
    free = available()
    about = f"about {size.cells:,} cells, estimated from the weights"
    need = f"its Verilog takes about {size.bytes / 1e9:,.1f} GB of memory and {size.minutes:,} minutes"
    if free is not None and size.bytes > free and not large:
        raise fail(
            "the circuit is too large for this machine",
            where=about,
            why=f"{need}; {free / 1e9:,.1f} GB are free",
            hint=f"a smaller network, smaller weights ({option('weight_bits')}), a machine with more memory, or "
            + (instead or f"{option('large', True)} to go on"),
        )
    if size.cells >= WORTH_A_WORD and note is not None:
        note(f"the circuit is large: {about}; {need}, its simulation as many again")


def too_big(device: Device, where: str, figures: str, luts: int = 0, ffs: int = 0) -> TooBig:
    """Returns the error for a circuit that does not fit; `figures` says what it needs, of what.

    luts, ffs: what it needs, 0 where that is not known.
    """
    if luts > HOPELESS * device.luts:
        rest = f"smaller weights ({option('weight_bits')})"
    else:
        rest = f"another {option('neuron')}, fewer registers ({option('pipeline')})"
    hint = f"{_bigger(device, luts, ffs)}{rest}, or a smaller network"
    return TooBig(Diagnostic(f"the circuit does not fit the {device.part}", where, f"it needs {figures}", hint))


def _bigger(device: Device, luts: int, ffs: int) -> str:
    """The smallest targets with so many LUTs and flip-flops, or that none has: no promise, LUTs of families differ."""
    known = targets().values()
    able = [t for t in known if t.device.luts >= max(luts, device.luts + 1) and t.device.ffs >= ffs]
    if not able:
        most = max(known, key=lambda t: t.device.luts)
        return f"no known target is so large (the largest, {most.name}, has {most.device.luts:,} LUTs): "
    least = min(t.device.luts for t in able)
    names = ", ".join(t.name for t in able if t.device.luts == least)
    routed = all(family(t.device.family).flow is not None for t in able if t.device.luts == least)
    return f"a bigger target ({names}: {least:,} LUTs{'' if routed else ', no bitstream'}), "
