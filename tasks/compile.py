"""A model to one folder: Verilog, testbench, network file and report, the Verilog simulated before anything is kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from threshc.compiler.ir.network import Network
from threshc.compiler.progress import Note, Progress, silent
from threshc.hdl.export.kinds import checked_kind
from threshc.hdl.options import CircuitOptions
from threshc.hdl.targets.registry import target as find_target
from threshc.tasks.circuit_folder import Settings, compile_into, prepare
from threshc.tasks.folder import output_folder
from threshc.tasks.options import Keywords, ModelOptions, check_run, chosen_options, lists_options
from threshc.tasks.report import Report
from threshc.tasks.report_markdown import write_report

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from threshc.tasks.read_network import Model


@lists_options(ModelOptions, CircuitOptions)
def compile(
    model: Model,
    out_dir: str | os.PathLike[str],
    *,
    reading: ModelOptions | None = None,
    options: CircuitOptions | None = None,
    target: str | None = None,
    jobs: int | None = None,
    x: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    samples: int = 256,
    simulator: str = "auto",
    verify_passes: bool = False,
    print_after: Callable[[str, Network], None] | None = None,
    note: Note | None = None,
    export_as: str | None = None,
    large: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    **keywords: Unpack[Keywords],
) -> Report:
    """Compiles a model into a folder: NAME.v, NAME_tb.v with its data, model.thresh, report.json and report.md.

    model: as for `load`. keywords: the fields of `ModelOptions` and `CircuitOptions` (input=, neuron=, pipeline=, ...);
    reading, options: the same as objects. target: make the circuit that `build` makes for this target.
    jobs: the number of processes that search side by side, None for all cores; the circuit is the same for any number.
    x: samples as `simulate` takes them, on which the emitted Verilog is simulated, with labels (N,) if these are known;
    without x, `samples` random samples are used. What snap_weights changes is measured on the same samples.
    export_as: `axi-stream` or `plain`: the folder also gets what other people's designs and tools need of the circuit
    (`threshc.hdl.export.files`); None for nothing of that.
    force: write beside files that threshc did not make (see `output_folder`). The folder appears whole or not at all.
    large: go on with a circuit that may take more memory than there is; without it, such a circuit is refused before it
    is made.

    Raises CompileError for wrong options before the model is read, and with every problem of the model.
    """
    chosen = None if target is None else find_target(target)
    how, circuit = chosen_options(reading, options, keywords, chosen)
    check_run(simulator, samples, jobs)
    if export_as is not None:
        checked_kind(export_as)
    settings = Settings(
        how,
        circuit,
        simulator=simulator,
        verify_passes=verify_passes,
        print_after=print_after,
        note=note,
        jobs=jobs,
        large=large,
        target=chosen,
        export_as=export_as,
    )
    with output_folder(out_dir, force=force) as folder:
        progress = progress or silent
        ready = prepare(model, settings, x, labels, samples, progress)
        report = compile_into(folder, Path(out_dir), ready, settings, progress)
        write_report(report, folder)
    return report
