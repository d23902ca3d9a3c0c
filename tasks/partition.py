"""How a network that no device holds is put on several chips: cut points, what goes between them, their plans."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.files import write_files
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.storage import to_bytes
from threshc.compiler.progress import Note, Progress, silent
from threshc.hdl.families.registry import table_inputs
from threshc.hdl.targets.registry import target as find_target
from threshc.tasks.compare import Check, compare_results
from threshc.tasks.folder import REPORT, output_folder
from threshc.tasks.options import ModelKeywords, ModelOptions, model_options
from threshc.tasks.plan import clock_of, cycles_for
from threshc.tasks.read_network import load_network
from threshc.tasks.stimulus import Stimulus, checked_samples, stimulus
from threshc.version import __version__

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from threshc.hdl.folded.partition import Partition
    from threshc.hdl.targets.base import Target
    from threshc.tasks.read_network import Model


@dataclass(frozen=True, slots=True, eq=False)
class PartitionReport:
    """A partition with what it means. clock_hz, assumed: as in `PlanReport`. check: the simulation of all
    chips together against the packed simulator, None where none was asked for."""

    model: str
    target: Target
    partition: Partition
    clock_hz: float
    assumed: bool
    check: Check | None = None

    @property
    def samples_per_second(self) -> float:
        """Samples that the slowest chip takes in a second at that clock."""
        return self.clock_hz / self.partition.interval

    def as_dict(self) -> dict[str, object]:
        """Returns the report for JSON."""
        rate = self.samples_per_second
        return {
            "model": self.model,
            "target": self.target.name,
            "interval_cycles": self.partition.interval,
            "clock_hz": self.clock_hz,
            "clock_assumed": self.assumed,
            "samples_per_second": rate,
            "simulated": None if self.check is None else _figures(self.check),
            "chips": [
                {
                    "layers": [layer.name for layer in chip.plan.layers],
                    "fold": str(chip.plan),
                    "interval_cycles": chip.plan.interval,
                    "luts": chip.plan.luts,
                    "ffs": chip.plan.ffs,
                    "brams": chip.plan.brams,
                    "sprams": chip.plan.sprams,
                }
                for chip in self.partition.chips
            ],
            "links": [
                {
                    "behind": chip.behind,
                    "bits_per_sample": chip.bits,
                    "wires": chip.width,
                    "bits_per_second": chip.bits * rate,
                }
                for chip in self.partition.chips[:-1]
            ],
        }


def _figures(check: Check) -> dict[str, object]:
    return {
        "equal": check.equal,
        "samples": check.samples,
        "hidden_bits": check.bits,
        "outputs": check.outputs,
        "difference": None if check.divergence is None else str(check.divergence),
        "note": check.note,
    }


def partition(
    model: Model,
    *,
    target: str,
    chips: int | None = None,
    target_fps: float | None = None,
    clock: float | None = None,
    out_dir: str | os.PathLike[str] | None = None,
    force: bool = False,
    samples: int = 0,
    seed: int = 1,
    simulator: str = "auto",
    reading: ModelOptions | None = None,
    note: Note | None = None,
    progress: Progress = silent,
    **keywords: Unpack[ModelKeywords],
) -> PartitionReport:
    """Cuts a model in parts for several chips of one kind, each folded.

    chips: how many at most, the fastest way over them being taken; None for as few as hold the model, or as reach
    target_fps (samples per second). clock: in Hz, for targets without a board. out_dir: a folder that gets of every
    chip partK.thresh, a network that every command takes, and partK.json, its plan for `fold`. samples: so many random
    ones (by `seed`) go through all chips together in a simulation of their Verilog, compared with the packed simulator
    in every output and hidden bit. reading, keywords: as for `load`. Raises CompileError for wrong options before the
    model is read, and where a layer fits no chip.
    """
    from threshc.hdl.folded.partition import Partitions

    chosen, how = find_target(target), model_options(reading, keywords)
    if chips is not None and (isinstance(chips, bool) or not isinstance(chips, int) or not 1 <= chips <= 1000):
        raise fail(f"{chips!r} chips cannot be", where=option("chips"), hint="a whole number from 1 to 1,000")
    if chips is not None and target_fps is not None:
        why = "each of them decides how many chips there are"
        raise fail("chips and a rate are not both stated", where=option("chips"), why=why, hint="omit one of them")
    if samples:
        checked_samples(samples)
    hertz, assumed = clock_of(chosen, clock)
    interval = None if target_fps is None else cycles_for(target_fps, hertz)
    network = load_network(model, how, note=note)
    found = Partitions(network, chosen.device, progress)
    made = found.fewest(interval) if chips is None else found.of(chips)
    name = model.name if isinstance(model, Network) else str(model)
    check = None
    if samples:
        progress(f"simulating {len(made.chips)} chips together on {samples:,} samples")
        check = _simulated(network, made, chosen, stimulus(network, None, samples=samples, seed=seed), simulator)
    report = PartitionReport(name, chosen, made, hertz, assumed, check)
    if out_dir is not None:
        with output_folder(out_dir, force=force) as folder:
            _write(report, folder)
    return report


def _write(report: PartitionReport, folder: Path) -> None:
    files: dict[str, bytes | str] = {}
    for k, chip in enumerate(report.partition.chips):
        files[f"part{k}.thresh"] = to_bytes(chip.part.network)
        files[f"part{k}.json"] = chip.plan.file.pretty()
    head = {"made_by": f"threshc {__version__}", "partition": report.as_dict(), "files": list(files)}
    write_files(folder, files)
    write_files(folder, {REPORT: json.dumps(head, indent=1) + "\n"})


def _simulated(network: Network, made: Partition, target: Target, data: Stimulus, simulator: str) -> Check:
    """Simulates all chips together, with every hidden bit led out."""
    from threshc.hdl.folded.chips import joined_chips
    from threshc.sim import rtl

    joined = joined_chips(network, made, inputs=table_inputs(target.device.family))
    got = rtl.run_words(joined, data.words, simulator=simulator)
    note = f"{got.simulator}, latency {got.latency} cycles"
    return compare_results("packed = all chips together", data.packed(), got, data.encoded, note)
