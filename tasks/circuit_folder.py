"""What `compile` and `build` have in common: a model is read, and its circuit and the rest of a folder are made."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike, NDArray

from threshc.compiler.diagnostics import fail
from threshc.compiler.files import write_files
from threshc.compiler.ir.network import Network
from threshc.compiler.progress import Note, Progress
from threshc.hdl.options import USUAL_CIRCUIT, CircuitOptions
from threshc.tasks.folder import REPORT, names_in
from threshc.tasks.options import USUAL_MODEL, ModelOptions
from threshc.tasks.plan import with_plan
from threshc.tasks.read_network import THRESH, load_network
from threshc.tasks.report import Report, Simulation
from threshc.tasks.stimulus import Stimulus, answers, stimulus

if TYPE_CHECKING:
    import numpy as np

    from threshc.hdl.chain import Circuit
    from threshc.hdl.targets.base import Device, Target
    from threshc.tasks.read_network import Model

BENCH_SAMPLES = 256
"""The most samples that are written into the testbench's files."""


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """The settings of `compile` and `build` beside the model and the samples.

    reading, circuit: which network, and which circuit of it. simulator: for the Verilog. verify_passes, print_after,
    note: as for `load_network`. jobs: processes that search side by side, None for all cores. device: what the circuit
    must fit. large: go on with a circuit that may take more memory than there is. target: what it is made for, if any.
    export_as: a kind of `threshc.hdl.export`, whose files are written too; None for none.
    """

    reading: ModelOptions = USUAL_MODEL
    circuit: CircuitOptions = USUAL_CIRCUIT
    simulator: str = "auto"
    verify_passes: bool = False
    print_after: Callable[[str, Network], None] | None = None
    note: Note | None = None
    jobs: int | None = None
    device: Device | None = None
    large: bool = False
    target: Target | None = None
    export_as: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A model that was read: what reports call it, what options changed of it, in words, and samples of its network."""

    name: str
    changes: tuple[str, ...]
    given: Stimulus


def prepare(
    model: Model,
    settings: Settings,
    x: ArrayLike | None,
    labels: ArrayLike | None,
    samples: int,
    progress: Progress,
) -> Prepared:
    """Reads a model as the settings ask, and makes the samples of its network.

    x, labels, samples: as for `threshc.tasks.stimulus.stimulus`. Raises CompileError where the model cannot be read,
    its circuit would be too large, or the samples are none of its.
    """
    network, changes = _read(model, settings, x, progress)
    return Prepared(_title(model, network), changes, stimulus(network, x, labels, samples=samples))


def compile_into(
    folder: Path,
    out_dir: Path,
    ready: Prepared,
    settings: Settings,
    progress: Progress,
    design: Circuit | None = None,
) -> Report:
    """Makes everything of `compile` but the report's files; `folder` stands for `out_dir` until it is complete.

    design: the circuit where it is there already, made with the options of the settings.
    """
    from threshc.compiler.ir.storage import to_bytes
    from threshc.hdl.chain import build as build_chain
    from threshc.hdl.contract.files import contract_files
    from threshc.hdl.shell.testbench import self_checking
    from threshc.sim.counts import count

    given, network = ready.given, ready.given.network
    progress("packed simulator")
    expected = given.expected
    settings = replace(settings, circuit=with_plan(network, settings.circuit, settings.target))
    design = design or build_chain(network, settings.circuit, jobs=settings.jobs, progress=progress)
    progress(f"Verilog of {design.cells:,} cells")
    verilog, memories = design.verilog(), design.files()
    if settings.export_as is not None:
        from threshc.hdl.export.files import export_files

        write_files(folder, export_files(design.interface, settings.export_as, verilog, memories))
    write_files(folder, {THRESH: to_bytes(network), f"{design.name}.v": verilog, **memories})
    wanted = answers(design, expected)
    simulation = _simulate(design, given, wanted, settings.simulator, progress)
    write_files(folder, self_checking(design.interface, given.words[:BENCH_SAMPLES], wanted[:BENCH_SAMPLES]))
    write_files(folder, contract_files(design.interface))
    return Report(
        model=ready.name,
        input=str(network.input.encoding),
        out_dir=out_dir,
        counts=count(network),
        design=design,
        reading=settings.reading,
        options=settings.circuit,
        simulation=simulation,
        changes=ready.changes,
        files=tuple(sorted({*names_in(folder), REPORT, "report.md"})),
    )


def _read(model: Model, settings: Settings, x: ArrayLike | None, progress: Progress) -> tuple[Network, tuple[str, ...]]:
    """Returns the network of a model, read as the settings ask, and what they changed of it, in words.

    x: samples, None where there are none. Raises CompileError where its circuit would be too large.
    """
    from threshc.hdl.size import predict, refuse_hopeless, refuse_vast

    changes: list[str] = []

    def changed(text: str) -> None:
        changes.append(text)
        if settings.note is not None:
            settings.note(text)

    progress("reading the model")
    network = load_network(
        model,
        settings.reading,
        x=x,
        note=changed,
        verify_passes=settings.verify_passes,
        print_after=settings.print_after,
    )
    if settings.circuit.fold is not None:
        return network, tuple(changes)
    size = predict(network, settings.circuit)
    if settings.device is not None:
        refuse_hopeless(size.luts, settings.device, settings.note)
    refuse_vast(size, settings.note, large=settings.large)
    return network, tuple(changes)


def _title(model: Model, network: Network) -> str:
    """Returns what reports call a model: its file's name, else the network's."""
    return Path(model).name if isinstance(model, str | os.PathLike) else network.name


def _simulate(
    design: Circuit, given: Stimulus, wanted: NDArray[np.uint8], simulator: str, progress: Progress
) -> Simulation:
    """Runs the Verilog on all samples. Raises CompileError unless every answer is the wanted one (N, bytes)."""
    from threshc.sim import rtl

    progress(f"simulating the Verilog on {len(given):,} samples")
    got = rtl.run_words(design, given.words, simulator=simulator, progress=progress)
    wrong = (wanted != answers(design, got)).any(axis=1)
    if wrong.any():
        raise fail(
            f"the circuit answers {int(wrong.sum())} of {len(given)} samples differently from the packed simulator",
            where=f"sample {int(wrong.argmax())}, simulated with {got.simulator}",
            why="this is a bug of threshc; nothing was written",
            hint="threshc verify names the layer and the neuron; please report it with the model",
        )
    equal = len(given) - int(wrong.sum())
    return Simulation(got.simulator, given.kind, len(given), equal, got.cycles, got.latency, given.correct())
