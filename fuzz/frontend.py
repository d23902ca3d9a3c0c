"""Fuzz the ONNX front end: mutated models and damaged bytes, each a network or a CompileError.

    python -m fuzz.frontend --seconds 600 [--seed N] [--keep DIR]     cases from seed N on, for that long
    python -m fuzz.frontend --case N                                  one case again, with its traceback

Cases run in a process with a limit on its memory; one that hangs or dies is reported, and the run goes on.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

from fuzz.check import Violation, case_bytes, check

GIB = 2**30
HANG_SECONDS = 60.0  # wall clock; the 5 s of processor time per case are checked inside


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cases", type=int, default=10**9, help="the most cases")
    parser.add_argument("--seed", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", type=int, help="run one case in this process")
    parser.add_argument("--keep", type=Path, help="folder for the files of cases that fail")
    options = parser.parse_args()
    if options.case is not None:
        return _one(options.case, options.keep)
    report = run(options.seed, options.cases, options.seconds, options.keep)
    print(report)
    return int(bool(report.findings))


class Report:
    """cases, seconds, what became of them, and the violations by case number."""

    def __init__(self) -> None:
        self.cases, self.seconds = 0, 0.0
        self.outcomes: Counter[str] = Counter()
        self.findings: dict[int, str] = {}

    def __str__(self) -> str:
        read = self.outcomes["read"]
        lines = [f"{self.cases} cases in {self.seconds:.0f} s: {read} read, {len(self.findings)} findings"]
        lines += [f"  {n:7} {what[:100]}" for what, n in self.outcomes.most_common(60)]
        lines += [f"case {k}: {text}" for k, text in self.findings.items()]
        return "\n".join(lines)


def run(first: int, cases: int, seconds: float, keep: Path | None = None, cpu_seconds: float = 5.0) -> Report:
    """Cases first, first + 1, ... until one of the two limits is reached."""
    report, start, seed = Report(), time.monotonic(), first
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        while seed < first + cases and time.monotonic() - start < seconds:
            seed = _stretch(report, seed, first + cases, start + seconds, folder, cpu_seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.seconds = time.monotonic() - start
    for number in report.findings if keep is not None else ():
        assert keep is not None
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{number}.onnx").write_bytes(case_bytes(number)[0])
    return report


def _stretch(report: Report, seed: int, end: int, until: float, folder: Path, cpu_seconds: float) -> int:
    """Run cases in one process until the limits, or until it has to be replaced. Returns the next seed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, folder, cpu_seconds), daemon=True)
    process.start()
    theirs.close()
    try:
        for served in range(20_000):
            if seed >= end or time.monotonic() >= until:
                break
            ours.send(seed)
            if not ours.poll(HANG_SECONDS):
                report.findings[seed] = f"hangs for {HANG_SECONDS:g} s"
                report.cases += 1
                return seed + 1
            try:
                outcome, violation = ours.recv()
            except EOFError:
                report.findings[seed] = f"the process died after {served} cases (out of memory, or a crash)"
                report.cases += 1
                return seed + 1
            report.cases += 1
            report.outcomes[outcome] += 1
            if violation:
                report.findings[seed] = violation
            seed += 1
    finally:
        ours.close()
        process.kill()
        process.join()
    return seed


def _serve(pipe: Connection, folder: Path, cpu_seconds: float) -> None:
    import resource

    sys.dont_write_bytecode = True
    case_bytes(0)  # imports everything before the limits are set
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (4 * GIB, hard))
    while True:
        try:
            seed = pipe.recv()
        except (EOFError, OSError):
            return
        data, encoding, _ = case_bytes(seed)
        try:
            outcome, violation = check(data, encoding, folder, cpu_seconds, seed % 4 != 0), ""
        except Violation as error:
            outcome, violation = "VIOLATION", str(error)
        pipe.send((outcome, violation))


def _one(seed: int, keep: Path | None) -> int:
    data, encoding, name = case_bytes(seed)
    print(f"case {seed}: {name}, {len(data)} bytes, input {encoding}")
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{seed}.onnx").write_bytes(data)
    with tempfile.TemporaryDirectory() as folder:
        print(check(data, encoding, Path(folder), by_path=seed % 4 != 0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
