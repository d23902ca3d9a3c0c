"""What must hold for some networks beyond the engines: passes, text form, circuits in simulators, proofs."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.network_cases import cost
from fuzz.network_checks import Check, Finding, Put
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.isomorphism import first_difference
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Output
from threshc.compiler.ir.parser import parse_network
from threshc.compiler.ir.storage import load_thresh, save
from threshc.compiler.ir.text import to_text
from threshc.compiler.passes.check import check_pass
from threshc.compiler.passes.pipeline import PassError, optimize
from threshc.hdl.cells.drive import exercise_network
from threshc.hdl.cells.read import read_netlist
from threshc.hdl.families.registry import families
from threshc.hdl.flow import tools
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import pack
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.check import check
from threshc.hdl.proof.mapped import check_mapped
from threshc.hdl.proof.netlist import prove_netlist
from threshc.hdl.proof.parse import read
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.hdl.unrolled.neurons import ARCHITECTURES
from threshc.hdl.unrolled.probes import with_probe
from threshc.hdl.unrolled.unit import UnrolledUnit
from threshc.sim import reference, rtl
from threshc.sim.inputs import encode
from threshc.tasks.stimulus import answers

SMALL = 1000
"""`cost` up to which a network is made a circuit, of which every simulator can run some samples."""
_SYNTH = {name: f"{family.unmap}{family.synth}" for name, family in families().items()}
_STEPWISE = ("auto", "pairs", "counters")
"""Architectures whose heaps are proved step by step. Circuits of the others are proved by decision diagrams, which may
be large: only those of few inputs here."""
_FEW_INPUTS = 14


def text(put: Put) -> None:
    """The text form and the file, read back."""
    with tempfile.TemporaryDirectory() as folder:
        save(put.network, Path(folder) / "n.thresh")
        for name, back in (
            ("text", parse_network(*to_text(put.network))),
            ("file", load_thresh(Path(folder) / "n.thresh")),
        ):
            difference = first_difference(put.network, back, locs=True)
            if difference is not None:
                raise Finding(f"{name} form: {difference}")


def passes(put: Put) -> None:
    """The optimized network computes the same, and there is nothing left to do for it."""
    if cost(put.network) > 20 * SMALL:
        return
    put.counts["networks through the passes"] += 1
    small_enough = cost(put.network) < SMALL
    try:
        small = optimize(put.network, verify=_values if small_enough else None)
    except PassError as error:
        raise Finding(f"passes: {error}") from None
    difference = check_pass(put.network, small, _values, np.random.default_rng(0)) if small_enough else None
    difference = difference or first_difference(small, optimize(small))
    found = reference.run(small, put.x).values
    if difference is None and not all(map(np.array_equal, found, put.values)):
        difference = "the samples' values"
    if difference is not None:
        raise Finding(f"passes: {difference}")


def circuits(put: Put) -> None:
    """The circuit of a small network: simulated, and proved; some also as Yosys' netlist."""
    if cost(put.network) > SMALL or not len(put.x):
        return
    rng = random.Random(put.seed)
    network = optimize(put.network) if rng.random() < 0.7 else put.network
    neuron = rng.choice(("auto", "auto", *ARCHITECTURES))
    family = rng.choice((None, *_SYNTH))
    options: dict[str, Any] = {
        "neuron": neuron,
        "pipeline": rng.choice(("none", "layer", 1, 2, 5)),
        "scores": rng.random() < 0.5 and network.output("scores") is not None,
        "family": family,
        "dont_care": rng.random() < 0.15,
    }
    said = ", ".join(f"{k}={v}" for k, v in options.items())
    try:
        design = build_design(network, CircuitOptions(**options))
    except CompileError:
        put.counts["circuits refused"] += 1
        return
    put.counts["circuits"] += 1
    samples = put.x[: 12 if put.seed % 151 != 7 else 200]
    _simulated(put, design, samples, "verilator" if put.seed % 151 == 7 else "amaranth", said)
    if put.seed % 5 == 1 and not rtl.available()["icarus"]:
        _simulated(put, design, samples, "icarus", said)
    _proved(put, design, neuron, said)
    if put.seed % 40 == 5 and family is not None:
        _netlist(put, design, family, neuron, said)


def _values(network: Network, x: Any) -> Any:
    return reference.run(network, x).values


def _simulated(put: Put, design: Design, x: Any, simulator: Any, said: str) -> None:
    if rtl.available()[simulator]:
        return
    got = rtl.run(UnrolledUnit(with_probe(design)), x, simulator=simulator, stall=put.seed % 2 == 0)
    put.counts[f"circuits in {simulator}"] += 1
    values = reference.evaluate(design.network, encode(design.network, x))
    for o, v in zip(got.network.outputs, got.values, strict=True):
        if not np.array_equal(v, values[o.value]):
            raise Finding(f"{simulator}: {o.kind} differ ({said})")
    for k, (a, b) in enumerate(zip(got.bits, reference.run(design.network, x).bits, strict=True)):
        if not np.array_equal(a, b):
            raise Finding(f"{simulator}: hidden bits {k} differ ({said})")


def _answers(design: Design, x: Any) -> Any:
    """The output words of the design by the reference."""
    one, zero = np.ones(()), np.zeros(())
    fields = tuple(
        Output(f.name, f.value, f.kind, one, zero)  # type: ignore[arg-type]
        for f in design.interface.fields
    )
    wide = replace(design.network, outputs=fields)
    return answers(design, reference.run(wide, x))


def _proved(put: Put, design: Design, neuron: str, said: str) -> None:
    certificate = certify(design)
    if neuron not in _STEPWISE and certificate.inputs > _FEW_INPUTS:
        return
    with tempfile.TemporaryDirectory() as folder:
        certificate.write(Path(folder) / "c")
        certificate = read(Path(folder) / "c")
    try:
        check(design.network, certificate, demanded=[f.name for f in design.interface.fields])
        for family in _SYNTH:
            if f"family={family}" in said:
                check_mapped(certificate, mapped_verilog(design, family))
    except Unproved as error:
        if "decision diagram" in str(error):  # too large a one: the proof is refused, nothing is said to be wrong
            put.counts["circuits not proved"] += 1
            return
        raise Finding(f"proof: {error} ({said})") from None
    put.counts["proofs"] += 1


def _netlist(put: Put, design: Design, family: str, neuron: str, said: str) -> None:
    """Yosys' cells, simulated and proved."""
    try:
        yosys = tools.find_tools(("yosys",))["yosys"]
    except CompileError:
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "design.v").write_text(mapped_verilog(design, family))
        script = f"read_verilog design.v\n{_SYNTH[family]} -top {design.name}\nselect {design.name}\n"
        (folder / "script.ys").write_text(script + "write_json -selected net.json\n")
        tools.check(tools.run_tool(yosys, ["-q", "-l", "log", "script.ys"], folder, lambda _: None), "fuzzing")
        gates = read_netlist(folder / "net.json", family, design.name)
    words = pack(design.network, encode(design.network, put.x[:700]))
    try:
        exercise_network(gates, design.interface, words, _answers(design, put.x[:700]))
    except CompileError as error:
        raise Finding(f"netlist: {error} ({said})") from None
    put.counts["netlists simulated"] += 1
    try:
        prove_netlist(certify(design), gates)
    except Unproved:
        put.counts["netlists not proved"] += 1
        return
    put.counts["netlists proved"] += 1


CHECKS: dict[str, Check] = {"text": text, "passes": passes, "circuits": circuits}
