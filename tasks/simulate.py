"""One call for all simulators."""

from __future__ import annotations

from numpy.typing import ArrayLike

from threshc.compiler.diagnostics import option
from threshc.compiler.ir.network import Network
from threshc.compiler.progress import Note, Progress, silent
from threshc.hdl.options import USUAL_CIRCUIT, CircuitOptions
from threshc.sim.result import Result
from threshc.tasks.engines import Engine, checked_engine
from threshc.tasks.stimulus import given


def simulate(
    network: Network,
    x: ArrayLike,
    *,
    engine: Engine = "packed",
    options: CircuitOptions | None = None,
    large: bool = False,
    note: Note | None = None,
    progress: Progress | None = None,
) -> Result:
    """Runs a network on samples and returns `.labels` (N,), `.scores` (N, classes) and `.bits` of every hidden layer.

    Labels and scores are int64, bits uint8, all exact. x: (N, features) or (N, *the model's shape): integers of the
    input encoding of any integer dtype, or the real values that they stand for.
    engine: "packed" is fast, "reference" is the meaning in plain numpy, "rtl" simulates the emitted Verilog.
    options: the circuit that "rtl" simulates; scores and hidden bits are read out in any case.
    large: go on with a circuit (of "rtl") that may take more memory than there is; note is told of a large one.
    progress is called when something takes long.

    Raises CompileError for samples that the input does not take, and where the simulation would take more memory than
    there is.
    """
    progress = progress or silent
    checked_engine(engine)
    match engine:
        case "packed":
            progress("packed simulator (its first run compiles for some seconds)")
            return given(network, x).packed()
        case "reference":
            from threshc.sim import reference

            progress("reference simulator")
            return reference.run_encoded(network, given(network, x).encoded)
        case "rtl":
            from threshc.hdl.chain import build
            from threshc.hdl.size import predict, refuse_vast
            from threshc.sim import rtl

            circuit = options or USUAL_CIRCUIT
            instead = f"{option('large', True)} to go on, or {option('engine', 'packed')}"
            if circuit.fold is None:
                refuse_vast(predict(network, circuit), note, large=large, instead=instead)
            progress("emitting the circuit")
            samples = given(network, x)
            return rtl.run_words(build(network, circuit).probed(), samples.words, progress=progress)
