"""Fuzz everything behind the front end: random networks through all engines, passes, circuits and proofs.

    python -m fuzz.networks --seconds 600 [--seed N]           cases from number N on, for that long
    python -m fuzz.networks --case N [--lane avx2]             one case again

Every case goes through lanes side by side: the engines' machine code for each processor that this one can be (its own,
AVX-512, AVX2, baseline x86-64); and passes, text form, circuits in simulators, proofs, and a few of Yosys' netlists.
What is found is made smaller and printed with the number that makes it again; the exit code is 1 then, and where too
much is refused.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from threading import Thread

from fuzz.network_lanes import LANES, Report, available, become, check_case, lane


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="after the engines are compiled")
    parser.add_argument("--cases", type=int, default=10**9, help="the most cases on each lane")
    parser.add_argument("--seed", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", type=int, help="run one case in this process")
    parser.add_argument("--lane", choices=LANES, action="append", help="only this one (may be repeated)")
    options = parser.parse_args()
    if options.case is not None:
        return _one(options.case, (options.lane or ["host"])[0])
    report = run(options.seed, options.cases, options.seconds, options.lane or available())
    print(report)
    return int(bool(report.findings) or report.too_many_refusals)


def run(first: int, cases: int, seconds: float, lanes: Sequence[str]) -> Report:
    """Cases first, first + 1, ... on each lane until one of the two limits is reached."""
    report, start = Report(), time.monotonic()
    threads = [Thread(target=lane, args=(report, name, first, cases, seconds)) for name in lanes]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    report.seconds = time.monotonic() - start
    return report


def _one(seed: int, name: str) -> int:
    become(name)
    kind, counts, refusal, found = check_case(seed, name)
    print(f"case {seed}, {name}: {kind} {refusal}", *(f"{n} {what}" for what, n in counts.items()), sep="\n  ")
    for check, what in found.items():
        print(f"{check}: {what}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
