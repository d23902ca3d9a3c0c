"""Certificates that somebody made to be believed: each claims something of a circuit that is not the network's."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from certificates import plain

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output, Sum
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof import certificate
from threshc.hdl.proof import check as checker
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.proof.check import check
from threshc.hdl.proof.parse import Malformed, parse, read
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.tasks.prove import prove

pytestmark = pytest.mark.slow

Data = dict[str, Any]


@lru_cache
def made() -> tuple[Network, Certificate]:
    """A network with class and scores, both of them in the payload."""
    network = networks.random_dense(np.random.default_rng(1), (14, 9, 5), "ternary")
    return network, certify(build_design(network, CircuitOptions(pipeline=2, scores=True)))


def scores_value(data: Data) -> str:
    return next(str(value) for name, value, _ in data["fields"] if name == "scores")


def scores_of_nothing(data: Data) -> None:
    """The sum behind the scores is said to be never made, and all score bits are the constant 0."""
    data["values"][scores_value(data)] = []
    width = data["fields"][1][2]
    data["outputs"][-width:] = [0] * width


def constant_scores(data: Data) -> None:
    width = data["fields"][1][2]
    data["outputs"][-width:] = [0] * width


def scores_in_the_class(data: Data) -> None:
    data["fields"][0][1], data["fields"][0][2] = data["fields"][1][1:]


def scores_not_named(data: Data) -> None:
    del data["fields"][1]


def class_not_named(data: Data) -> None:
    width = data["fields"][0][2]
    del data["fields"][0], data["outputs"][:width]


def fields_swapped(data: Data) -> None:
    data["fields"].reverse()


def class_twice(data: Data) -> None:
    data["fields"].append(data["fields"][0])
    data["outputs"] += data["outputs"][: data["fields"][0][2]]


def narrow_scores(data: Data) -> None:
    data["fields"][1][2] -= 1
    data["outputs"].pop()


def hidden_bits_as_class(data: Data) -> None:
    data["fields"][0] = ["tap0", 3, 9]


def class_of_nothing(data: Data) -> None:
    data["values"][str(data["fields"][0][1])] = []


def value_dropped(data: Data) -> None:
    del data["values"]["2"]


def value_too_many(data: Data) -> None:
    data["values"]["0"] = []


def match_too_many(data: Data) -> None:
    data["selections"].append(data["selections"][0])


def match_dropped(data: Data) -> None:
    data["selections"].pop()


def another_latency(data: Data) -> None:
    data["latency"] += 1


FORGERIES: list[tuple[Callable[[Data], None], str]] = [
    (scores_of_nothing, "the certificate has no bits for it"),
    (constant_scores, "the output field 'scores' at bit 3 is not value 4"),
    (scores_in_the_class, "the output field 'class' is not the network's"),
    (scores_not_named, "has bits that no field names"),
    (class_not_named, "lacks the field 'class'"),
    (fields_swapped, "the output field 'scores' at bit 0 is not value 4"),
    (class_twice, "or one field twice"),
    (narrow_scores, "the output field 'scores' is not the network's, of its value and width"),
    (hidden_bits_as_class, "the output field 'tap0' at bit 0 is not value 3"),
    (class_of_nothing, "a different number of bits"),
    (value_dropped, "the values of the certificate differ from the network's"),
    (value_too_many, "the values of the certificate differ from the network's"),
    (match_too_many, "matches of an arg-max tree that the network does not have"),
    (match_dropped, "a match of the arg-max tree is missing"),
    (another_latency, "does not leave after `latency` cycles"),
]


@pytest.mark.parametrize(("forge", "why"), FORGERIES, ids=lambda x: getattr(x, "__name__", ""))
def test_forgeries_are_refused(forge: Callable[[Data], None], why: str) -> None:
    network, good = made()
    assert [f.name for f in check(network, good, demanded=("scores",)).fields] == ["class", "scores"]
    data = plain(good)
    forge(data)
    with pytest.raises(Unproved, match=why):
        check(network, parse(data))


def test_bits_of_a_sum_that_was_never_made_are_not_taken_for_none() -> None:
    """A layer that reads the bits of such a sum has no positions then, and nothing of it would be proved."""
    ops = (
        *networks.xor().ops[:3],
        Compare(2, np.array([0]), np.array([1])),
        Bitplanes(2),
        Sum(4, np.array([[1, 1]], np.int8), np.zeros(1, np.int64)),
        Compare(5, np.array([0]), np.array([2])),
    )
    network = Network("planes", ops, (Output("y", 6, "bits", np.ones(()), np.zeros(())),))
    good = certify(build_design(network))
    assert check(network, good)
    data = plain(good)
    data["values"]["2"] = []
    with pytest.raises(Unproved, match="value 2 is read, and the certificate has no bits for it"):
        check(network, parse(data))


def test_scores_are_demanded_by_who_asks_for_them(tmp_path: Path) -> None:
    network, _ = made()
    prove(network, tmp_path / "a")
    assert "output payload: class (bits 0 to 2, value 5)" in str(prove(network, tmp_path / "a", check=True))
    with pytest.raises(CompileError, match="the output payload lacks the field 'scores'"):
        prove(network, tmp_path / "a", check=True, scores=True)


def spoilt(at: list[Any], value: object) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        place: Any = data
        for key in at[:-1]:
            place = place[key]
        place[at[-1]] = value

    return change


MALFORMED: list[tuple[list[Any], object, str]] = [
    (["format"], "threshc certificate 1", "its format is 'threshc certificate 1', this version reads"),
    (["format"], None, "it does not state its format"),
    (["comment"], "hello", "it should have the keys"),
    (["network"], "0" * 63, "network is malformed"),
    (["name"], "a b", "name is malformed"),
    (["inputs"], 1e8, r"inputs: 100000000.0 is not an integer"),
    (["inputs"], True, "inputs: True is not an integer"),
    (["inputs"], 0, "inputs: 0 is not an integer from 1"),
    (["latency"], -1, "latency: -1 is not an integer"),
    (["latency"], 10**400, "latency: 1000"),
    (["luts"], {}, "tables are not a list"),
    (["luts", 0], [15, [1, 2]], "table 0: it is not a list of 3"),
    (["luts", 0, 0], 0, "table 0: 0 is not an integer from 1"),
    (["luts", 0, 0], 1 << 31, "table 0: 2147483648 is not an integer"),
    (["luts", 0, 1], [1] * 7, "table 0: a list of numbers is not one, or is longer than 6"),
    (["luts", 0, 1], [1, 2.0], "table 0: a number is not an integer"),
    (["luts", 0, 1], [1, False], "table 0: a number is not an integer"),
    (["luts", 0, 1], [1, -2], "table 0: a number is not an integer"),
    (["luts", 0, 2], 1 << 64, "table 0: 18446744073709551616 is not an integer"),
    (["registers", 0], [20], "register 0: it is not a list of 2"),
    (["registers", 0, 1], "3", "register 0: 3 is not an integer"),
    (["values"], [], "values are not an object"),
    (["values", "03"], [], "values are not an object with numbers as keys"),
    (["values", "3"], None, "value 3: a list of numbers is not one"),
    (["values", "3", 0], -1, "value 3: a number is not an integer"),
    (["outputs"], [[]], "outputs: a number is not an integer"),
    (["fields", 0, 0], "label", "field 0: its name is malformed"),
    (["fields", 0, 0], "tap01", "field 0: its name is malformed"),
    (["fields", 0, 2], 0, "field 0: 0 is not an integer from 1"),
    (["claims", 0, 2], [], "claim 0: a claim has as many columns"),
    (["claims", 0, 0], [[]] * 129, "claim 0: a claim has as many columns"),
    (["claims", 0, 2], [0] * 129, "claim 0: a list of numbers is not one, or is longer than 128"),
    (["claims", 0, 0, 0, 0], 2**40, "claim 0: column 0: a number is not an integer"),
    (["claims", 0, 1, 0, 0], -1, "claim 0: step 0: -1 is not an integer"),
    (["claims", 0, 1, 0, 0], 10**9, "claim 0: step 0: 1000000000 is not an integer"),
    (["claims", 0, 1, 0, 1, 0], [2, 4, 6], "claim 0: step 0: a term is not a list of one or two literals"),
    (["claims", 0, 1, 0, 1, 0], [], "claim 0: step 0: a term is not a list of one or two literals"),
    (["claims", 0, 1, 0, 2, 0, 0], 128, "claim 0: step 0: 128 is not an integer"),
    (["selections", 0, 0], None, "selection 0: None is not an integer"),
    (["replaced"], [[1, [1], 1, [[[1]]]]], "replaced table 0: group 0: it is not a list of 2"),
]


@pytest.mark.parametrize(("at", "value", "why"), MALFORMED)
def test_malformed_certificates_are_refused_by_place(at: list[Any], value: object, why: str) -> None:
    data = plain(made()[1])
    spoilt(at, value)(data)
    with pytest.raises(Malformed, match=why):
        parse(data)


@pytest.mark.parametrize("data", [None, [], "certificate", 7])
def test_what_is_no_object(data: object) -> None:
    with pytest.raises(Malformed, match="it does not state its format"):
        parse(data)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lambda: b"no", "not packed with gzip"),
        (lambda: gzip.compress(b"no"), "the certificate is not JSON"),
        (lambda: gzip.compress(b"[" * 100_000), "nested too deeply"),
        (lambda: gzip.compress(b"{}")[:-6], "damaged or truncated"),
        (lambda: gzip.compress(b'{"format": NaN}'), "NaN is not a number"),
        (lambda: gzip.compress(b'{"inputs": 1, "inputs": 2}'), "the key 'inputs' stands twice"),
        (lambda: gzip.compress(b'{"format": "threshc certificate 1"}'), "threshc certificate 1.*\n.*make it again"),
        (lambda: gzip.compress(b" " * (130 << 20)), "unpack to more"),
        (lambda: gzip.compress(b"[" + b"0," * (17 << 20) + b"0]"), "values, more than"),
    ],
)
def test_files_that_are_none_or_too_large(tmp_path: Path, content: Callable[[], bytes], why: str) -> None:
    (tmp_path / "c").write_bytes(content())
    with pytest.raises(CompileError, match=why):
        read(tmp_path / "c")


def test_a_hundred_million_inputs_are_refused_before_anything_is_made() -> None:
    network, good = made()
    data = plain(good)
    data["inputs"] = 10**8
    with pytest.raises(Unproved, match="the circuit has a different number of inputs"):
        check(network, parse(data))


def test_a_network_beyond_diagrams_without_claims() -> None:
    """2,000 inputs, all claims dropped: refused, and not by Python's stack."""
    network = Network(
        "wide",
        (
            Input("x", (2000,), networks.xor().input.encoding),
            Bitplanes(0),
            Sum(1, np.ones((1, 2000), np.int8), np.zeros(1, np.int64)),
            Compare(2, np.array([0]), np.array([1000])),
        ),
        (Output("y", 3, "bits", np.ones(()), np.zeros(())),),
    )
    data = plain(certify(build_design(network)))
    data["claims"] = []
    with pytest.raises(Unproved, match="decision diagram of 2,000 variables"):
        check(network, parse(data))


_CLOSURE = """
import sys
before = set(sys.modules)
import {module}
print("\\n".join(sorted(m for m in set(sys.modules) - before if m.startswith("threshc"))))
"""
_PACKAGES = {"threshc", "threshc.version", "threshc.hdl", "threshc.compiler"}
_IR = tuple(
    f"threshc.compiler.{m}" for m in ("ir", "diagnostics", "progress", "bounded", "encoding", "affine", "input_grammar")
)
_NETLISTS = {"threshc.hdl.flow", "threshc.hdl.cells", "threshc.hdl.cells.gates"}


@pytest.mark.parametrize(
    ("module", "more"),
    [("check", set()), ("parse", set()), ("mapped", set()), ("netlist", _NETLISTS)],
)
def test_what_the_checker_imports(module: str, more: set[str]) -> None:
    """The IR and its own files: nothing of what searches, folds or writes circuits can be wrong in both."""
    script = _CLOSURE.format(module=f"threshc.hdl.proof.{module}")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    names = set(done.stdout.split())
    assert f"threshc.hdl.proof.{module}" in names
    allowed = ("threshc.hdl.proof", *_IR)
    assert not {n for n in names - _PACKAGES - more if not n.startswith(allowed)}


def test_a_folder_is_checked_with_its_certificate(tmp_path: Path, root: Path) -> None:
    """Its Verilog, network and options must be the certificate's; what was not read is named."""
    model, out, file = root / "examples/xor/xor.onnx", tmp_path / "out", tmp_path / "c"
    threshc.compile(model, out, input="bit", simulator="amaranth")
    prove(out, file)
    said = str(prove(out, file, check=True))
    assert "c is the certificate of the circuit that the options in report.json make" in said
    assert "network_xor.v is the Verilog of this circuit, byte for byte" in said
    rest = (
        "the figures in report.json (all of it but its options), network_xor.h, network_xor_in.hex, network_xor_io.py, "
    )
    assert f"not read, so nothing is said of them: {rest}" in said
    verilog = out / "network_xor.v"
    text = verilog.read_bytes()
    for changed in (text + b"\n", text.replace(b"endmodule", b"endmodule ", 1), text[:-1]):
        verilog.write_bytes(changed)
        with pytest.raises(CompileError, match="the folder's Verilog is not its own circuit"):
            prove(out, file, check=True)
    verilog.write_bytes(text)
    report = out / "report.json"
    kept = report.read_text()
    for name, value, why in [
        ("pipeline", "none", "the certificate is not of the circuit in this folder"),
        ("neuron", "tree", "the certificate is not of the circuit in this folder"),
        ("scores", "true", "scores 'true' is not understood"),
        ("effort", -1, "effort -1 is not understood"),
        ("speed", "high", "option 'speed' is 'high', which this version does not know"),
    ]:
        data = json.loads(kept)
        data["options"]["circuit"][name] = value
        report.write_text(json.dumps(data))
        with pytest.raises(CompileError, match=why):
            prove(out, file, check=True)
    report.write_text(kept)
    other = tmp_path / "other"
    threshc.compile(model, other, input="bit", simulator="amaranth", pipeline="none")
    (out / "model.thresh").write_bytes((other / "model.thresh").read_bytes())
    prove(out, file, check=True)  # the same network
    with pytest.raises(CompileError, match="the certificate is not of the circuit in this folder"):
        prove(other, file, check=True)


@pytest.mark.parametrize(("option", "value"), [("neuron", "tree"), ("pipeline", 2), ("effort", 2), ("family", "ecp5")])
def test_options_that_a_check_would_ignore(tmp_path: Path, option: str, value: object) -> None:
    with pytest.raises(CompileError, match=f"an option would have no effect\n  where: {option}="):
        prove(networks.xor(), tmp_path / "c", check=True, **{option: value})  # type: ignore[arg-type]


def test_obligations_that_would_take_days_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut whose nodes stand there a hundred thousand times, each with thousands of patterns."""
    network, good = made()
    data = plain(good)
    node, operands, table = data["luts"][-1]
    nodes = [node for node, _, _ in data["luts"] if node < 40]
    data["replaced"] = [[node, operands, table, [[nodes * 5_000, list(range(1, 15))]]]]
    monkeypatch.setattr(checker, "WORK", 1_000_000)
    monkeypatch.setattr(checker, "WORK_PER_TABLE", 10)
    with pytest.raises(Unproved, match="its claims take too long to be proved"):
        check(network, parse(data))


def test_a_certificate_that_could_not_be_read_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "MAX_TEXT", 5_000)
    with pytest.raises(CompileError, match="the certificate is too large to be read again"):
        made()[1].write(tmp_path / "c")
    assert not (tmp_path / "c").exists()
