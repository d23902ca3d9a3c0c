"""Fuzz the proof checker: mutated certificates and pre-mapped texts, each refused unless it is right all the same.

    python -m fuzz.certificates --seconds 300 [--cases N] [--seed N]     cases from seed N on, for that long
    python -m fuzz.certificates --case N                                 one case again, with its traceback

Whether a mutant is right is decided by evaluating it on all input words (`tests/second_checker.py`), not by the
checker. Odd cases are texts. A case that the checker proves although it is wrong, that ends in any other exception than
Unproved, or that takes more than 20 s is a finding; with one, the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from types import FrameType

from fuzz import mutate_certificates, mutate_text
from fuzz.certificate_bases import Base, bases, tests_module
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.check import check
from threshc.hdl.proof.mapped import check_mapped
from threshc.hdl.proof.parse import Malformed, parse

GIB = 2**30
SECONDS = 20.0


class TooSlow(BaseException):
    """Not an Exception, so that no handler of the code under test can swallow it."""


class Report:
    """cases, seconds, what became of them, mutations by name, and findings by case number."""

    def __init__(self) -> None:
        self.cases, self.seconds = 0, 0.0
        self.outcomes: Counter[str] = Counter()
        self.mutations: Counter[str] = Counter()
        self.findings: dict[int, str] = {}

    def __str__(self) -> str:
        wrong = sum("although" in text for text in self.findings.values())
        lines = [
            f"{self.cases} cases in {self.seconds:.0f} s: {wrong} wrongly accepted, {len(self.findings)} findings",
            *(f"  {n:7} {what}" for what, n in sorted(self.outcomes.items())),
            "  mutations: " + ", ".join(f"{name} {n}" for name, n in sorted(self.mutations.items())),
            *(f"case {k}: {text}" for k, text in self.findings.items()),
        ]
        return "\n".join(lines)


def case(seed: int) -> tuple[str, list[str]]:
    """What became of a case, and its mutations. Raises AssertionError for what the checker must not do."""
    rng = random.Random(seed)
    base = rng.choice(bases())
    return (_text if seed % 2 else _certificate)(rng, base)


def _certificate(rng: random.Random, base: Base) -> tuple[str, list[str]]:
    second = tests_module("second_checker")
    data, names = mutate_certificates.mutated(rng, base)
    if json.dumps(data) == json.dumps(json.loads(base.data)):
        return "certificate: not changed", names
    try:
        check(base.network, parse(data))
    except Malformed:
        return "certificate: malformed", names
    except Unproved:
        return f"certificate: refused, {_verdict(second, base, data)}", names
    verdict = _verdict(second, base, data)
    if verdict != "and right":
        raise AssertionError(f"proved, although it is {verdict} ({base.name}; {', '.join(names)})")
    return "certificate: proved, and right", names


def _verdict(second: object, base: Base, data: object) -> str:
    try:
        second.check(base.network, data)  # type: ignore[attr-defined]
    except second.Refused as problem:  # type: ignore[attr-defined]
        return f"and wrong: {problem}".split(":")[0]
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return "and wrong"
    return "and right"


def _text(rng: random.Random, base: Base) -> tuple[str, list[str]]:
    second = tests_module("second_checker")
    text, names = mutate_text.mutated(rng, base.text)
    if text == base.text:
        return "text: not changed", names
    try:
        check_mapped(base.certificate, text)
    except Unproved:
        return "text: refused", names
    try:
        got = [f & base.occurs for f in second.text_answers(text, base.network)]
        right = got == [f & base.occurs for f in base.payload]
    except (second.Refused, KeyError, IndexError, AssertionError, RecursionError) as problem:
        raise AssertionError(f"proved, although it cannot be read: {problem!r} ({', '.join(names)})") from problem
    if not right:
        raise AssertionError(f"proved, although it answers otherwise ({base.name}; {', '.join(names)})")
    return "text: proved, and right", names


def run(first: int, cases: int, seconds: float) -> Report:
    """Cases first, first + 1, ... until one of the two limits is reached."""
    report, start = Report(), time.monotonic()
    bases()
    signal.signal(signal.SIGPROF, _late)
    while report.cases < cases and time.monotonic() - start < seconds:
        seed = first + report.cases
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            outcome, names = case(seed)
        except AssertionError as problem:
            outcome, names = "FINDING", []
            report.findings[seed] = str(problem)
        except TooSlow:
            outcome, names = "FINDING", []
            report.findings[seed] = f"more than {SECONDS:g} s"
        except Exception as problem:
            outcome, names = "FINDING", []
            report.findings[seed] = f"{problem!r}: {traceback.format_exc(limit=-2)}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        report.cases += 1
        report.outcomes[outcome] += 1
        report.mutations.update(names)
    report.seconds = time.monotonic() - start
    return report


def _late(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cases", type=int, default=10**9, help="the most cases")
    parser.add_argument("--seed", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", type=int, help="run one case")
    options = parser.parse_args()
    if options.case is not None:
        print(case(options.case))
        return 0
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (4 * GIB, hard))
    report = run(options.seed, options.cases, options.seconds)
    print(report)
    return int(bool(report.findings))


if __name__ == "__main__":
    sys.exit(main())
