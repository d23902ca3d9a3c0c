"""Layers of maps as one circuit for all positions: every bit and every transfer, refusals, and the proof."""

from __future__ import annotations

from dataclasses import replace

import networks
import numpy as np
import pytest
from folded_chains import simulate
from position_networks import random_maps

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.hdl.chain import build
from threshc.hdl.flow import tools
from threshc.hdl.flow.prove_folded import prove_chain
from threshc.hdl.folded.certify import outside, part_claims
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.network import named_layers
from threshc.hdl.folded.schedule import Sink, run
from threshc.hdl.options import CircuitOptions
from threshc.hdl.payload import pack, to_beats, to_int
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_maps import PositionClaim, WindowClaim
from threshc.hdl.proof.folded_network import Outside, Part, check_network
from threshc.sim import reference, rtl
from threshc.tasks.cycles import cycles


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16))
def test_every_hidden_bit_of_random_networks(seed: int) -> None:
    net, fold = random_maps(seed)
    circuit = build(net, CircuitOptions(fold=fold))
    x = networks.random_samples(np.random.default_rng(1), net, 4)
    want = reference.run(net, x)
    for stall in (False, True):
        got = rtl.run(circuit.probed(), x, simulator="amaranth", stall=stall)
        assert len(got.bits) == len(want.bits) > 0
        for one, other in zip(got.bits, want.bits, strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(got.values[-1], want.values[-1])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16, 32))
def test_every_transfer_of_random_networks(seed: int) -> None:
    net, fold = random_maps(seed)
    circuit = build(net, CircuitOptions(fold=fold))
    assert isinstance(circuit, FoldedChain)
    rng = np.random.default_rng(seed)
    x, io = networks.random_samples(rng, net, 3), circuit.interface
    beats = [to_int(beat) for beat in to_beats(pack(net, x), io.input)]
    offered, taken = (rng.random(997) < p for p in rng.choice([0.2, 0.5, 0.9, 1.0], 2))
    seen = simulate(circuit.component(), beats, offered, taken, len(x) * io.output.count)
    ins, outs = run([*circuit.stages(), Sink(pattern=taken.tolist())], len(beats), offered.tolist())
    assert [t for t, _ in seen.outs] == outs
    assert seen.ins == ins[: len(seen.ins)]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("family", [None, "ice40"])
def test_they_are_proved(seed: int, family: str | None) -> None:
    net, fold = random_maps(seed)
    circuit = build(net, CircuitOptions(fold=fold, family=family))
    assert isinstance(circuit, FoldedChain)
    found = prove_chain(circuit, family=family, induction=False)
    assert found.layers == len(circuit.unrolled) + len(circuit.units)


def test_another_network_is_refused() -> None:
    """Every weight, bias and threshold, every number of every window, one at a time."""
    net, fold = random_maps(0)
    circuit = build(net, CircuitOptions(fold=fold))
    assert isinstance(circuit, FoldedChain)
    parts, ends, tried = part_claims(circuit), outside(circuit), 0
    check_network(net, ends, parts)
    for v, op in enumerate(net.ops):
        for name in ("weights", "bias", "threshold"):
            if isinstance(values := getattr(op, name, None), np.ndarray):
                for at in np.ndindex(values.shape):
                    other = values.copy()
                    other[at] += 3
                    tried += refused(net, v, ends, parts, **{name: other})
    assert tried > 20


def refused(net: Network, v: int, ends: Outside, parts: list[Part], **changed: object) -> int:
    ops = list(net.ops)
    ops[v] = replace(ops[v], **changed)  # type: ignore[arg-type]
    with pytest.raises(Unproved):
        check_network(replace(net, ops=tuple(ops)), ends, parts)
    return 1


@pytest.mark.parametrize("seed", range(12))
def test_other_windows_and_positions_are_refused(seed: int) -> None:
    net, fold = random_maps(seed)
    circuit = build(net, CircuitOptions(fold=fold))
    assert isinstance(circuit, FoldedChain)
    parts, ends = part_claims(circuit), outside(circuit)
    check_network(net, ends, parts)
    for k, part in enumerate(parts):
        others: list[list[Part]] = [[]]
        if isinstance(part, WindowClaim):
            for name in ("kernel", "stride", "before", "dilation", "shape"):
                one, two = getattr(part, name)
                others += [[replace(part, **{name: (one + 1, two)})], [replace(part, **{name: (one, two + 1)})]]
            others += [[replace(part, fill=1 - part.fill)], [replace(part, is_pad=not part.is_pad)]]
            others += [[replace(part, **{name: getattr(part, name) + 1})] for name in ("width", "height", "row")]
            others.append([part, part])
        elif isinstance(part, PositionClaim):
            certificate, last = part.certificate, len(net.ops) - 1
            others += [[replace(part, end=end)] for end in range(last + 2) if end != part.end]
            others.append([replace(part, certificate=replace(certificate, latency=certificate.latency + 1))])
            others.append([replace(part, certificate=replace(certificate, outputs=certificate.outputs[::-1]))])
            if len(set(certificate.outputs)) < 2:
                others.pop()  # the same
        for other in others if isinstance(part, WindowClaim | PositionClaim) else ():
            with pytest.raises(Unproved):
                check_network(net, ends, [*parts[:k], *other, *parts[k + 1 :]])


@pytest.mark.slow
def test_a_whole_network_is_proved() -> None:
    try:
        tools.find_tools((tools.YOSYS,))
    except CompileError as problem:
        pytest.skip(str(problem))
    circuit = build(
        networks.random_conv(np.random.default_rng(3)), CircuitOptions(fold="position,position,position,1x4")
    )
    assert isinstance(circuit, FoldedChain)
    assert prove_chain(circuit).inductions >= 8


@pytest.mark.parametrize(
    ("fold", "said"),
    [
        ("position,position,position,position", "it is a layer of kind dense, at one position"),
        ("position,position", "the network has 4 layers to fold, not 2"),
    ],
)
def test_refusals(fold: str, said: str) -> None:
    net = networks.random_conv(np.random.default_rng(3), size=9)
    with pytest.raises(CompileError, match=said):
        build(net, CircuitOptions(fold=fold))


def test_beats_of_parts_of_pixels_are_refused() -> None:
    seed = next(s for s in range(99) if random_maps(s)[0].types[2].shape[2] == 3)
    net, fold = random_maps(seed)
    assert net.types[0].shape[0] % 2 == 0
    with pytest.raises(CompileError, match="beats of 2 bits do not become pixels of 3"):
        build(net, CircuitOptions(fold=f"{fold}@2"))


def test_cycles_name_windows_and_layers() -> None:
    net = networks.random_conv(np.random.default_rng(3))
    found = cycles(net, samples=4, options=CircuitOptions(fold="position,pool,position,unrolled"))
    assert [part.kind for part in found.parts if part.kind != "converter"] == [
        *("window", "unrolled", "pool", "pool", "window", "unrolled", "unrolled")
    ]
    assert [part.name for part in found.parts if part.kind == "unrolled"] == [
        *(layer.name for layer in named_layers(net) if layer.kind != "pool")
    ]
    assert found.interval == 64 + 9
