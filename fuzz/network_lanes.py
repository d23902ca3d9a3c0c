"""Processes that check networks side by side: engines on each processor that this one can be, and circuits."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from threading import Lock

from fuzz.network_cases import case
from fuzz.network_checks import ENGINES, Check, Put
from fuzz.network_shrink import shrunk, told
from threshc.compiler.diagnostics import CompileError

HANG_SECONDS, START_SECONDS = 180.0, 600.0

_AVX2 = "+avx,+avx2,+bmi,+bmi2,+popcnt,+fma"
_AVX512 = f"{_AVX2},+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl"
CIRCUITS = "circuits"
LANES: dict[str, tuple[str, str]] = {
    CIRCUITS: ("", ""),
    "host": ("", ""),
    "avx512": ("skylake-avx512", _AVX512),
    "avx2": ("haswell", _AVX2),
    "generic": ("generic", ""),
}
"""What the engines are compiled for: LLVM's name and features, none for the host's own with all that it has. The first
lane checks everything but engines."""


def available() -> tuple[str, ...]:
    """The lanes of which this machine can run the code."""
    try:
        with open("/proc/cpuinfo") as file:
            has = set(next((line for line in file if line.startswith("flags")), "").replace("bmi1", "bmi").split())
    except OSError:
        return (CIRCUITS, "host")
    return tuple(n for n, (_, needs) in LANES.items() if all(f[1:] in has for f in needs.split(",") if f))


@dataclass
class Report:
    """What was done, by what; findings: by number of the case, processor and check."""

    counts: Counter[str] = field(default_factory=Counter)
    networks: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    findings: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def refused(self) -> int:
        """Cases that were not networks."""
        return sum(self.refusals.values())

    @property
    def too_many_refusals(self) -> bool:
        """Whether more than a tenth of the cases (a quarter of the circuits) were refused: that would test little."""
        circuits = self.counts["circuits refused"], self.counts["circuits"]
        few = sum(self.networks.values()) < 50
        return not few and (self.refused > sum(self.networks.values()) / 10 or 3 * circuits[0] > circuits[1])

    def __str__(self) -> str:
        total, findings = sum(self.networks.values()), len(self.findings)
        lines = [
            f"{total:,} networks on {len(self.networks)} lanes, {self.counts['samples']:,} samples through the engines "
            f"in {self.seconds:.0f} s, "
            f"{self.refused:,} refused, {findings} findings"
        ]
        lines += [f"  {n:9,} networks: {name}" for name, n in self.networks.items()]
        lines += [f"  {n:9,} of kind {name}" for name, n in self.kinds.most_common()]
        lines += [f"  {n:9,} {name}" for name, n in sorted(self.counts.items()) if name != "samples"]
        lines += [f"  {n:9,} refused: {what[:100]}" for what, n in self.refusals.most_common(20)]
        if self.too_many_refusals:
            lines.append("too much is refused")
        lines += [f"case {k}: {what}" for k, what in self.findings.items()]
        return "\n".join(lines)


def check_case(seed: int, processor: str) -> tuple[str, Counter[str], str, dict[str, str]]:
    """(kind, counts, refusal, findings by check) of a case."""
    try:
        made = case(seed)
    except CompileError as error:
        return "refused", Counter(), error.diagnostics[0].what, {}
    put = Put(made.network, made.samples, made.sizes, seed)
    checks: dict[str, Check] = ENGINES
    if processor == CIRCUITS:
        from fuzz.network_circuits import CHECKS

        checks = CHECKS
    found = {}
    for name, check in checks.items():
        if told(put, check):
            smaller, said = shrunk(put, check)
            found[name] = f"{said}\n  {len(smaller.x)} samples, batches {smaller.sizes}\n{_indented(smaller)}"
    return made.kind, put.counts, "", found


def _indented(put: Put) -> str:
    lines = str(put.network).splitlines()
    return "\n".join("  " + (line if len(line) < 400 else line[:400] + " ..") for line in lines[:40])


def lane(report: Report, processor: str, first: int, cases: int, seconds: float) -> None:
    """Cases first, first + 1, .. on a processor until one of the limits; a process that dies or hangs is replaced."""
    seed, until = first, None
    while seed < first + cases and (until is None or time.monotonic() < until):
        ours, process = _started(processor)
        try:
            if not ours.poll(START_SECONDS) or not _ready(ours):
                with report.lock:
                    report.findings[f"none on {processor}"] = "the process does not start"
                return
            until = until or time.monotonic() + seconds
            while seed < first + cases and time.monotonic() < until:
                ours.send(seed)
                answered = _answer(report, processor, ours, seed)
                seed += 1
                if not answered:
                    break
        finally:
            ours.close()
            process.kill()
            process.join()


def _answer(report: Report, processor: str, ours: Connection, seed: int) -> bool:
    """Whether the process goes on."""
    said = f"hangs for {HANG_SECONDS:g} s"
    try:
        if ours.poll(HANG_SECONDS):
            kind, counts, refusal, found = ours.recv()
            with report.lock:
                report.networks[processor] += 1
                report.kinds[kind] += 1
                report.counts += counts
                if refusal:
                    report.refusals[refusal] += 1
                report.findings |= {f"{seed} on {processor}, {name}": what for name, what in found.items()}
            return True
    except EOFError:
        said = "the process died (a crash, or out of memory)"
    with report.lock:
        report.findings[f"{seed} on {processor}"] = said
    return False


def _ready(ours: Connection) -> bool:
    try:
        return bool(ours.recv())
    except EOFError:
        return False


_starting = Lock()


def _started(processor: str) -> tuple[Connection, multiprocessing.process.BaseProcess]:
    """A process whose engines are compiled for a processor, and the pipe to it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, processor), daemon=True)
    with _starting:
        process.start()
    theirs.close()
    return ours, process


def become(processor: str) -> None:
    """Have everything that this process compiles compiled for a processor."""
    name, features = LANES[processor]
    if name:
        os.environ["NUMBA_CPU_NAME"], os.environ["NUMBA_CPU_FEATURES"] = name, features


def _serve(pipe: Connection, processor: str) -> None:
    sys.dont_write_bytecode = True
    become(processor)
    check_case(0, processor)  # imports and compiles
    pipe.send(True)
    while True:
        try:
            seed = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(check_case(seed, processor))
