"""Fuzzing in small: a fixed range of cases, and Hypothesis's own choice of mutations, which it shrinks."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))  # `fuzz` is a folder of the repository, not of the package

pytest.importorskip("resource", reason="needs the memory limits of a POSIX system")

from fuzz.check import Violation, check  # noqa: E402
from fuzz.frontend import run  # noqa: E402
from fuzz.mutate import damaged, mutated  # noqa: E402
from fuzz.seeds import seeds  # noqa: E402
from threshc.compiler.diagnostics import fail  # noqa: E402

pytestmark = pytest.mark.slow

CPU_SECONDS = 30.0  # per case; generous, because machines differ
CASES = 2500


def test_fixed_cases_in_a_limited_process() -> None:
    report = run(1, CASES, seconds=600.0, cpu_seconds=CPU_SECONDS)
    assert report.cases == CASES
    assert not report.findings, str(report)
    assert report.outcomes["read"] > CASES // 20  # mutations must not all be fatal
    assert len(report.outcomes) > 25


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(model=st.sampled_from(range(len(seeds()))), rng=st.randoms(use_true_random=False))
def test_mutations_of_hypothesis(model: int, rng: random.Random, tmp_path: Path) -> None:
    _, proto, encoding = seeds()[model]
    check(mutated(rng, proto).SerializeToString(), encoding, tmp_path, CPU_SECONDS)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400))
def test_any_bytes(data: bytes, tmp_path: Path) -> None:
    assert check(data, None, tmp_path, CPU_SECONDS) != "read"


def test_damage_is_deterministic() -> None:
    _, proto, _ = seeds()[0]
    data = proto.SerializeToString()
    assert damaged(random.Random(5), data) == damaged(random.Random(5), data) != data


def test_violations_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker itself: exceptions, warnings, files and time are noticed."""
    import time
    import warnings

    from fuzz import check as module

    def crash(source: object, input: object) -> None:
        raise KeyError("x")

    def write(source: object, input: object) -> None:
        (tmp_path / "made").write_text("x")
        raise fail("refused")

    def read(source: object, input: object) -> None:
        Path("/etc/passwd").read_bytes()
        raise fail("refused")

    def warn(source: object, input: object) -> None:
        warnings.warn("careful", RuntimeWarning, stacklevel=1)

    def hang(source: object, input: object) -> None:
        until = time.process_time() + 20
        while time.process_time() < until:
            pass

    data = seeds()[0][1].SerializeToString()
    for fault, said in ((crash, "KeyError"), (warn, "careful"), (hang, "more than 0.2 s")):
        monkeypatch.setattr(module, "load", fault)
        with pytest.raises(Violation, match=said):
            check(data, None, tmp_path, 0.2)
    for fault, said in ((write, "opened for writing"), (read, "read outside")):
        monkeypatch.setattr(module, "load", fault)
        with pytest.raises(Violation, match=said):
            check(data, None, tmp_path, 5.0)
