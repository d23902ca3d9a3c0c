"""The circuit of a network simulated against the reference: with every hidden bit led out, and as it is built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.hdl.options import CircuitOptions
from threshc.tasks.compare import Check, compare_results, outputs_only
from threshc.tasks.plan import with_plan

if TYPE_CHECKING:
    from threshc.hdl.chain import Circuit
    from threshc.hdl.targets.base import Target
    from threshc.sim.result import Result
    from threshc.sim.rtl import RtlResult
    from threshc.tasks.stimulus import Stimulus


@dataclass(frozen=True, slots=True)
class Verilog:
    """The way in which the circuit of a network is simulated.

    options: which circuit. jobs: processes that search side by side for it. simulator: as for `threshc.sim.rtl`.
    samples: how many of the first ones it sees. folder: the output folder whose Verilog it must be, if any. target:
    what it is made for, if any. waves: a file for all signals of the run with probes, if any.
    """

    options: CircuitOptions
    jobs: int | None
    simulator: str
    samples: int
    folder: Path | None = None
    target: Target | None = None
    waves: Path | None = None

    def checks(self, data: Stimulus, expected: Result) -> Iterator[Check]:
        """Yields the comparisons with the reference's result. Raises CompileError where a folder holds another circuit.

        It is the circuit that is built, with probes for its hidden bits. A folder's is simulated once more without
        them: it is the text in the folder, with which it is compared.
        """
        from threshc.hdl.chain import build
        from threshc.tasks.proved_folder import same_verilog

        some, network = data.first(self.samples), data.network
        wanted = expected.first(len(some))
        built = build(network, with_plan(network, self.options, self.target), jobs=self.jobs)
        got, note = self._run(built.probed(), some, self.waves)
        yield compare_results("reference = RTL", wanted, got, some.encoded, note)
        if self.folder is not None:
            said = same_verilog(self.folder, built)
            got, note = self._run(built, some)
            values = {o.name: v for o, v in zip(wanted.network.outputs, wanted.values, strict=True)}
            outputs = [values[o.name] for o in got.network.outputs]
            yield replace(outputs_only("reference = RTL without hidden bits", outputs, got), note=f"{note}; {said}")

    def _run(self, design: Circuit, some: Stimulus, waves: Path | None = None) -> tuple[RtlResult, str]:
        from threshc.sim import rtl

        got = rtl.run_words(design, some.words, simulator=self.simulator, waves=waves)
        kept = "" if waves is None else f", all signals in {waves}"
        return got, f"{got.simulator}, latency {got.latency} cycles{kept}"
