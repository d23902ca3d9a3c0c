"""Layers whose inputs' planes come one after the other: simulated, in the cycles of the model, proved, planned."""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
from typing import Any

import folded_chains
import networks
import numpy as np
import pytest
from test_folded_network import INT3, INT4, TERNARY, exact, integer_network, signs_network
from test_folded_windows import conv_network

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Input, Op, Output, Sum
from threshc.hdl.flow import tools
from threshc.hdl.flow.prove_folded import prove_chain
from threshc.hdl.flow.prove_schedule import prove_properties
from threshc.hdl.folded import serial_control, serial_unit
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.certify import core_claim, layer_claim, outside, part_claims
from threshc.hdl.folded.chain import _Chain
from threshc.hdl.folded.fold import Fold, parse
from threshc.hdl.folded.layer import FoldedLayer, Numbers
from threshc.hdl.folded.network import folded_network
from threshc.hdl.folded.plan import smallest
from threshc.hdl.folded.plan_file import read_plan
from threshc.hdl.folded.planned import planned
from threshc.hdl.folded.schedule import Sink, run
from threshc.hdl.folded.serial_control import SerialControl
from threshc.hdl.folded.serial_properties import SerialProperties
from threshc.hdl.folded.serial_unit import SerialComponent, SerialUnit
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_memory import FoldedLayerClaim, decode
from threshc.hdl.proof.folded_network import check_network
from threshc.hdl.targets.registry import target

KINDS = ["signs", "ternary", "int3", "masks3", "odd", "zeros and ones", "int2"]


def _unit(seed: int, *shape: int, places: int = 0, queue: int = 0, **change: Any) -> SerialUnit:
    """A random layer of these chunks, groups, PE, SIMD; random ones without them."""
    rng = np.random.default_rng(seed)
    chunks, groups, pe, simd = shape or (int(rng.integers(1, most)) for most in (5, 5, 5, 6))
    numbers = Numbers(int(rng.integers(2, 10)), bool(rng.integers(2)))
    values, code, _ = folded_chains.KINDS[KINDS[seed % len(KINDS)]]
    weights, start = rng.choice(values, (pe * groups, chunks * simd)), rng.integers(-300, 300, pe * groups)
    inputs = int(rng.choice([4, 6]))
    layer = FoldedLayer("l", weights, start, pe, simd, "bits", inputs, code, serial=numbers)
    layer = dataclasses.replace(layer, **change)
    return serial_unit.serial_unit("l", layer, places=places, queue=queue, levels=int(rng.integers(1, 4)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(14))
def test_random_layers(seed: int) -> None:
    """Every sum, every transfer and the fill of buffer and queue in every cycle."""
    rng = np.random.default_rng(100 + seed)
    made = _unit(seed)
    layer, serial = made.layer, made.layer.serial
    assert serial is not None
    layer = dataclasses.replace(layer, answer="sums" if seed % 3 else "bits")
    places, queue = int(rng.integers(layer.chunks, 2 * layer.chunks + 1)), int(rng.integers(1, 4))
    unit = dataclasses.replace(made, layer=layer, places=places, queue=queue)
    x = rng.integers(0, 1 << serial.bits, (6, layer.columns))
    beats = [sum(int(n) << (serial.bits * j) for j, n in enumerate(c)) for c in x.reshape(-1, layer.simd)]
    offered, taken = (rng.random(997) < p for p in rng.choice([0.2, 0.5, 0.9, 1.0], 2))
    part, stage = unit.component(instances=False), unit.stage()
    seen = folded_chains.simulate(_Chain([part], (), None), beats, offered, taken, len(x) * layer.groups, parts=[part])
    want_in, want_out = run([stage, Sink(pattern=taken.tolist())], len(beats), offered.tolist())
    assert [t for t, _ in seen.outs] == want_out
    assert seen.ins == want_in[: len(seen.ins)]
    cycles = np.arange(len(seen.fills[0]))
    for k, held in enumerate(stage.held()):
        came, left = (np.searchsorted(np.sort(times), cycles, "right") for times in (held.came, held.left))
        assert (came - left).tolist() == [fill[k] for fill in seen.fills[0]], held.what
    sums = (x - 2 * serial.half * (x >= serial.half if serial.is_signed else False)) @ layer.weights.T + layer.start
    want, width = (sums, layer.bits) if layer.answer == "sums" else (sums >= 0, 1)
    got = [[word >> (k * width) & ((1 << width) - 1) for k in range(layer.pe)] for _, word in seen.outs]
    np.testing.assert_array_equal(np.array(got).reshape(len(x), -1), want.astype(np.int64) % (1 << width))


@pytest.mark.parametrize(
    ("sizes", "values", "encoding", "ends", "folds", "entry", "inputs"),
    [
        ((6, 4, 5), TERNARY, "uint8", "class", "2x3:serial,1x4", 0, 4),
        ((6, 4, 5), (-1, 1), "uint8", "class", "4x2:lut:serial,1x2", 1, 4),
        ((6, 4, 5), INT4, "int8", "class", "2x3:serial,1x4", 6, 4),
        ((7, 5), INT3, "int4", "scores", "2x3:serial", 1, 6),
        ((8, 4), (-1, 1), "uint4", "bits", "3x5:serial", 4, 6),
        ((6, 4, 5), (-1, 1), "uint8", "class", "2x3:spram:serial,unrolled", 0, 4),
    ],
)
@pytest.mark.parametrize("busy", [True, False])
def test_networks(
    sizes: tuple[int, ...], values: Any, encoding: str, ends: str, folds: str, entry: int, inputs: int, busy: bool
) -> None:
    rng = np.random.default_rng(len(folds))
    network = integer_network(rng, sizes, values, encoding=encoding, ends=ends, factors=(1,))
    chain = exact(rng, network, folds, entry, busy=busy, inputs=inputs)
    plan = planned(network, parse(folds)[0], target("up5k-sg48").device, entry)
    assert plan.interval == chain.interface.timing.interval
    if not busy:
        return
    prove_chain(chain, induction=False)
    ends_at, parts = outside(chain), part_claims(chain)
    k, claim = next((k, part) for k, part in enumerate(parts) if isinstance(part, FoldedLayerClaim))
    assert claim.planes > 1
    for change in ({"is_signed": not claim.is_signed}, {"begin": claim.begin + 1}, {"planes": claim.planes - 1}):
        with pytest.raises(Unproved):
            check_network(network, ends_at, [*parts[:k], dataclasses.replace(claim, **change), *parts[k + 1 :]])


@pytest.mark.parametrize("busy", [True, False])
@pytest.mark.parametrize(
    ("folds", "levels"), [("2x3:serial,1x4", 3), ("1x2:serial,1x4", 6), ("2x3:serial:rows,1x4", 2)]
)
def test_several_thresholds_of_pixels(folds: str, levels: int, busy: bool) -> None:
    """Sums of planes are compared behind their accumulators as those of bits are."""
    rng = np.random.default_rng(levels)
    ops: list[Op] = [Input("x", (6,), parse_encoding("int8")), Bitplanes(0)]
    planes = np.array([1, 2, 4, 8, 16, 32, 64, -128])
    ops.append(Sum(1, np.kron(rng.choice([-1, 1], (4, 6)), planes), rng.integers(-9, 10, 4)))
    ops.append(Compare(2, np.repeat(np.arange(4), levels), rng.integers(-250, 250, 4 * levels)))
    ops += [Sum(3, rng.choice([-1, 1], (5, 4 * levels)), rng.integers(-9, 10, 5)), ArgMax(4)]
    network = Network("s", tuple(ops), (Output("y", 5, "class", networks.ONE_SCALE, networks.NO_OFFSET),))
    chain = exact(rng, network, folds, 0, busy=busy)
    plan = planned(network, parse(folds)[0], target("up5k-sg48").device, chain.interface.input.width // 8)
    assert plan.interval == chain.interface.timing.interval
    if busy:
        prove_chain(chain, induction=False)
        if folds == "1x2:serial,1x4":
            _needs_yosys()
            prove_properties({"it": _properties(chain.units[0])})  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(14))
def test_memories_are_read_back(seed: int) -> None:
    """To the weights of every bit of a sample, and to what sums begin with."""
    unit = _unit(seed)
    layer, serial = unit.layer, unit.layer.serial
    assert serial is not None
    weights, start = decode(layer_claim(unit))
    powers = np.array([1 << p for p in range(serial.bits)])
    powers[-1] *= -1 if serial.is_signed else 1
    np.testing.assert_array_equal(weights.reshape(layer.rows, -1, serial.bits), layer.weights[..., None] * powers)
    np.testing.assert_array_equal(start, layer.start)


def test_texts_and_files() -> None:
    assert parse("4x16:serial,2x3:lut:serial")[0] == (Fold(4, 16, serial=True), Fold(2, 3, "lut", serial=True))
    assert str(Fold(4, 16, "spram", serial=True)) == "4x16:spram:serial"
    data = {"layers": [{"layer": "a", **Fold(4, 16, serial=True).as_dict()}]}
    assert read_plan(json.dumps(data).encode()).layers == (("a", Fold(4, 16, serial=True)),)
    data["layers"][0]["serial"] = 1  # type: ignore[index]
    with pytest.raises(CompileError, match=r"layers\[0\] \(a\) has serial 1"):
        read_plan(json.dumps(data).encode())
    with pytest.raises(CompileError, match="is not the folding of a layer"):
        parse("4x16:serial:lut")
    network = signs_network(np.random.default_rng(0), (12, 8, 5), pixels=False)
    with pytest.raises(CompileError, match="the inputs of this layer are bits") as caught:
        folded_chain(network, parse("2x4:serial,1x4")[0])
    assert "omit :serial" in str(caught.value)


def test_convolutions_plane_by_plane_are_refused() -> None:
    network = conv_network(np.random.default_rng(0), (5, 5, 2), [(4, 1, {})], encoding="uint4")
    with pytest.raises(CompileError, match="a convolution's inputs do not come plane by plane yet") as caught:
        folded_chain(network, parse("2x2:serial,1x4")[0])
    assert "omit :serial" in str(caught.value)
    folded_chain(network, parse("2x2,1x4")[0])


def test_small_plans_are_serial() -> None:
    """Where cycles are plenty, planes one after the other take fewer tables; where they are few, at once."""
    network = integer_network(np.random.default_rng(3), (64, 16, 4), INT4, encoding="uint8")
    read, device = folded_network(network), target("up5k-sg48").device
    plans = [smallest(read, device, interval, unrolled=False) for interval in (512, 8192)]
    kinds = []
    for plan in plans:
        assert plan is not None
        first = plan.folds[0]
        assert isinstance(first, Fold)
        kinds.append(first.serial)
        chain = folded_chain(network, plan.folds, entry=plan.entry)
        assert chain.interface.timing.interval == plan.interval
    assert kinds == [False, True]


def _properties(unit: SerialUnit) -> SerialProperties:
    return SerialProperties(unit.component(), core_claim(unit).latencies)


def _needs_yosys() -> None:
    try:
        tools.find_tools((tools.YOSYS,))
    except CompileError as problem:
        pytest.skip(str(problem))


SHAPES = [((1, 1, 1, 2), 1, 1), ((4, 1, 2, 2), 5, 2), ((3, 2, 1, 1), 3, 1), ((1, 3, 1, 3), 2, 3), ((2, 3, 2, 2), 4, 1)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "bits"), [*zip(SHAPES, [8, 5, 2, 3, 9], strict=True), (SHAPES[1], 8), (SHAPES[2], 9)]
)
def test_schedules_are_proved(shape: tuple[tuple[int, ...], int, int], bits: int) -> None:
    _needs_yosys()
    sizes, places, queue = shape
    prove_properties(
        {"it": _properties(_unit(bits, *sizes, places=places, queue=queue, serial=Numbers(bits, bits > 4)))}
    )


CHANGES: list[tuple[types.ModuleType, str, str]] = [
    (serial_control, "(again | some) & (~self.final | may)", "some & (~self.final | may)"),
    (serial_control, "(again | some) & (~self.final | may)", "again | some"),
    (serial_control, "(again | some) & (~self.final | may)", "(again | some) & (~last | may)"),
    (serial_control, "self.done.eq(self.step & self.final)", "self.done.eq(self.step & last)"),
    (serial_control, "self.turn.eq(self.step & last)", "self.turn.eq(self.done)"),
    (serial_control, "whole.eq(self.done & end)", "whole.eq(self.done)"),
    (serial_control, "gone.eq(self.step & end)", "gone.eq(self.step & ~again)"),
    (serial_control, "fresh.eq(self.step & ~again)", "fresh.eq(self.step)"),
    (serial_control, "plane == planes - 2", "plane == planes - 1"),
    (serial_control, "plane.eq(plane + 1)", "plane.eq(plane)"),
    (serial_control, "[plane.eq(0), self", "[plane.eq(1), self"),
    (serial_control, "(group == groups - 1))]", "(group == 0))]"),
    (serial_control, "Mux(last & ~self.lowest, 1 - chunks, 1)", "1"),
    (serial_control, "Mux(last & ~self.lowest, 1 - chunks, 1)", "Mux(last, 1 - chunks, 1)"),
    (serial_control, "Mux(last & ~end, first, following)", "Mux(last & ~self.lowest, first, following)"),
    (serial_control, "(chunk == chunks - 2) & self.lowest", "(chunk == chunks - 2)"),
    (serial_control, "again.eq(~end)", "again.eq(~self.lowest)"),
    (
        serial_control,
        "with m.If(self.turn):\n            m.d.sync += again",
        "with m.If(self.done):\n            m.d.sync += again",
    ),
    (serial_control, "first.eq(following)", "first.eq(self.read)"),
    (serial_unit, "Mux(turn, total << 1, total)", "total"),
    (serial_unit, "Mux(turn, total << 1, total)", "Mux(turn, acc << 1, total)"),
    (serial_unit, "begin, Mux(turn, total << 1, total)", "begin, total << 1"),
    (serial_unit, "control.turn, unit.summed - 1", "control.turn, unit.summed - 2"),
    (serial_unit, '("address", control.address, shared + 1)', '("address", control.address, shared)'),
    (serial_unit, '("lowest", control.lowest, shared + 3)', '("lowest", control.lowest, shared + 2)'),
    (serial_unit, '("plane", control.plane, 2)', '("plane", control.plane ^ 1, 2)'),
    (serial_unit, "plane[1][:2]", "plane[2][:2]"),
    (serial_unit, "plane[2][2:]", "plane[1][2:]"),
    (serial_unit, "_one_of(group, plane", "_one_of(group[::-1], plane"),
    (serial_unit, 'self.pipes["lowest"][-1].replicate', 'self.pipes["lowest"][-2].replicate'),
    (serial_unit, "return Cat(word[:weights], thresholds & ", "return Cat(word[:weights], thresholds | "),
    (serial_unit, "write.data.eq(self.i.payload)", "write.data.eq(~self.i.payload)"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "old", "new"), CHANGES, ids=[f"{k}: {c[1]} to {c[2]}" for k, c in enumerate(CHANGES)]
)
def test_changed_circuits_are_refused(
    module: types.ModuleType, old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the source of a circuit, which stays a circuit."""
    _needs_yosys()
    source = inspect.getsource(module)
    assert old in source
    changed: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(source.replace(old, new), module.__name__, "exec"), changed)
    for kind in (SerialControl, SerialComponent):
        if kind.__module__ == module.__name__:
            for name in ("elaborate", "own_word", "_chosen", "_accumulated"):
                if name in vars(kind):
                    monkeypatch.setattr(kind, name, vars(changed[kind.__name__])[name])
    unit = _unit(0, 3, 2, 1, 2, places=5, queue=2, serial=Numbers(6))
    with pytest.raises(Unproved, match="it: a property does not hold"):
        prove_properties({"it": _properties(unit)})
