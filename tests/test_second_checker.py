"""Two checkers that share no code: what ours proves, the second one must find equal on every input word."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import second_checker
from architectures import WIDE
from certificates import plain

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT))  # `fuzz` is a folder of the repository, not of the package

pytest.importorskip("resource", reason="needs the timers of a POSIX system")

from fuzz import certificates  # noqa: E402
from fuzz.certificate_bases import bases  # noqa: E402
from threshc.hdl.options import CircuitOptions  # noqa: E402
from threshc.hdl.proof import check as first  # noqa: E402
from threshc.hdl.proof.check import check  # noqa: E402
from threshc.hdl.proof.mapped import check_mapped  # noqa: E402
from threshc.hdl.proof.parse import parse  # noqa: E402
from threshc.hdl.unrolled.build import build_design  # noqa: E402
from threshc.hdl.unrolled.certify import certify  # noqa: E402

pytestmark = pytest.mark.slow

BASES = {base.name: base for base in bases()}


@pytest.mark.parametrize("name", BASES)
def test_both_accept_what_is_right(name: str) -> None:
    base = BASES[name]
    data = json.loads(base.data)
    assert parse(data) == base.certificate
    check(base.network, base.certificate)
    second_checker.check(base.network, data)
    assert check_mapped(base.certificate, base.text) > 0
    got = second_checker.text_answers(base.text, base.network)
    assert [f & base.occurs for f in got] == [f & base.occurs for f in base.payload]


@pytest.mark.parametrize("neuron", WIDE)
@pytest.mark.parametrize("name", ["wide, class", "integers", "images"])
def test_every_architecture(neuron: str, name: str) -> None:
    network = BASES[name].network
    design = build_design(network, CircuitOptions(neuron=neuron, pipeline=2, dont_care=True))
    second_checker.check(network, plain(certify(design)))


@pytest.mark.parametrize("name", BASES)
def test_the_second_checker_can_refuse(name: str) -> None:
    """Each output bit inverted, each field's width, the latency, and one register less."""
    base = BASES[name]

    def refused(change: Any) -> None:
        data = json.loads(base.data)
        change(data)
        with pytest.raises((second_checker.Refused, KeyError, IndexError)):
            second_checker.check(base.network, data)

    for k in range(len(base.certificate.outputs)):
        refused(lambda data, k=k: data["outputs"].__setitem__(k, data["outputs"][k] ^ 1))
    refused(lambda data: data["fields"][0].__setitem__(2, data["fields"][0][2] + 1))
    refused(lambda data: data.__setitem__("latency", data["latency"] + 1))
    refused(lambda data: data["registers"].pop(0))
    refused(lambda data: data.__setitem__("replaced", [[data["luts"][-1][0] + 1, [1], 1, []]]))


def test_no_mutant_is_proved_unless_it_is_right() -> None:
    """200 of those that `python -m fuzz.certificates` makes."""
    report = certificates.run(1, 200, 600.0)
    assert report.cases == 200
    assert not report.findings, str(report)
    assert report.outcomes["certificate: refused, and wrong"] > 40
    assert report.outcomes["text: refused"] > 60
    assert report.outcomes["certificate: proved, and right"] + report.outcomes["text: proved, and right"] > 5
    assert len(report.mutations) > 35


@pytest.mark.parametrize("rule", ["outputs", "_compare"])
def test_the_fuzzer_finds_a_checker_that_forgets_a_rule(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def believed(self: Any, v: int, op: Any) -> Any:
        return self._given(v, self.network.types[v].shape)

    forgetful = (lambda self, demanded: None) if rule == "outputs" else believed
    monkeypatch.setattr(first._Checker, rule, forgetful)
    report = certificates.run(0, 120, 600.0)
    assert any("although" in text for text in report.findings.values())
