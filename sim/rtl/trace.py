"""What goes into an RTL simulation and what comes out, for every simulator alike."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, Lines, fail
from threshc.compiler.progress import Progress
from threshc.hdl.interface import Interface, StreamUnit
from threshc.hdl.payload import from_beats


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A simulation to be run.

    words: (N, bytes) uint8, those of the samples; stall: withhold valid and ready at random; progress: told of delays.
    interrupted: before the run, so many beats of the same samples are taken and then all is reset, for each of these
    numbers; nothing of that is recorded. waves: a .vcd or .fst file for all signals, None for none.
    """

    unit: StreamUnit
    words: NDArray[np.uint8]
    stall: bool
    progress: Progress
    interrupted: tuple[int, ...] = ()
    waves: Path | None = None

    @property
    def interface(self) -> Interface:
        """The unit's."""
        return self.unit.interface

    @property
    def answers(self) -> int:
        """Payloads that all answers take."""
        return len(self.words) * self.interface.output.count

    def traced(
        self, payloads: NDArray[np.uint8], cycles: int, latency: int, probes: tuple[NDArray[np.uint8], ...]
    ) -> Trace:
        """Returns the trace of what came out: payloads (M, bytes) of answers, and of every probe.

        Raises CompileError where some of it is missing, or a probe led out something of no sample.
        """
        words = from_beats(payloads, self.interface.output)
        if len(words) < len(self.words):
            raise _stuck(self, len(words))
        for k, probe in enumerate(probes):
            if len(probe) != len(words):
                why = f"it led out {len(probe)} values"
                what = f"probe {k} does not lead out one value for each of {len(words)} samples"
                raise fail(what, where=f"simulation of {self.interface.name}", why=why)
        return Trace(words, cycles, latency, probes)


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The end of a simulation.

    words: (N, bytes) uint8, those of the answers; cycles: until the last; latency: of the first, in cycles; probes:
    (N, bytes) each, what the circuit's probes led out of every sample.
    """

    words: NDArray[np.uint8]
    cycles: int
    latency: int
    probes: tuple[NDArray[np.uint8], ...]


def _stuck(job: Job, answers: int) -> CompileError:
    """The error for a circuit that neither takes samples nor answers any more."""
    return fail(
        f"the circuit stopped after {answers} of {len(job.words)} answers",
        where=f"simulation of {job.interface.name}",
        why=f"no transfer for {job.interface.timing.patience} cycles",
        hint="this is a fault of the generated circuit; please report it with the model",
    )


def tool_failed(what: str, done: subprocess.CompletedProcess[str], others: str) -> CompileError:
    """Returns the error for a tool that ended with an exit code, with its last lines; others: simulators to try."""
    tail = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-6:]
    return fail(
        f"{what} failed with exit code {done.returncode}",
        where="RTL simulation",
        why=Lines.of(tail) or "it printed nothing",
        hint=others,
    )


def stalls(state: int) -> tuple[int, bool, bool]:
    """Returns the next state of the shared 16-bit LFSR (x^16+x^14+x^13+x^11+1), and whether to offer and to take this
    cycle."""
    bit = (state ^ state >> 2 ^ state >> 3 ^ state >> 5) & 1
    state = state >> 1 | bit << 15
    return state, state & 3 != 0, state >> 4 & 3 != 0
