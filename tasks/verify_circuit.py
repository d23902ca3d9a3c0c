"""The circuit of a network simulated against the reference: with every hidden bit led out, and as it is built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.hdl.options import CircuitOptions
from threshc.tasks.compare import Check, compare_results, outputs_only

if TYPE_CHECKING:
    from threshc.hdl.unrolled.design import Design
    from threshc.sim.result import Result
    from threshc.sim.rtl import RtlResult
    from threshc.tasks.stimulus import Stimulus


@dataclass(frozen=True, slots=True)
class Verilog:
    """The way in which the circuit of a network is simulated.

    options: which circuit. jobs: processes that search side by side for it. simulator: as for `threshc.sim.rtl`.
    samples: how many of the first ones it sees. folder: the output folder whose Verilog it must be, if any.
    """

    options: CircuitOptions
    jobs: int | None
    simulator: str
    samples: int
    folder: Path | None = None

    def checks(self, data: Stimulus, expected: Result) -> Iterator[Check]:
        """Yields the comparisons with the reference's result. Raises CompileError where a folder holds another circuit.

        The circuit as it is built is simulated beside the one with hidden bits where the two may differ by more than
        registers: with don't-cares, which depend on what is led out. So is a folder's, which is compared with its file.
        """
        from threshc.hdl.unrolled.build import build_design
        from threshc.tasks.proved_folder import same_verilog

        some, network = data.first(self.samples), data.network
        wanted = expected.first(len(some))
        scores = self.options.scores or network.output("scores") is not None
        shown = build_design(network, replace(self.options, scores=scores), taps=True, jobs=self.jobs)
        got, note = self._run(shown, some)
        yield compare_results("reference = RTL", wanted, got, some.encoded, note)
        if self.folder is not None or self.options.dont_care:
            built = build_design(network, self.options, jobs=self.jobs)
            said = "" if self.folder is None else same_verilog(self.folder, built)
            got, note = self._run(built, some)
            values = {o.name: v for o, v in zip(wanted.network.outputs, wanted.values, strict=True)}
            outputs = [values[o.name] for o in got.network.outputs]
            title, note = "reference = RTL without hidden bits", f"{note}; {said}" if said else note
            yield replace(outputs_only(title, outputs, got), note=note)

    def _run(self, design: Design, some: Stimulus) -> tuple[RtlResult, str]:
        from threshc.hdl.unrolled.unit import UnrolledUnit
        from threshc.sim import rtl

        got = rtl.run_words(UnrolledUnit(design), some.words, simulator=self.simulator)
        return got, f"{got.simulator}, latency {got.latency} cycles"
