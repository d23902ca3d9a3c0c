"""Cycle-accurate simulation of the emitted Verilog: in Verilator, in Icarus, or of the Amaranth design it came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.ops import Compare
from threshc.compiler.progress import Progress, silent
from threshc.hdl.interface import Interface, StreamUnit
from threshc.hdl.payload import pack, unpack
from threshc.sim.inputs import encode
from threshc.sim.result import Result
from threshc.sim.rtl import amaranth_driver, icarus, verilator
from threshc.sim.rtl.trace import Job, Trace

Simulator = Literal["verilator", "icarus", "amaranth"]
_SIMULATORS: dict[Simulator, tuple[Callable[[], str], Callable[[Job], Trace]]] = {
    "verilator": (verilator.missing, verilator.simulate),
    "icarus": (icarus.missing, icarus.simulate),
    "amaranth": (amaranth_driver.missing, amaranth_driver.simulate),
}


@dataclass(frozen=True, slots=True, eq=False)
class RtlResult(Result):
    """The answers of the circuit. `network` has only the outputs that the circuit has; `bits` is empty unless probes
    lead all hidden bits out.

    cycles: clock cycles from the first sample offered to the last answer taken
    latency: cycles from the first sample's transfer to its valid answer, measured with an empty pipeline
    simulator: the one that ran
    """

    cycles: int
    latency: int
    simulator: Simulator


def available() -> dict[Simulator, str]:
    """Returns every simulator with what it lacks on this machine ("" when it can run), in the order of `auto`."""
    return {name: missing() for name, (missing, _) in _SIMULATORS.items()}


def run(
    unit: StreamUnit,
    x: ArrayLike,
    *,
    simulator: str = "auto",
    stall: bool = False,
    interrupted: Sequence[int] = (),
    progress: Progress | None = None,
) -> RtlResult:
    """Feeds samples (see `encode` for shapes and dtypes) to a circuit, one per cycle where it takes them.

    `stall` withholds valid and ready at random (same pattern every time) after the first answer. `interrupted`: before
    that, for each of these numbers, so many beats of the samples are fed and the circuit is reset in the middle of
    them; none of that may be seen afterwards. `auto` takes the first
    of Verilator, Icarus and Amaranth's own simulator that can run here. `progress` is told when something takes long.
    Raises CompileError when the simulator asked for is missing or cannot read the Verilog, or the circuit gets stuck.
    """
    network = unit.interface.network
    words = pack(network, encode(network, x))
    return run_words(unit, words, simulator=simulator, stall=stall, interrupted=interrupted, progress=progress)


def run_words(
    unit: StreamUnit,
    words: NDArray[np.uint8],
    *,
    simulator: str = "auto",
    stall: bool = False,
    interrupted: Sequence[int] = (),
    waves: Path | None = None,
    progress: Progress | None = None,
) -> RtlResult:
    """Does what `run` does, for input words (N, bytes) that `threshc.hdl.payload.pack` has made. waves: a .vcd or .fst
    file that gets every signal of the run (`for_waves` says which simulators write it)."""
    chosen = choose(simulator) if waves is None else for_waves(simulator, waves)
    trace = _SIMULATORS[chosen][1](Job(unit, words, stall, progress or silent, tuple(interrupted), waves))
    got = to_result(unit.interface, trace.words, trace.probes)
    return RtlResult(got.network, got.values, got.bits, trace.cycles, trace.latency, chosen)


def choose(simulator: str) -> Simulator:
    """Returns the simulator that runs: the one that is named, else the first that can run here.

    Raises CompileError for a name that is not known, and for a simulator that cannot run on this machine.
    """
    if simulator == "auto":
        return next(name for name, missing in available().items() if not missing)  # amaranth can always run
    known = [name for name in _SIMULATORS if name == simulator]
    if not known:
        hint = ", ".join(("auto", *get_args(Simulator)))
        raise fail(f"simulator {simulator!r} is not known", where=option("simulator"), hint=hint)
    missing = _SIMULATORS[known[0]][0]()
    if missing:
        hint = option("simulator", "auto")
        raise fail(f"{simulator} cannot run on this machine", where=option("simulator"), why=missing, hint=hint)
    return known[0]


def for_waves(simulator: str, waves: Path) -> Simulator:
    """Returns the simulator that writes a file of waves: Icarus (.vcd, .fst) or Amaranth's own (.vcd).

    Raises CompileError for other endings of the name, and for a simulator that does not write such a file.
    """
    kinds: dict[Simulator, tuple[str, ...]] = {"icarus": (".vcd", ".fst"), "amaranth": (".vcd",)}
    ending = waves.suffix.lower()
    if ending not in kinds["icarus"]:
        raise fail("waves are written as .vcd or .fst", where=str(waves), hint="a file name that ends so")
    able = [name for name, endings in kinds.items() if ending in endings and not available()[name]]
    if simulator == "auto" and able:
        return able[0]
    if simulator in able:
        return choose(simulator)
    named = simulator if simulator != "auto" else "no simulator here"
    hint = f"{option('simulator', 'icarus')} for .vcd and .fst, {option('simulator', 'amaranth')} for .vcd"
    raise fail(f"{named} writes no {ending} file", where=option("waves"), hint=hint)


def to_result(interface: Interface, words: NDArray[np.uint8], probes: Sequence[NDArray[np.uint8]] = ()) -> Result:
    """Returns output words (N, bytes) of a circuit as numbers, whether a simulator or a board sent them.

    probes: what each of its probes led out, (N, bytes). The result's network has only the outputs that the circuit
    carries, or leads out; `bits` is empty where it does not carry or lead out all hidden bits.
    """
    found = [(f, words) for f in interface.fields]
    found += [(f, led) for probe, led in zip(interface.probes, probes, strict=True) for f in probe.fields]
    ends = {f.value: unpack(f, w) for f, w in found}
    hidden = {f.value: unpack(f, w).astype(np.uint8) for f, w in found if f.kind == "bits"}
    outputs = tuple(o for o in interface.network.outputs if o.value in ends)
    compares = [v for v, op in enumerate(interface.network.ops) if isinstance(op, Compare)]
    whole = outputs == interface.network.outputs
    return Result(
        interface.network if whole else replace(interface.network, outputs=outputs),
        tuple(ends[o.value] for o in outputs),
        tuple(hidden[v] for v in compares) if all(v in hidden for v in compares) else (),
    )
