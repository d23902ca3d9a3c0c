"""Everything against everything: the ONNX model, the reference, the packed simulator and the RTL on the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threshc.compiler.diagnostics import visible
from threshc.compiler.frontend.float_model import run_float
from threshc.compiler.frontend.load import lower_parsed, parse_input
from threshc.compiler.frontend.snapping import Snapped, snap
from threshc.compiler.frontend.source import read_model
from threshc.compiler.ir.network import Network
from threshc.compiler.passes.pipeline import optimize
from threshc.sim import reference
from threshc.tasks.compare import Check, against_onnx, compare_results, outputs_only
from threshc.tasks.load import load_network, ready_made
from threshc.tasks.second_opinion import second_opinion
from threshc.tasks.stimulus import Stimulus, stimulus
from threshc.tasks.weights import snap_effect

if TYPE_CHECKING:
    from threshc.tasks.load import Model

Simulator = Literal["auto", "verilator", "icarus", "amaranth"]
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All comparisons of one `verify`. `ok` when every one is equal, or its differences were shown to be rounding.

    peer: the evaluator, not ours, that the ONNX model was also run by, with its version; None where none could, or
    where there is no ONNX model. notes: why evaluators did not run, and what nothing was compared with.
    """

    model: str
    checks: tuple[Check, ...]
    peer: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return all(c.equal or c.advisory for c in self.checks)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.checks), *map(visible, self.notes)])

    def as_dict(self) -> dict[str, object]:
        """The report for JSON."""
        checks = [
            {
                "name": c.name,
                "equal": c.equal,
                "rounding": c.advisory,
                "samples": c.samples,
                "bits": c.bits,
                "outputs": c.outputs,
                "values": c.values,
                "different": c.different,
                "divergence": None if c.divergence is None else str(c.divergence),
                "note": c.note,
            }
            for c in self.checks
        ]
        return {
            "model": self.model,
            "ok": self.ok,
            "peer": self.peer,
            "notes": list(self.notes),
            "checks": checks,
        }


def verify(
    source: Model,
    x: ArrayLike | None = None,
    *,
    input: str | None = None,
    snap_weights: int | None = None,
    samples: int = 256,
    rtl: bool = True,
    rtl_samples: int = 64,
    neuron: str = "auto",
    pipeline: str | int = "layer",
    simulator: str = "auto",
    seed: int = 1,
    large: bool = False,
    note: Progress | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Run a model four ways on the same samples and compare every hidden bit and every output.

    x: samples as `simulate` takes them; None: `samples` random ones and the extremes, from `seed`. rtl: also simulate
    the emitted Verilog, with every hidden bit led out, on the first `rtl_samples` samples; a circuit that would take
    more memory than there is, is refused before anything is run, unless `large`; note is told of a large one.
    snap_weights: as for `load`; the ONNX model is then the one with snapped weights, and a note says how it differs
    from the file's.
    A .thresh file, a folder made by `compile` or a Network holds no ONNX model: the comparisons with it are left out.
    Raises CompileError for models that cannot be read; differences are reported, not raised.
    """
    say = progress or (lambda text: None)
    ready = ready_made(source)
    if ready is not None:
        if snap_weights is not None:
            load_network(ready, snap_weights=snap_weights)  # refused
        if rtl:
            _refuse_vast(ready, neuron, note, large)
        rest = verify_network(
            stimulus(ready, x, samples=samples, seed=seed),
            progress=progress,
            rtl=rtl,
            rtl_samples=rtl_samples,
            neuron=neuron,
            pipeline=pipeline,
            simulator=simulator,
        )
        return VerifyReport(ready.name, tuple(rest), notes=("note: there is no ONNX model here to compare with",))
    assert not isinstance(source, Network)
    model, folder = read_model(source)
    own = model
    layers: tuple[Snapped, ...] = ()
    if snap_weights is not None:
        model, layers = snap(own, folder, snap_weights)
    lowered = lower_parsed(model, folder, parse_input(input))
    network, optimized = lowered.network, optimize(lowered.network)
    if rtl:
        _refuse_vast(optimized, neuron, note, large)
    data = stimulus(network, x, samples=samples, seed=seed)
    checks: list[Check] = []
    say("ONNX model against the reference, and what other evaluators say")
    real = data.as_model_takes(lowered)
    tensors = lowered.compared
    values = reference.evaluate(network, data.encoded)
    law = run_float(lowered.graph, real, tensors)
    checks.append(against_onnx(lowered, dict(zip(tensors, law, strict=True)), values, "float32 evaluator", law=True))
    opinion = second_opinion(model, folder, lowered, real, tensors, values)
    checks += opinion.checks
    say("passes, and the packed simulator")
    checks += verify_network(
        data.through(optimized),
        unoptimized=(network, values),
        progress=progress,
        rtl=rtl,
        rtl_samples=rtl_samples,
        neuron=neuron,
        pipeline=pipeline,
        simulator=simulator,
    )
    name = str(source) if isinstance(source, str | Path) else lowered.graph.name
    notes = [f"note: {text}" for text in (*lowered.notes, *opinion.declined)]
    if snap_weights is not None:
        notes.insert(0, f"note: {snap_effect(own, folder, layers, snap_weights, lowered, data)}")
    if opinion.peer is None:
        notes.append("note: the ONNX model was not compared with anything but our own evaluator")
    return VerifyReport(name, tuple(checks), opinion.peer, tuple(notes))


def _refuse_vast(network: Network, neuron: str, note: Progress | None, large: bool) -> None:
    from threshc.hdl.options import CircuitOptions
    from threshc.hdl.size import predict, refuse_vast

    refuse_vast(predict(network, CircuitOptions(neuron)), note, large=large, instead="--large to go on, or --no-rtl")


def verify_network(
    data: Stimulus,
    *,
    unoptimized: tuple[Network, list[NDArray[np.int64]]] | None = None,
    rtl: bool = True,
    rtl_samples: int = 64,
    neuron: str = "auto",
    pipeline: str | int = "layer",
    simulator: str = "auto",
    progress: Progress | None = None,
) -> Iterator[Check]:
    """The comparisons that need no ONNX model: passes, packed simulator, RTL, each against the reference."""
    say, network = progress or (lambda text: None), data.network
    expected = reference.run_encoded(network, data.encoded)
    if unoptimized is not None:
        before, values = unoptimized
        outputs = [values[o.value] for o in before.outputs]
        yield outputs_only("reference before passes = after passes", outputs, expected)
    yield compare_results("reference = packed", expected, data.packed(), data.encoded)
    if not rtl:
        return
    from threshc.hdl.options import CircuitOptions
    from threshc.hdl.unrolled.build import build_design
    from threshc.hdl.unrolled.unit import UnrolledUnit
    from threshc.sim import rtl as rtl_simulator

    say("Verilog: emitting, compiling and simulating it")
    scores = network.output("scores") is not None
    design = build_design(network, CircuitOptions(neuron, pipeline, scores), taps=True)
    some = data.first(rtl_samples)
    got = rtl_simulator.run_words(UnrolledUnit(design), some.words, simulator=cast(Simulator, simulator))
    note = f"{got.simulator}, latency {got.latency} cycles"
    yield compare_results("reference = RTL", expected.first(len(some)), got, some.encoded, note)
