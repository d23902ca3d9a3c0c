"""Circuits of several units joined by streams, and the hidden bits that probes lead out of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from numpy.typing import NDArray
from test_flow_build import need

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.layers import layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.split import split
from threshc.hdl.chain import build
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.cell import Kind
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.emit import portable_verilog
from threshc.hdl.unrolled.mapped import mapped_verilog
from threshc.sim import reference, rtl
from threshc.sim.result import Result
from threshc.tasks.compare import compare_results
from threshc.tasks.proof import check_units


def dense(sizes: tuple[int, ...] = (10, 7, 6, 4), **options: object) -> Network:
    return networks.random_dense(np.random.default_rng(5), sizes, **options)  # type: ignore[arg-type]


def cuts(network: Network, count: int) -> tuple[str, ...]:
    return tuple(layer.name for layer in layers(network)[:count])


def equal(got: Result, want: Result) -> None:
    """All outputs that both have, and all hidden bits."""
    names = {o.name: v for o, v in zip(want.network.outputs, want.values, strict=True)}
    assert len(got.values) == len(want.values)
    assert len(got.bits) == len(want.bits) > 0
    for o, value in zip(got.network.outputs, got.values, strict=True):
        np.testing.assert_array_equal(value, names[o.name])
    for one, other in zip(got.bits, want.bits, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


NETWORKS = {
    "dense": (dense, 2),
    "scores": (lambda: dense(kind="int", encoding="uint2", outputs="scores"), 2),
    "bits": (lambda: dense(outputs="bits"), 1),
    "conv": (lambda: networks.random_conv(np.random.default_rng(3)), 1),
    "step": (lambda: dense(encoding="step"), 1),
}


def samples(network: Network, count: int = 40) -> NDArray[np.generic]:
    return networks.random_samples(np.random.default_rng(1), network, count)


@pytest.mark.parametrize(
    ("name", "pipeline"),
    [pytest.param(name, 2, marks=pytest.mark.slow if name in ("conv", "scores") else ()) for name in NETWORKS]
    + [("dense", p) for p in ("none", "layer", 1)],
)
def test_every_bit_equals_the_reference(name: str, pipeline: str | int) -> None:
    """In Amaranth's simulator, through random bubbles and stalls; uncut as well."""
    make, most = NETWORKS[name]
    network = make()
    x = samples(network)
    for count in sorted({0, most}):
        chain = build(network, CircuitOptions(pipeline=pipeline, cut=cuts(network, count)))
        assert len(chain.units) == count + 1
        for stall in (False, True):
            got = rtl.run(chain.probed(), x, simulator="amaranth", stall=stall)
            assert got.latency == chain.interface.timing.latency
            assert (got.cycles > 40 + got.latency) == stall
            equal(got, reference.run(network, x))


@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_simulators_of_verilog(simulator: rtl.Simulator) -> None:
    if rtl.available()[simulator]:
        pytest.skip(rtl.available()[simulator])
    network = dense()
    x = samples(network)
    chain = build(network, CircuitOptions(pipeline=2, dont_care=True, cut=cuts(network, 2)))
    for stall in (False, True):
        equal(rtl.run(chain.probed(), x, simulator=simulator, stall=stall), reference.run(network, x))
    plain = rtl.run(chain, x, simulator="icarus")
    assert plain.bits == ()
    np.testing.assert_array_equal(plain.labels, reference.run(network, x).labels)


def test_one_unit_is_that_unit_byte_for_byte() -> None:
    network, options = dense(), CircuitOptions(pipeline=2, family="ice40", dont_care=True)
    chain, design = build(network, options), build_design(network, options)
    assert chain.verilog() == portable_verilog(design)
    assert chain.mapped("ice40") == mapped_verilog(design, "ice40")


@pytest.mark.slow
@pytest.mark.parametrize("dont_care", [False, True])
def test_probes_leave_the_circuit_as_it_is(dont_care: bool) -> None:
    """What is emitted before and after is the same; so is all but the probe of what is simulated."""
    network = dense((12, 9, 6, 4), kind="int")
    chain = build(network, CircuitOptions(pipeline=2, dont_care=dont_care, cut=cuts(network, 1)))
    before = chain.verilog(), chain.mapped("ice40")
    probed = chain.probed()
    text = probed.verilog()
    assert "probe1_payload" in text
    assert (chain.verilog(), chain.mapped("ice40")) == before
    assert not any("probe" in part for part in before)
    assert probed.interface.timing == chain.interface.timing
    fields = [f for probe in probed.interface.probes for f in probe.fields]
    assert [f.width for f in fields if f.kind == "bits"] == [9, 6]


def test_names_and_values_are_those_of_the_whole_network() -> None:
    network = dense((10, 8, 7, 6, 4))
    whole, cut = build(network), build(network, CircuitOptions(cut=cuts(network, 3)))
    strip = [(n.value, n.name, n.neurons, n.synapses) for n in whole.neurons]
    assert [(n.value, n.name, n.neurons, n.synapses) for n in cut.neurons] == strip
    assert [(f.name, f.value, f.shape) for f in cut.interface.fields] == [
        (f.name, f.value, f.shape) for f in whole.interface.fields
    ]
    assert [unit.name for unit in cut.units] == [f"{whole.name}_u{k}" for k in range(4)]


@pytest.mark.parametrize(
    ("cut", "what"),
    [
        (("nosuch",), "has no layer 'nosuch' to be cut behind"),
        ("dense", "cut 'dense' is not understood"),
        (("%2", "%2"), "cut behind '%2' twice"),
    ],
)
def test_refusals(cut: object, what: str) -> None:
    with pytest.raises(CompileError, match=what):
        build(dense(), CircuitOptions(cut=cut))  # type: ignore[arg-type]


def made_of(root: Path, folder: Path, **words: Any) -> threshc.Report:
    return threshc.compile(root / "examples/digits/digits.onnx", folder, cut=["sign0"], samples=32, **words)


@pytest.mark.slow
def test_compile_verify_and_prove_a_folder(root: Path, tmp_path: Path) -> None:
    """The folder's report holds the cut; what is verified and proved is that circuit."""
    report = made_of(root, tmp_path / "out", simulator="amaranth")
    assert len(report.design.units) == 2
    assert "module digits_u1" in (tmp_path / "out" / "digits.v").read_text()
    verified = threshc.verify(tmp_path / "out", samples=8, simulator="amaranth")
    assert verified.ok
    (rtl_check,) = (c for c in verified.checks if c.name == "reference = RTL")
    assert (rtl_check.bits, rtl_check.outputs) == (8 * 122, 8 * 11)  # with the scores, which the answer lacks
    proof = threshc.prove(tmp_path / "out", tmp_path / "cert")
    assert "2 units, each equal to its part of the network; the parts put together are the network" in proof.texts
    assert sorted(p.name for p in tmp_path.glob("cert*")) == ["cert.u0", "cert.u1"]
    again = threshc.prove(tmp_path / "out", tmp_path / "cert", check=True)
    assert (again.luts, again.registers) == (proof.luts, proof.registers)
    (tmp_path / "cert.u0").rename(tmp_path / "cert.u2")
    (tmp_path / "cert.u1").rename(tmp_path / "cert.u0")
    (tmp_path / "cert.u2").rename(tmp_path / "cert.u1")
    with pytest.raises(CompileError, match="the certificate is of another network"):
        threshc.prove(tmp_path / "out", tmp_path / "cert", check=True)


def test_parts_that_are_not_the_network_are_not_proved() -> None:
    """Each certificate holds for its part, but the parts are another network's."""
    network, other = dense(), dense((10, 7, 6, 4), kind="ternary")
    chain = build(network, CircuitOptions(neuron="tree", family="ice40", cut=cuts(network, 1)))
    made = [certify(unit) for unit in chain.units]
    parts = split(network, cuts(network, 1))
    assert check_units(network, parts, made, print, False).luts > 0
    with pytest.raises(CompileError, match="the networks of the units, put together, are another network"):
        check_units(other, parts, made, print, False)


def test_a_wrong_hidden_bit_is_found_in_its_unit() -> None:
    """One table of the second unit's netlist is changed: `verify` names the layer."""
    network = dense((6, 6, 6, 4), outputs="bits")
    chain = build(network, CircuitOptions(neuron="table", cut=cuts(network, 1)))
    unit = chain.units[1]
    k = next(k for k, cell in enumerate(unit.netlist.cells) if cell.kind is Kind.LUT)
    cell = unit.netlist.cells[k]
    net = unit.netlist.copy()
    net.cells[k] = replace(cell, table=cell.table ^ (1 << (1 << len(cell.operands))) - 1)
    bad = replace(chain, units=(chain.units[0], replace(unit, netlist=net)))
    x = samples(network)
    got, want = rtl.run(bad.probed(), x, simulator="amaranth"), reference.run(network, x)
    check = compare_results("reference = RTL", want, got, x, "")
    assert not check.equal
    assert layers(network)[1].name in str(check.divergence) or "%5" in str(check.divergence)
    np.testing.assert_array_equal(got.bits[0], want.bits[0])


@pytest.mark.parametrize("simulator", ["amaranth", "icarus", "verilator"])
def test_bits_that_no_answer_depends_on_are_led_out_too(simulator: rtl.Simulator) -> None:
    """They come later than the answers, the last ones behind the last answer."""
    if rtl.available()[simulator]:
        pytest.skip(rtl.available()[simulator])
    whole = dense((6, 5, 4, 3), outputs="bits")
    network = replace(whole, outputs=(replace(whole.outputs[0], value=3),))
    x = samples(network)
    for pipeline in ("layer", 1):
        probed = build(network, CircuitOptions(pipeline=pipeline)).probed()
        assert probed.interface.trailing > 2
        for stall in (False, True):
            got = rtl.run(probed, x, simulator=simulator, stall=stall)
            assert got.cycles == 39 + 1 + got.latency or stall
            equal(got, reference.run(network, x))


def test_without_samples() -> None:
    network = dense()
    got = rtl.run(build(network).probed(), samples(network, 0), simulator="amaranth")
    assert [len(b) for b in got.bits] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["icebreaker", "hx8k-ct256", "ulx3s-85f"])
def test_a_bitstream(name: str, tmp_path: Path) -> None:
    """Netlists of the chain alone, and in its shell or harness, answer right; cells have the layers of the network."""
    need(name)
    network = dense((12, 8, 6, 4), kind="ternary")
    report = threshc.build(
        network, tmp_path / "out", target=name, verify="netlist", samples=70, cut=cuts(network, 1), simulator="amaranth"
    )
    assert report.build is not None
    assert [v.samples for v in report.build.verified] == [70, 70]
    names = {layer.name for layer in layers(network)}
    assert names <= {c.name for c in report.build.layers}
    assert names <= {c.name for c in report.build.placed}
    assert report.build.latency_cycles == report.simulation.latency == report.design.interface.timing.latency
    assert report.build.bitstream.stat().st_size > 4_000
