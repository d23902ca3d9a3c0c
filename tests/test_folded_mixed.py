"""Layers that stay unrolled beside folded ones: proved, verified by the commands, and what cannot be is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import networks
import numpy as np
import pytest
from test_folded_network import signs_network

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output, Sum
from threshc.compiler.ir.storage import save
from threshc.hdl.chain import build
from threshc.hdl.flow import tools
from threshc.hdl.flow.prove_folded import prove_chain
from threshc.hdl.flow.prove_schedule import prove_properties
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.certify import outside, part_claims
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.fold import parse
from threshc.hdl.folded.pipeline_properties import PipelineProperties
from threshc.hdl.interface import StalledTogether
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_network import UnrolledClaim, check_network
from threshc.sim import reference, rtl

SIZES = (12, 8, 6, 5)


def network(**options: object) -> Network:
    return signs_network(np.random.default_rng(4), SIZES, **({"pixels": True} | options))  # type: ignore[arg-type]


def chain(folds: str, made: Network | None = None, **options: object) -> FoldedChain:
    choices, entry = parse(folds)
    return folded_chain(made or network(**options), choices, entry=entry)


def need_yosys() -> None:
    try:
        tools.find_tools((tools.YOSYS,))
    except CompileError as problem:
        pytest.skip(str(problem))


FOLDS = [
    ("unrolled,3x2,1x3@4", {}),
    ("2x4,unrolled,1x3", {"scale": 3}),
    ("2x4,3x8,unrolled", {}),
    ("unrolled,unrolled,1x3@3", {"pixels": False}),
    ("unrolled,2x8,unrolled@6", {"ends": "bits"}),
    ("4x6,unrolled,unrolled", {"pixels": False, "ends": "scores", "scale": 3}),
]


@pytest.mark.parametrize(("folds", "options"), FOLDS)
@pytest.mark.parametrize("family", [None, "ice40", "xilinx"])
def test_they_are_proved(folds: str, options: dict[str, object], family: str | None) -> None:
    made = build(network(**options), CircuitOptions(fold=folds, family=family))
    assert isinstance(made, FoldedChain)
    found = prove_chain(made, family=family, induction=False)
    assert found.answer.startswith(str(options.get("ends", "class")))
    assert found.layers == 3


def test_a_whole_chain_is_proved() -> None:
    need_yosys()
    found = prove_chain(chain("2x4,unrolled,1x3"))
    assert found.inductions >= 5


@pytest.mark.parametrize("buffered", [False, True])
@pytest.mark.parametrize("latency", [1, 2, 5])
def test_registers_are_proved_to_stall_together(latency: int, buffered: bool) -> None:
    need_yosys()
    prove_properties({"registers": PipelineProperties(StalledTogether(latency, buffered))})


@pytest.mark.parametrize("buffered", [False, True])
@pytest.mark.parametrize("change", ["enable", "payload", "valid", "depth"])
def test_other_registers_are_not_proved(change: str, buffered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The circuit is changed and not what is demanded of it."""
    need_yosys()
    from amaranth.hdl import Signal

    top = PipelineProperties(StalledTogether(3, buffered))
    part, made = top.part, type(top.part).elaborate

    def changed(self: object, platform: object) -> object:
        m = made(part, platform)
        late: Signal = Signal()
        m.d.sync += late.eq(part.o.ready)
        if change == "enable":
            part.i.ready = late
        elif change == "payload":
            part.o.payload = part.o.payload ^ (part.o.valid & ~part.o.ready)
        elif change == "valid":
            part.o.valid = part.o.valid & part.o.ready
        else:
            top.stages[1], top.stages[2] = top.stages[2], top.stages[1]
        return m

    monkeypatch.setattr(type(part), "elaborate", changed)
    with pytest.raises(Unproved, match="registers"):
        prove_properties({"registers": top})


def test_another_network_is_refused() -> None:
    """Every weight, bias and threshold, one at a time, of folded layers and of those that are not."""
    made = network()
    for folds in ("unrolled,3x2,1x3@4", "2x4,unrolled,unrolled"):
        parts, ends = part_claims(chain(folds, made)), outside(chain(folds, made))
        check_network(made, ends, parts)
        for v, op in enumerate(made.ops):
            for name in ("weights", "bias", "threshold"):
                if isinstance(values := getattr(op, name, None), np.ndarray):
                    at = np.unravel_index(v % values.size, values.shape)
                    other = values.copy()
                    other[at] += -2 * other[at] if name == "weights" else 1
                    ops = list(made.ops)
                    ops[v] = dataclasses.replace(op, **{name: other})
                    with pytest.raises(Unproved, match=r"part \d+ of the chain"):
                        check_network(dataclasses.replace(made, ops=tuple(ops)), ends, parts)


def test_other_parts_are_refused() -> None:
    made = network()
    circuit = chain("2x4,unrolled,1x3", made)
    parts, ends = part_claims(circuit), outside(circuit)
    (at,) = [k for k, part in enumerate(parts) if isinstance(part, UnrolledClaim)]
    claim = parts[at]
    assert isinstance(claim, UnrolledClaim)
    others = [c for c in part_claims(chain("2x4,3x8,unrolled", made)) if isinstance(c, UnrolledClaim)]
    certificate = claim.certificate
    outputs = (certificate.outputs[1], certificate.outputs[0], *certificate.outputs[2:])
    for other in (
        [],
        [claim, claim],
        others,
        [dataclasses.replace(claim, end=claim.end - 1)],
        [dataclasses.replace(claim, end=claim.end + 1)],
        [dataclasses.replace(claim, certificate=dataclasses.replace(certificate, outputs=outputs))],
        [dataclasses.replace(claim, certificate=dataclasses.replace(certificate, latency=certificate.latency + 1))],
    ):
        with pytest.raises(Unproved):
            check_network(made, ends, [*parts[:at], *other, *parts[at + 1 :]])


def test_the_text_of_what_stays_unrolled_is_read() -> None:
    """A table of its cells changed: the certificate says otherwise."""
    made = build(network(), CircuitOptions(fold="2x4,unrolled,1x3", family="ice40"))
    assert isinstance(made, FoldedChain)
    (part,) = made.unrolled
    text = part.modules

    def changed(family: object) -> str:
        before = text(family)  # type: ignore[arg-type]
        at = before.index("LUT_INIT(16'h") + len("LUT_INIT(16'hfff")
        return before[:at] + f"{int(before[at], 16) ^ 1:x}" + before[at + 1 :]

    object.__setattr__(part, "modules", changed)
    with pytest.raises(Unproved, match="the text of"):
        prove_chain(made, family="ice40", induction=False)


def pixels_weighed() -> Network:
    """Pixels of 4 bits, whose bits a first layer weighs with any small integers, then a layer of +-1."""
    rng = np.random.default_rng(2)
    ops = (
        Input("x", (6,), parse_encoding("uint4")),
        Bitplanes(0),
        Sum(1, rng.integers(-4, 5, (8, 24)).astype(np.int8), np.zeros(8, np.int64)),
        Compare(2, np.arange(8), rng.integers(-20, 20, 8)),
        Sum(3, rng.choice([-1, 1], (4, 8)).astype(np.int8), np.zeros(4, np.int64)),
        Compare(4, np.arange(4), np.zeros(4, np.int64)),
    )
    return Network("weighed", ops, (Output("y", 5, "bits", networks.ONE_SCALE, networks.NO_OFFSET),))


@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["amaranth", "icarus", "verilator"])
@pytest.mark.parametrize(
    ("made", "folds"),
    [
        (pixels_weighed, "unrolled,2x4@3"),
        (pixels_weighed, "unrolled,unrolled"),
        (lambda: networks.random_conv(np.random.default_rng(3)), "unrolled,unrolled,unrolled,1x16"),
        (network, "2x4,unrolled,1x3"),
        (network, "unrolled,3x4,unrolled@4"),
    ],
)
def test_every_hidden_bit_in_simulators(made: object, folds: str, simulator: str) -> None:
    """First layers that cannot be folded stay unrolled; all bits of all layers leave by probes."""
    if missing := rtl.available()[simulator]:  # type: ignore[index]
        pytest.skip(missing)
    net = made()  # type: ignore[operator]
    circuit = build(net, CircuitOptions(fold=folds))
    x = networks.random_samples(np.random.default_rng(1), net, 20)
    want = reference.run(net, x)
    for stall in (False, True):
        got = rtl.run(circuit.probed(), x, simulator=simulator, stall=stall)
        assert len(got.bits) == len(want.bits) > 0
        for one, other in zip(got.bits, want.bits, strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(got.values[-1], want.values[-1])


@pytest.mark.parametrize(
    ("made", "folds", "said"),
    [
        (pixels_weighed, "2x3,2x4", "this layer cannot be folded yet"),
        (pixels_weighed, "unrolled", "the network has 2 layers to fold, not 1"),
    ],
)
def test_refusals(made: object, folds: str, said: str) -> None:
    with pytest.raises(CompileError, match=said):
        chain(folds, made())  # type: ignore[operator]


@pytest.mark.slow
def test_a_folder(tmp_path: Path) -> None:
    save(network(), tmp_path / "m.thresh")
    fold = "2x4,unrolled,1x3@4"
    out = tmp_path / "out"
    threshc.compile(tmp_path / "m.thresh", out, fold=fold, effort=2, samples=20, simulator="amaranth")
    assert threshc.verify(out, samples=20, simulator="amaranth").ok
    said = str(threshc.prove(out))
    assert "byte for byte" in said
    assert "the portable text of dense 3 (8x6) is not read cell by cell" in said
