"""Pre-mapped text of every kind of neuron and family: all of it is proved, and no changed text that matters."""

from __future__ import annotations

import random
import re

import networks
import numpy as np
import pytest
from architectures import WIDE

from threshc.compiler.ir.network import Network
from threshc.hdl.families.registry import families
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.proof.check import check
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.cuts import relation
from threshc.hdl.proof.mapped import check_mapped
from threshc.hdl.proof.text import read_text
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.mapped import mapped_verilog

pytestmark = pytest.mark.slow

CASES = {  # found by search: (seed, weights, inputs, sizes, neuron, family, pipeline), and what was in the way
    "bits that drop out": (22, "int", "bit", (4, 13, 2), "pairs", "ice40", "layer"),
    "two's complement": (36, "pm1", "int4", (6, 7, 5), "pairs", "xilinx", 4),
    "ternary on four bits": (30, "ternary", "int4", (7, 6, 3, 4), "tree", "xilinx", 3),
    "tables in halves": (34, "ternary", "int4", (12, 2), "counters", "ecp5", 2),
    "halves of halves": (44, "int", "int4", (5, 9, 6, 2), "counters", "ecp5", 1),
    "absorbed nodes": (53, "int", "int4", (6, 7, 5, 4), "counters", "xilinx", 3),
    "carry chains": (19, "pm1", "bit", (13, 6, 3), "tree", "ice40", 4),
    "chains with constants": (46, "pm1", "int5", (2, 4), "tree", "ecp5", 1),
    "weights that cancel": (25, "pm1", "int4", (2, 4, 4, 4), "auto", "ice40", "none"),
    "common parts above the narrowest row": (102, "int", "bit", (2, 11, 3), "pairs", "ecp5", "none"),
    "operands before what beside them": (1117, "int", "uint3", (10, 10, 4, 4), "pairs", "xilinx", 4),
    "counters of six": (26, "int", "bit", (4, 6, 2), "compressor63", "ecp5", 4),
}


def made(case: str) -> tuple[Network, Certificate, str]:
    seed, kind, encoding, sizes, neuron, family, pipeline = CASES[case]
    network = networks.random_dense(np.random.default_rng(seed), sizes, kind, encoding)
    design = build_design(network, CircuitOptions(neuron=neuron, family=family, pipeline=pipeline))
    return network, certify(design), mapped_verilog(design, family)


@pytest.mark.parametrize("case", CASES)
def test_cases_that_search_found(case: str) -> None:
    network, certificate, text = made(case)
    check(network, certificate)
    assert check_mapped(certificate, text) > 3


def test_random_networks() -> None:
    """Eight of some hundred that were tried when this was written."""
    rng = np.random.default_rng(11)
    for _ in range(8):
        seed = int(rng.integers(1 << 30))
        sizes = tuple(int(n) for n in rng.integers(2, 9, rng.integers(2, 5)))
        neuron = str(rng.choice([*WIDE, "auto"]))
        family = str(rng.choice(list(families())))
        network = networks.random_dense(np.random.default_rng(seed), sizes, "ternary", "int4")
        design = build_design(
            network, CircuitOptions(neuron=neuron, family=family, pipeline=(1, 3, "layer", "none")[rng.integers(4)])
        )
        try:
            check_mapped(certify(design), mapped_verilog(design, family))
        except Unproved as problem:
            raise AssertionError(f"seed {seed}, {sizes}, {neuron}, {family}: {problem}") from None


def mutated(text: str, rng: random.Random) -> str:
    """One bit of a table, one net that something reads, or the halves of a selection, changed."""
    lines = text.splitlines()
    while True:
        at = rng.randrange(len(lines))
        line = lines[at]
        nets = list(re.finditer(r"(?<![\w.])n(\d+)\b", line.partition("=")[2] if "assign" in line else line))
        if "INIT" in line and rng.random() < 0.5:
            start = line.index("'h") + 2
            end = line.index(")", start)
            value = int(line[start:end], 16) ^ 1 << rng.randrange(4 * (end - start))
            lines[at] = f"{line[:start]}{value:x}{line[end:]}"
        elif "?" in line:
            lines[at] = re.sub(r"\? (\w+) : (\w+);", r"? \2 : \1;", line)
        elif (" + " in line or "INIT" in line) and nets:
            old = rng.choice(nets)[0]
            lower = [m for m in re.findall(r"wire (n\d+)", text) if m != old]
            lines[at] = re.sub(rf"\b{old}\b", rng.choice(lower), line, count=1)
        else:
            continue
        return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", ["tables in halves", "carry chains", "bits that drop out", "chains with constants"])
def test_changed_texts_are_refused(case: str) -> None:
    """40 of each. What passes computes the outputs that the certificate does, for random values of all inputs."""
    _, certificate, text = made(case)
    rng, caught = random.Random(3), 0
    want = outputs(certificate, text)
    for _ in range(40):
        bad = mutated(text, rng)
        try:
            check_mapped(certificate, bad)
        except Unproved:
            caught += 1
            continue
        assert outputs(certificate, bad) == want, "a changed text was called proved"
    assert caught >= 28


def outputs(certificate: Certificate, text: str) -> list[int]:
    """The outputs of a text for 4,096 random inputs, by a reading of it that is not the checker's."""
    rng, every = random.Random(5), (1 << 4096) - 1
    value = {0: 0} | {k + 1: rng.getrandbits(4096) for k in range(certificate.inputs)}
    cells, registers, adders, outs = read_text(text, certificate)

    def lit(x: int) -> int:
        return net(x >> 1) ^ (every if x & 1 else 0)

    def net(node: int) -> int:
        if node in value:
            return value[node]
        value[node] = 0  # a loop, which a mutation may make, ends here
        if node in registers:
            value[node] = net(registers[node])
        elif node in cells:
            operands, table = cells[node]
            for i in range(1 << len(operands)):
                if table >> i & 1:
                    term = every
                    for j, x in enumerate(operands):
                        term &= net(x) if i >> j & 1 else net(x) ^ every
                    value[node] |= term
        else:
            adder = next(a for a in adders.values() if node in a.bits)
            carry = lit(adder.carry)
            for p, bit in enumerate(adder.bits):
                a, b = (lit(w[p]) if p < len(w) else 0 for w in (adder.a, adder.b))
                value[bit], carry = a ^ b ^ carry, (a & b) | (carry & (a | b))
        return value[node]

    return [lit(x) for x in outs]


def test_windows_grow_until_they_show_it() -> None:
    """Node 7 is 4 & 5 in a roundabout way; without the bits that drop out nothing is shown."""
    luts = [[4, [1, 2], 0b1000], [5, [2, 3], 0b1110], [6, [4, 5], 0b0100], [7, [4, 6], 0b0010], [8, [4, 5], 0b1000]]
    circuit = Circuit(3, luts, [])
    assert relation(circuit, 2 * 7, (2 * 4,), 0b10) == 0
    assert relation(circuit, 2 * 7, (2 * 4,), 0b01) == 1
    assert relation(circuit, 2 * 7, (2 * 4,), 0b10, deep=False) is None
    assert relation(circuit, 2 * 8, (2 * 4,), 0b10) == 0  # 1 & 2 without 2 | 3 never occurs
    assert relation(circuit, 2 * 8, (2 * 5,), 0b10) is None
