"""Small networks of every kind with their certificates and texts: what mutations of certificates start from."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from threshc.compiler.ir.network import Network
from threshc.hdl.families.registry import families
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.certificate import Certificate
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.mapped import mapped_verilog

TESTS = Path(__file__).resolve().parents[1] / "tests"


@dataclass(frozen=True)
class Base:
    """certificate: as made; data: its JSON text; text: pre-mapped Verilog of the family; payload: what the network
    answers, as functions of all input bits; occurs: which input words occur."""

    name: str
    network: Network
    certificate: Certificate
    data: str
    text: str
    payload: list[int]
    occurs: int


def tests_module(name: str) -> Any:
    """A helper module of the tests."""
    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))
    return import_module(name)


@cache
def bases() -> tuple[Base, ...]:
    """The same in every run. Networks that differ in one respect stand beside each other: theirs are exchanged."""
    networks, second = tests_module("networks"), tests_module("second_checker")
    rng = np.random.default_rng

    made = {
        "wide, scores": (networks.random_dense(rng(1), (14, 7, 4), "ternary"), {"scores": True, "pipeline": 2}),
        "wide, class": (networks.random_dense(rng(1), (14, 7, 4), "ternary"), {"pipeline": "layer"}),
        "wide, other weights": (networks.random_dense(rng(2), (14, 7, 4), "ternary"), {"pipeline": 2, "scores": True}),
        "wide, tree": (networks.random_dense(rng(1), (14, 7, 4), "ternary"), {"neuron": "tree", "scores": True}),
        "compressor": (networks.random_dense(rng(3), (13, 5, 3), "int"), {"neuron": "compressor", "pipeline": 3}),
        "integers": (networks.random_dense(rng(4), (4, 5, 3), "int", "int4"), {"neuron": "counters", "scores": True}),
        "unsigned, don't-cares": (networks.random_dense(rng(5), (4, 8, 4), "int", "uint3"), {"dont_care": True}),
        "comparisons": (networks.random_dense(rng(6), (5, 8, 4), "int", "uint2", compare_input=True), {}),
        "steps": (networks.random_dense(rng(7), (13, 8, 5), "pm1", "step", outputs="bits"), {"pipeline": 1}),
        "images": (networks.random_conv(rng(8), 4, (2, 2)), {"scores": True, "neuron": "pairs"}),
        "xor": (networks.xor(), {}),
    }
    found = []
    for k, (name, (network, options)) in enumerate(made.items()):
        family = (*families(),)[k % len(families())]
        design = build_design(network, CircuitOptions(family=family, **options))
        certificate, answers = certify(design), second.Answers(network)
        payload = [f for field in certificate.fields for f in answers.functions(field.value)]
        text = mapped_verilog(design, family)
        found.append(Base(name, network, certificate, certificate.text(), text, payload, answers.occurring()))
    return tuple(found)
