"""Proofs: they hold for every architecture, and no mutation of a circuit that changes what it computes gets through."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import networks
import numpy as np
import pytest
from architectures import WIDE
from certificates import plain

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.proof.check import check
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.fingerprint import fingerprint
from threshc.hdl.proof.mapped import check_mapped
from threshc.hdl.proof.parse import parse, read
from threshc.hdl.proof.routes import select_max
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.tasks.prove import prove

pytestmark = pytest.mark.slow

INPUTS = 14
"""Few enough for all samples, and more than the checker compares exhaustively: heaps are what is tested."""


def circuit_of(neuron: str = "pairs", pipeline: str | int = 3) -> tuple[Network, Certificate]:
    network = networks.random_dense(np.random.default_rng(1), (INPUTS, 15, 13, 4), "ternary")
    return network, certify(build_design(network, CircuitOptions(neuron=neuron, pipeline=pipeline)))


def answers(certificate: Certificate) -> list[int]:
    """Every output bit as a function of all inputs."""
    circuit = Circuit(certificate.inputs, certificate.luts, certificate.registers)
    return circuit.evaluate(circuit.lits(certificate.outputs), list(range(1, INPUTS + 1)))


def mutate(certificate: Certificate, rng: random.Random, kind: str) -> Certificate:
    """One table bit or one operand of a table changed, one register connected elsewhere, or one output inverted."""
    data = plain(certificate)
    luts, registers, outputs = data["luts"], data["registers"], data["outputs"]
    cell = rng.choice(luts)
    match kind:
        case "bit":
            cell[2] ^= 1 << rng.randrange(1 << len(cell[1]))
        case "wire":
            at = rng.randrange(len(cell[1]))
            cell[1][at] = rng.choice([n for n in range(cell[0]) if n != cell[1][at]])
        case "register":
            register = rng.choice(registers)
            register[1] = rng.choice([n for n in range(1, register[0]) if n != register[1]])
        case _:
            outputs[rng.randrange(len(outputs))] ^= 1
    return parse(data)


@pytest.mark.parametrize("neuron", WIDE)
def test_mutations_are_caught(neuron: str) -> None:
    """200 of each: every one that changes any output for any of the 2**14 inputs is caught. A bit of a table that its
    inputs never reach, or a bit that a later table ignores, changes nothing; the checker may call that proved."""
    network, good = circuit_of(neuron)
    check(network, good)
    want, rng, changed, caught = answers(good), random.Random(1), 0, 0
    for k in range(200):
        bad = mutate(good, rng, ("bit", "wire", "bit", "wire", "register", "output")[k % 6])
        differs = is_changed(bad, want)
        changed += differs
        try:
            check(network, bad)
        except Unproved:
            caught += 1
            continue
        assert not differs, "a broken circuit was called proved"
    assert caught >= (195 if neuron in ("pairs", "counters") else 160)  # full adders leave carries that nobody reads
    assert changed >= 80


def is_changed(certificate: Certificate, want: list[int]) -> bool:
    """Whether any output differs for any input, or the circuit is none."""
    try:
        return answers(certificate) != want
    except Unproved:
        return True


def test_another_threshold_is_caught() -> None:
    """Each threshold of the network moved by one, the certificate made out for the changed network."""
    network, good = circuit_of()
    tried = 0
    for v, op in enumerate(network.ops):
        if not isinstance(op, Compare):
            continue
        for j in range(len(op.threshold)):
            moved = op.threshold.copy()
            moved[j] += 1
            ops = (*network.ops[:v], replace(op, threshold=moved), *network.ops[v + 1 :])
            other = Network(network.name, ops, network.outputs)
            with pytest.raises(Unproved):
                check(other, good)
            try:
                check(other, replace(good, network=fingerprint(other)))
            except Unproved:
                tried += 1
    assert tried >= 25  # the rest lies beyond the reachable sums: constants stay what they are


def test_steps_that_cheat() -> None:
    """Claims are checked, not believed: a lost input, a lost carry, a word of another heap."""
    network, good = circuit_of()
    for change in range(3):
        data = plain(good)
        claim = max(data["claims"], key=lambda c: len(c[1]))
        match change:
            case 0:
                claim[1][0][1].pop()
            case 1:
                claim[1][0][2].pop()
            case _:
                claim[2][-1] ^= 1
        with pytest.raises(Unproved):
            check(network, parse(data))


@pytest.mark.parametrize("neuron", [*WIDE, "auto"])
@pytest.mark.parametrize("pipeline", ["none", "layer", 2])
def test_every_architecture(neuron: str, pipeline: str | int) -> None:
    network = networks.random_dense(np.random.default_rng(2), (16, 9, 7, 5), "int")
    design = build_design(network, CircuitOptions(neuron=neuron, pipeline=pipeline, scores=True))
    assert sum(check(network, certify(design)).methods.values()) == 9 + 7 + 5 + 4


def test_inputs_convolutions_and_shared_sums() -> None:
    rng = np.random.default_rng(3)
    for network in (
        networks.xor(),
        networks.random_conv(rng, 8, (2, 2)),
        networks.random_dense(rng, (6, 8, 4), "int", "int5", compare_input=True),
        networks.random_dense(rng, (7, 8, 4), "int", "int4"),
    ):
        check(network, certify(build_design(network, CircuitOptions(pipeline=2))))


@pytest.mark.parametrize(
    ("family", "cell"), [("ice40", "LUT_INIT(16'h"), ("ecp5", "INIT(16'h"), ("xilinx", "INIT(64'h")]
)
def test_mapped_text_cell_by_cell(family: str, cell: str) -> None:
    network = networks.random_dense(np.random.default_rng(4), (24, 9, 4))
    design = build_design(network, CircuitOptions(pipeline=2, family=family))
    text, certificate = mapped_verilog(design, family), certify(design)
    assert check_mapped(certificate, text) > 100
    line = next(line for line in text.splitlines() if cell in line and "1'b0" not in line)
    at = line.index(cell) + len(cell)
    broken = text.replace(line, f"{line[:at]}{int(line[at], 16) ^ 1:x}{line[at + 1 :]}")
    with pytest.raises(Unproved):
        check_mapped(certificate, broken)


def test_certificates_are_files(tmp_path: Path) -> None:
    network = networks.random_dense(np.random.default_rng(5), (12, 6, 3))
    proof = prove(network, tmp_path / "a", family="ice40")
    prove(network, tmp_path / "b")
    assert "6 x all inputs" in str(proof)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert prove(network, tmp_path / "a", check=True).methods == proof.methods
    other = networks.random_dense(np.random.default_rng(6), (12, 6, 3))
    with pytest.raises(CompileError, match=r"of another network\n  try: give the model, input= and options"):
        prove(other, tmp_path / "a", check=True)
    (tmp_path / "c").write_text("no")
    with pytest.raises(CompileError, match="this is not a certificate"):
        read(tmp_path / "c")


def test_a_folder_is_proved_as_it_is(tmp_path: Path, root: Path) -> None:
    out = tmp_path / "out"
    threshc.compile(root / "examples/xor/xor.onnx", out, input="bit", simulator="amaranth")
    assert "byte for byte" in str(prove(out))
    verilog = next(p for p in out.glob("*.v") if "_tb" not in p.name)
    verilog.write_text(verilog.read_text() + "\n")
    with pytest.raises(CompileError, match="the folder's Verilog is not its own circuit"):
        prove(out)


def test_digits(digits: Path) -> None:
    proof = prove(digits / "digits.onnx", family="ecp5")
    assert proof.methods["match of the arg-max"] == 9


def test_words_whose_bits_depend_on_each_other() -> None:
    """1 & 2 is never larger than 1: only as functions of the inputs, not for all values of the words' bits."""
    circuit = Circuit(2, [[3, [1, 2], 0b1000]], [])
    words = [[2], [6]]
    assert select_max(circuit, words, False, iter([[0, [2], [0]]])) == [0]
    with pytest.raises(Unproved, match="is not `the right word is larger`"):
        select_max(circuit, words, False, iter([[6, [6], [6]]]))
