"""Whole networks as hardware, in Amaranth's simulator with random stalls: every bit and output as in the reference."""

from __future__ import annotations

from typing import Any

import networks
import numpy as np
import pytest
from architectures import WIDE
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Input, Output, Sum
from threshc.compiler.ir.types import Ints
from threshc.hdl.interface import Field
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.emit import component, portable_verilog
from threshc.hdl.unrolled.layers import digits
from threshc.hdl.unrolled.neurons import ARCHITECTURES
from threshc.hdl.unrolled.probes import with_probe
from threshc.sim import reference
from threshc.sim.inputs import encode

pytestmark = pytest.mark.slow


def pack_inputs(network: Network, encoded: NDArray[np.integer]) -> list[int]:
    """Input payloads as the `Design` docstring words them."""
    t = network.types[0]
    k = digits(t) if isinstance(t, Ints) else 1
    return [
        sum((v & ((1 << k) - 1)) << (f * k) for f, v in enumerate(row))
        for row in encoded.reshape(len(encoded), -1).tolist()
    ]


def unpack(field: Field, payload: int) -> NDArray[np.int64]:
    """The elements of a field."""
    w = field.element_width
    raw = [(payload >> (field.offset + e * w)) & ((1 << w) - 1) for e in range(field.width // w)]
    return np.array([v - (1 << w) if field.signed and v >> (w - 1) else v for v in raw]).reshape(field.shape)


def simulate(
    design: Design, payloads: list[int], seed: int = 0, stall: float = 0.3
) -> tuple[list[int], list[int], list[int]]:
    """Output payloads, for each sample the cycles from the accepting edge to the first valid cycle, and what the probe
    leads out."""
    from amaranth.sim import Simulator

    dut = component(design)
    rng = np.random.default_rng(seed)
    out: list[int] = []
    times: dict[str, list[int]] = {"in": [], "out": []}
    now, led = [0], list[int]()

    async def source(ctx: Any) -> None:
        for payload in payloads:
            while rng.random() < stall:
                await ctx.tick()
            ctx.set(dut.i.payload, payload)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            times["in"].append(now[0])
            ctx.set(dut.i.valid, 0)
            ctx.set(dut.i.payload, int(rng.integers(2)))

    async def sink(ctx: Any) -> None:
        while len(out) < len(payloads):
            ctx.set(dut.o.ready, int(rng.random() >= stall))
            _, _, valid, ready, payload = await ctx.tick().sample(dut.o.valid, dut.o.ready, dut.o.payload)
            if valid and ready:
                out.append(payload)
                times["out"].append(now[0])

    async def probe(ctx: Any) -> None:
        while True:
            _, _, valid, payload = await ctx.tick().sample(dut.probe0.valid, dut.probe0.payload)
            if valid:
                led.append(payload)

    async def clock(ctx: Any) -> None:
        while True:
            await ctx.tick()
            now[0] += 1

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_process(clock)
    if design.interface.probes:
        sim.add_process(probe)
    sim.add_testbench(source)
    sim.add_testbench(sink)
    sim.run()
    # an output handshake at edge k was valid in the cycle before it
    return out, [b - a for a, b in zip(times["in"], times["out"], strict=True)], led


def check(network: Network, samples: NDArray[np.generic], **options: Any) -> Design:
    """Build with a probe, simulate with and without stalls, compare everything with the reference."""
    has_scores = network.output("scores") is not None
    design = with_probe(build_design(network, CircuitOptions(scores=has_scores, **options)))
    payloads = pack_inputs(network, encode(network, samples))
    values = reference.evaluate(network, encode(network, samples))
    for stall in (0.0, 0.4):
        got, delays, led = simulate(design, payloads, stall=stall)
        probed = [field for probe in design.interface.probes for field in probe.fields]
        assert len(got) == len(payloads)
        assert len(led) == (len(payloads) if probed else 0)
        for field, words in [(f, got) for f in design.interface.fields] + [(f, led) for f in probed]:
            want = values[field.value]
            np.testing.assert_array_equal(np.stack([unpack(field, p) for p in words]), want, err_msg=field.name)
        if stall == 0.0:
            assert set(delays) == {design.interface.timing.latency}
    hidden = [f.value for f in probed if f.kind == "bits"]
    assert hidden == [v for v, op in enumerate(network.ops) if isinstance(op, Compare)]
    return design


PIPELINES = ["none", "layer", 1, 3]


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("neuron", WIDE)
@pytest.mark.parametrize("kind", ["pm1", "ternary", "int", "sparse"])
def test_dense(kind: str, neuron: str, pipeline: str | int) -> None:
    rng = np.random.default_rng(1)
    network = networks.random_dense(rng, (13, 9, 7, 5), kind)
    check(network, networks.random_samples(rng, network, 40), neuron=neuron, pipeline=pipeline)


@pytest.mark.parametrize("pipeline", ["layer", 2])
@pytest.mark.parametrize(
    ("encoding", "compare_input"),
    [("int4", False), ("uint3", True), ("int5", True), ("step", False), ("bipolar", False)],
)
def test_inputs(encoding: str, compare_input: bool, pipeline: str | int) -> None:
    rng = np.random.default_rng(2)
    network = networks.random_dense(rng, (6, 8, 4), "int", encoding, compare_input=compare_input)
    check(network, networks.random_samples(rng, network, 60), pipeline=pipeline)


@pytest.mark.parametrize("pipeline", ["layer", 2])
def test_convolution(pipeline: str | int) -> None:
    rng = np.random.default_rng(3)
    network = networks.random_conv(rng, 8, (2, 2))
    check(network, networks.random_samples(rng, network, 20), pipeline=pipeline)


@pytest.mark.parametrize("neuron", ["auto", "table", "tree"])
def test_xor(neuron: str) -> None:
    samples = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    design = check(networks.xor(), samples, neuron=neuron)
    assert design.interface.fields[0].kind == "bits"


def test_bits_output() -> None:
    rng = np.random.default_rng(4)
    network = networks.random_dense(rng, (10, 6, 6), "ternary", outputs="bits")
    check(network, networks.random_samples(rng, network, 40))


def test_argmax_of_input_and_ties() -> None:
    """The arg-max straight on signed features; all equal gives index 0, an equal pair the lower one."""
    network = Network(
        "top",
        (Input("x", (5,), parse_encoding("int3")), ArgMax(0)),
        (Output("c", 1, "class", networks.ONE_SCALE, networks.NO_OFFSET),),
    )
    samples = np.array([[0] * 5, [-4, 3, -1, 3, 0], [-4, -4, -4, -4, -3], [-1, -2, -3, -4, -1]])
    check(network, samples)


def test_many_thresholds_on_one_sum_and_constants() -> None:
    """Several Compare share rows; thresholds below, inside and beyond the reachable sums; huge weights."""
    big = 2**40
    weights = np.array([[1, -1, 2, 0], [big, -big, 3, 1], [0, 0, 0, 0]])
    network = Network(
        "m",
        (
            Input("x", (4,), parse_encoding("bit")),
            Bitplanes(0),
            Sum(1, weights, np.array([0, -5, 2])),
            Compare(2, np.array([0, 0, 0, 1, 2]), np.array([-1, 0, 3, big - 4, 2])),
            Compare(2, np.array([1, 1, 2]), np.array([-big - 5, big, 3])),
        ),
        (Output("y", 4, "bits", networks.ONE_SCALE, networks.NO_OFFSET),),
    )
    samples = (np.arange(16)[:, None] >> np.arange(4)) & 1
    for neuron in ARCHITECTURES:
        check(network, samples, neuron=neuron, pipeline=2)


def test_payload_of_a_classifier() -> None:
    network = networks.random_dense(np.random.default_rng(5), (8, 6, 4))
    assert [(f.name, f.offset, f.width) for f in build_design(network).interface.fields] == [("class", 0, 2)]
    both = build_design(network, CircuitOptions(scores=True)).interface.fields
    assert [f.kind for f in both] == ["class", "scores"]
    assert both[1].shape == (4,)
    assert both[1].width == 4 * both[1].element_width


def test_latency_in_words() -> None:
    network = networks.random_dense(np.random.default_rng(5), (16, 8, 6, 4))
    pipelines = ("none", "layer", 1, "4")
    latency = {p: build_design(network, CircuitOptions(pipeline=p)).interface.timing.latency for p in pipelines}
    assert latency["none"] == 1
    assert latency["layer"] == 4  # two threshold layers, the scores, the class
    assert latency[1] > latency["4"] > 4


def test_levels_between_registers() -> None:
    """No cell has more than N levels between it and the registers before it."""
    network = networks.random_dense(np.random.default_rng(6), (40, 12, 5), "int")
    for neuron in WIDE:
        net = build_design(network, CircuitOptions(neuron=neuron, pipeline=3)).netlist
        bits = 2 * np.arange(net.count)
        assert net.level(bits).max() == 3


def test_same_network_twice_is_the_same_text() -> None:
    network = networks.random_dense(np.random.default_rng(7), (9, 6, 3))
    design = build_design(network)
    assert portable_verilog(design) == portable_verilog(design) == portable_verilog(build_design(network))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neuron": "magic"}, "there is no neuron architecture 'magic'"),
        ({"pipeline": 0}, "pipeline 0 is not understood"),
        ({"pipeline": "fast"}, "pipeline 'fast' is not understood"),
        ({"pipeline": True}, "pipeline True is not understood"),
        ({"scores": True}, "the network has no scores"),
        ({"neuron": "table"}, "'table' takes up to 6 inputs, a neuron here has 9"),
    ],
)
def test_errors(options: dict[str, Any], message: str) -> None:
    network = networks.random_dense(np.random.default_rng(8), (9, 4), outputs="bits")
    with pytest.raises(CompileError, match=message):
        build_design(network, CircuitOptions(**options))


def test_progress_is_told() -> None:
    told: list[str] = []
    build_design(networks.xor(), progress=told.append)
    assert [text.rpartition(" (")[2] for text in told] == [f"{n} of 6)" for n in range(1, 7)]


def test_reset_empties_the_pipeline() -> None:
    """Three samples on their way are forgotten; the one after the reset comes out alone and right."""
    from amaranth.sim import Simulator

    network = networks.random_dense(np.random.default_rng(9), (8, 6, 5, 4))
    samples = networks.random_samples(np.random.default_rng(9), network, 4)
    payloads = pack_inputs(network, encode(network, samples))
    design = build_design(network)
    dut: Any = component(design)
    out: list[int] = []

    from amaranth.hdl import ResetInserter, Signal

    reset = Signal()

    async def bench(ctx: Any) -> None:
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 1)
        for payload in payloads[:3]:
            ctx.set(dut.i.payload, payload)
            await ctx.tick()
        ctx.set(dut.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload, payloads[3])
        for _ in range(design.interface.timing.latency + 5):
            _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            ctx.set(dut.i.valid, 0)
            if valid:
                out.append(payload)

    sim = Simulator(ResetInserter(reset)(dut))
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert out == [int(reference.evaluate(network, encode(network, samples))[design.interface.fields[0].value][3, 0])]
