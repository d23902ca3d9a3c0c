"""Everything against everything: the ONNX model, the reference, the packed simulator and the RTL on the same inputs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.frontend.float_model import run_float
from threshc.compiler.frontend.load import lower_parsed, parse_input
from threshc.compiler.frontend.snapping import Snapped, snap
from threshc.compiler.frontend.source import read_model
from threshc.compiler.ir.network import Network
from threshc.compiler.passes.pipeline import optimize
from threshc.compiler.progress import Note, Progress, silent
from threshc.hdl.options import USUAL_CIRCUIT, CircuitOptions
from threshc.hdl.targets.registry import target as find_target
from threshc.sim import reference
from threshc.sim.result import Result
from threshc.tasks.compare import Check, against_onnx, compare_results, outputs_only
from threshc.tasks.options import Keywords, ModelOptions, check_run, circuit_options, lists_options, model_options
from threshc.tasks.read_network import load_network, ready_made
from threshc.tasks.recorded import folder_of, recorded, want_the_folders_own
from threshc.tasks.second_opinion import second_opinion
from threshc.tasks.stimulus import Stimulus, checked_samples, stimulus
from threshc.tasks.verify_circuit import Verilog
from threshc.tasks.verify_report import VerifyReport
from threshc.tasks.weights import reduce_weights, snap_effect

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from threshc.tasks.read_network import Model


@lists_options(ModelOptions, CircuitOptions)
def verify(
    source: Model,
    x: ArrayLike | None = None,
    *,
    reading: ModelOptions | None = None,
    options: CircuitOptions | None = None,
    target: str | None = None,
    jobs: int | None = None,
    samples: int = 256,
    rtl: bool = True,
    rtl_samples: int = 64,
    simulator: str = "auto",
    waves: str | os.PathLike[str] | None = None,
    seed: int = 1,
    large: bool = False,
    note: Note | None = None,
    progress: Progress | None = None,
    **keywords: Unpack[Keywords],
) -> VerifyReport:
    """Runs a model in four ways on the same samples, and compares every hidden bit and every output.

    x: samples as `simulate` takes them; without x, `samples` random ones and the extremes, from `seed`.
    rtl: also simulate the emitted Verilog on the first `rtl_samples` samples, with every hidden bit read out. A circuit
    that would take more memory than there is, is refused before anything is run, unless `large`; note is told of a
    large one. Don't-cares depend on what is read out, so with them the circuit without hidden bits is simulated too.
    waves: a .vcd or .fst file for every signal of that simulation, which Icarus or Amaranth's simulator writes.
    reading, options, keywords, target, jobs: as for `compile`. With weight_bits and snap_weights, the ONNX model that
    is compared is the one with snapped weights, and notes say how it differs from the file's.
    A .thresh file, a folder made by `compile` and a Network hold no ONNX model: there are no comparisons with it then.
    The circuit of a folder is made with the folder's options; it must be the folder's Verilog, byte for byte, and is
    simulated too.

    Raises CompileError for wrong options before the model is read, for models that cannot be read, and for a folder
    that holds another circuit. Differences of values are reported, not raised.
    """
    progress = progress or silent
    goal = None if target is None else find_target(target)
    how, asked = model_options(reading, keywords), circuit_options(options, keywords) or USUAL_CIRCUIT
    check_run(simulator, samples, jobs)
    checked_samples(rtl_samples, "rtl_samples")
    home, settled = folder_of(source), asked.settled(goal)
    if home is not None:
        made = recorded(home)
        want_the_folders_own(made, how, asked, target)
        settled = made.circuit
    file = _waves(waves, simulator, rtl)
    circuit = Verilog(settled, jobs, simulator, rtl_samples, home, goal, file) if rtl else None
    ready = ready_made(source)
    if ready is not None:
        notes = ["note: there is no ONNX model here to compare with"]
        network = load_network(ready, how, note=lambda text: notes.append(f"note: {text}"))
        _refuse_vast(network, circuit, note, large)
        data = stimulus(network, x, samples=samples, seed=seed)
        expected = reference.run_encoded(network, data.encoded)
        rest = _verify_network(data, expected, circuit, progress)
        return VerifyReport(ready.name, tuple(rest), expected.outputs_only(), notes=tuple(notes))
    assert not isinstance(source, Network)
    model, folder = read_model(source)
    own = model
    layers: tuple[Snapped, ...] = ()
    if how.snap_weights is not None:
        model, layers = snap(own, folder, how.snap_weights)
    lowered = lower_parsed(model, folder, parse_input(how.input), exact_scores=how.exact_scores)
    network, smaller, change = lowered.network, lowered.network, ""
    if how.weight_bits is not None:
        smaller, change = reduce_weights(network, how.weight_bits)
    optimized = smaller if how.raw else optimize(smaller)
    _refuse_vast(optimized, circuit, note, large)
    data = stimulus(network, x, samples=samples, seed=seed)
    checks: list[Check] = []
    progress("ONNX model against the reference, and what other evaluators say")
    real = data.as_model_takes(lowered)
    tensors = lowered.compared
    values = reference.evaluate(network, data.encoded)
    law = run_float(lowered.graph, real, tensors)
    checks.append(against_onnx(lowered, dict(zip(tensors, law, strict=True)), values, "float32 evaluator", law=True))
    opinion = second_opinion(model, folder, lowered, real, tensors, values)
    checks += opinion.checks
    progress("passes, and the packed simulator")
    rounded = how.weight_bits not in (None, "min")  # then the rounded network is what the passes must keep
    before, seen = (smaller, reference.evaluate(smaller, data.encoded)) if rounded else (network, values)
    expected = reference.run_encoded(optimized, data.encoded)
    outputs = [seen[o.value] for o in before.outputs]
    checks.append(outputs_only("reference before passes = after passes", outputs, expected))
    checks += _verify_network(data.through(optimized), expected, circuit, progress)
    name = str(source) if isinstance(source, str | Path) else lowered.graph.name
    notes = [f"note: {text}" for text in (*lowered.notes, *opinion.declined)]
    if change:
        notes.insert(0, f"note: {change}")
    if how.snap_weights is not None:
        notes.insert(0, f"note: {snap_effect(own, folder, layers, how.snap_weights, lowered, data)}")
    if opinion.peer is None:
        notes.append("note: the ONNX model was not compared with anything but our own evaluator")
    return VerifyReport(name, tuple(checks), expected.outputs_only(), opinion.peer, tuple(notes))


def _waves(waves: str | os.PathLike[str] | None, simulator: str, rtl: bool) -> Path | None:
    """The file of waves, checked before anything is run."""
    if waves is None:
        return None
    if not rtl:
        why = "without the Verilog there are no signals"
        raise fail("an option would have no effect", where=option("waves"), why=why, hint=f"omit {option('waves')}")
    from threshc.compiler.files import check_goal
    from threshc.sim.rtl import for_waves

    path = Path(waves)
    for_waves(simulator, path)
    check_goal(path)
    return path


def _refuse_vast(network: Network, circuit: Verilog | None, note: Note | None, large: bool) -> None:
    from threshc.hdl.size import predict, refuse_vast

    if circuit is not None and circuit.options.fold is None:
        instead = f"{option('large', True)} to go on, or {option('rtl', False)}"
        refuse_vast(predict(network, circuit.options), note, large=large, instead=instead)


def _verify_network(data: Stimulus, expected: Result, circuit: Verilog | None, progress: Progress) -> Iterator[Check]:
    """Yields the comparisons of a network's executions with the reference's result: packed simulator, and Verilog."""
    yield compare_results("reference = packed", expected, data.packed(), data.encoded)
    if circuit is not None:
        progress("Verilog: emitting, compiling and simulating it")
        yield from circuit.checks(data, expected)
