"""`fuzz.networks` in small: a fixed range of cases; what is wrong is found, and makes the command fail."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))  # `fuzz` is a folder of the repository, not of the package

from fuzz import network_checks, network_circuits, network_lanes, networks  # noqa: E402
from fuzz.network_cases import case  # noqa: E402
from fuzz.network_checks import ENGINES, Put  # noqa: E402
from fuzz.network_circuits import CHECKS  # noqa: E402
from fuzz.network_lanes import Report, check_case  # noqa: E402
from fuzz.network_shrink import shrunk, told  # noqa: E402
from threshc.compiler.diagnostics import fail  # noqa: E402
from threshc.compiler.ir.network import Network  # noqa: E402
from threshc.compiler.ir.ops import Compare  # noqa: E402
from threshc.hdl.unrolled.design import Design  # noqa: E402

pytestmark = pytest.mark.slow

CASES = 15


def test_fixed_cases() -> None:
    report = networks.run(100, CASES, seconds=600.0, lanes=("circuits", "host"))
    assert report.networks == {"circuits": CASES, "host": CASES}
    assert not report.findings, str(report)
    assert report.refused <= CASES // 5
    assert report.counts["samples"] > 10_000
    assert report.counts["circuits in amaranth"] > 5
    assert report.counts["proofs"] > 5
    assert len(report.kinds) >= 3
    said = f"{2 * CASES} networks on 2 lanes, {report.counts['samples']:,} samples"
    assert str(report).startswith(said)


@pytest.mark.parametrize("seed", [7000135, 9000069])
def test_constants_in_a_heap_weigh_nothing(seed: int) -> None:
    """Cases that the fuzzer found: a 0 is left in a column (x + not x + x + 1), or added that was never there."""
    _, counts, _, found = check_case(seed, network_lanes.CIRCUITS)
    assert not found
    assert counts["proofs"] > 0


def test_cases_are_the_same_every_time() -> None:
    for seed in range(20, 30):
        a, b = case(seed), case(seed)
        assert str(a.network) == str(b.network)
        assert np.array_equal(a.samples, b.samples)
        assert a.sizes == b.sizes


def test_wrong_bits_are_found_and_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that answers the 64th sample of a batch wrongly."""
    right = network_checks.execute_plan

    def wrong(*arguments: object) -> object:
        values, bits = right(*arguments)  # type: ignore[arg-type]
        if len(values[0]) > 63:
            values = (values[0].copy(), *values[1:])
            values[0][63] ^= 1
        return values, bits

    monkeypatch.setattr(network_checks, "execute_plan", wrong)
    made = case(3)
    put = Put(made.network, made.samples, (*made.sizes, 64, 513), 3)
    assert "planes, 1 threads" in told(put, ENGINES["planes"])
    smaller, said = shrunk(put, ENGINES["planes"])
    assert "of a batch of 64" in said
    assert len(smaller.x) == 64
    assert len(smaller.network.ops) <= len(put.network.ops)
    kind, _, refusal, found = check_case(3, "host")
    assert (kind, refusal) == (made.kind, "")
    assert "planes" in found
    assert "%0 = input" in found["planes"]


@pytest.mark.parametrize(("check", "name"), [("text", "first_difference"), ("passes", "check_pass")])
def test_differences_are_findings(check: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = case(2)
    put = Put(made.network, made.samples, made.sizes, 2)
    assert told(put, CHECKS[check]) == ""
    monkeypatch.setattr(f"fuzz.network_circuits.{name}", lambda *_, **__: "they differ")
    assert "they differ" in told(put, CHECKS[check])


def test_a_wrong_circuit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The circuit of the network with every threshold one higher, once as such and once with a forged certificate."""
    made = case(3)
    put = Put(made.network, made.samples, made.sizes, 3)
    higher = [replace(op, threshold=op.threshold + 1) if isinstance(op, Compare) else op for op in put.network.ops]
    other = Network(put.network.name, tuple(higher), put.network.outputs)
    right = network_circuits.build_design

    def wrong(network: Network, *options: Any, **rest: Any) -> Design:
        made = right(other, *options, **rest)
        return replace(made, interface=replace(made.interface, network=network))

    monkeypatch.setattr(network_circuits, "optimize", lambda network: network)
    monkeypatch.setattr(network_circuits, "build_design", wrong)
    assert "differ" in told(put, CHECKS["circuits"])
    monkeypatch.setattr(network_circuits, "_simulated", lambda *_: None)
    assert told(put, CHECKS["circuits"]).startswith("proof: ")


def test_refusals_are_counted_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(seed: int) -> None:
        raise fail("no such thing")

    monkeypatch.setattr(network_lanes, "case", refuse)
    assert check_case(1, "host")[2] == "no such thing"
    report = Report()
    report.networks["host"], report.refusals["no such thing"] = 100, 10
    assert not report.too_many_refusals
    report.refusals["no such thing"] = 11
    assert report.too_many_refusals
    assert "too much is refused" in str(report)


def test_findings_make_the_command_fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    report.findings["7 on avx2, words"] = "wrong"
    monkeypatch.setattr(networks, "run", lambda *_: report)
    monkeypatch.setattr(sys, "argv", ["networks", "--seconds", "1"])
    assert networks.main() == 1
    assert "case 7 on avx2, words: wrong" in capsys.readouterr().out
    monkeypatch.setattr(networks, "run", lambda *_: Report())
    assert networks.main() == 0


def test_one_case_again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["networks", "--case", "2"])
    assert networks.main() == 0
    assert capsys.readouterr().out.startswith("case 2, host: tangled")
