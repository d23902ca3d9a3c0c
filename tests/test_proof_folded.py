"""Proofs of folded layers: they succeed for all shapes, and every change of table, register, memory or wiring fails."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import folded_chains
import networks
import numpy as np
import pytest
from test_folded_network import signs_network

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.hdl.flow import tools
from threshc.hdl.flow.prove_folded import prove_chain
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.certify import core_claim, layer_claim, outside, part_claims
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.fold import parse
from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.unit import FoldedUnit, folded_unit
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_core import CoreClaim, check_core
from threshc.hdl.proof.folded_memory import FoldedLayerClaim, decode
from threshc.hdl.proof.folded_network import EntryClaim, check_network
from threshc.hdl.proof.folded_stream import SplitClaim
from threshc.hdl.proof.folded_text import read_pipeline

INPUTS = {None: (4, 6), "ecp5": (4,), "ice40": (4,), "gowin": (4,), "gatemate": (4,), "xilinx": (6,)}


def _unit(
    seed: int, simd: int, inputs: int, *, kind: str = "signs", spread: int = 3, levels: int = 2, chunks: int = 2
) -> FoldedUnit:
    rng, (values, code, numbers) = np.random.default_rng(seed), folded_chains.KINDS[kind]
    weights, start = rng.choice(values, (6, chunks * simd)), rng.integers(-spread, spread + 1, 6)
    layer = FoldedLayer("l", weights, start, 2, simd, inputs=inputs, code=code, numbers=numbers)
    return folded_unit("l", layer, levels=levels)


def _texts(unit: FoldedUnit, family: str | None = None) -> tuple[str, str]:
    from threshc.hdl.families.registry import family as find

    text = unit.modules(None if family is None else find(family))
    _, inputs, neuron = re.findall(r"module .*?endmodule\n", text, re.DOTALL)
    return inputs, neuron


def _check(claim: CoreClaim, texts: tuple[str, str]) -> int:
    return check_core(claim, *map(read_pipeline, texts))


@pytest.mark.parametrize("family", INPUTS)
@pytest.mark.parametrize("simd", [1, 2, 3, 4, 8, 9, 10, 16, 27, 49, 56, 64, 128])
def test_arithmetic_is_proved(simd: int, family: str | None) -> None:
    for inputs in INPUTS[family]:
        for levels, spread in ((1, 0), (2, 3), (4, 40)):
            unit = _unit(simd, simd, inputs, spread=spread, levels=levels)
            tables = _check(core_claim(unit), _texts(unit, family))
            assert tables == len(unit.core.shared.cells) + len(unit.core.neuron.cells)


@pytest.mark.parametrize("family", [None, "ecp5", "xilinx"])
@pytest.mark.parametrize("simd", [1, 3, 10])
@pytest.mark.parametrize("kind", sorted(folded_chains.KINDS))
def test_arithmetic_of_all_weights_is_proved(kind: str, simd: int, family: str | None) -> None:
    for inputs in INPUTS[family]:
        unit = _unit(simd, simd, inputs, kind=kind, spread=40)
        _check(core_claim(unit), _texts(unit, family))
        weights, start = decode(layer_claim(unit))
        planes = unit.layer.numbers.bits
        powers = [1 << p for p in range(planes)]
        powers[-1] *= -1 if unit.layer.numbers.is_signed else 1
        np.testing.assert_array_equal(weights.reshape(6, -1, planes), unit.layer.weights[..., None] * powers)
        np.testing.assert_array_equal(start, unit.layer.start)


def _table_bit(rng: np.random.Generator, text: str) -> str:
    """Flips a bit of a table."""
    found = rng.choice([m.start(2) for m in re.finditer(r"(\d+)'h([0-9a-f]+)", text)])
    size, digits = re.match(r"(\d+)'h([0-9a-f]+)", text[text.rindex("=", 0, found) + 2 :]).groups()  # type: ignore[union-attr]
    flipped = f"{int(digits, 16) ^ 1 << int(rng.integers(int(size))):x}"
    return f"{text[:found]}{flipped}{text[found + len(digits) :]}"


def _swapped(rng: np.random.Generator, text: str) -> str:
    """Puts another net of the module into a table or a register, or in front of the output."""
    nets = sorted(set(re.findall(r"n\d+_\d+", text)))
    places = list(re.finditer(r"n\d+_\d+(?=[,}\]])", text))
    place = places[int(rng.integers(len(places)))]
    other = str(rng.choice([net for net in nets if net != place[0]]))
    return text[: place.start()] + other + text[place.end() :]


def _without_register(rng: np.random.Generator, text: str) -> str:
    """Drops a register: a net behind one becomes what it samples."""
    places = list(re.finditer(r"wire n(\d+)_(\d+) = r\d+\[\d+\];", text))
    place = places[int(rng.integers(len(places)))]
    net, before = f"n{place[1]}_{place[2]}", f"n{place[1]}_{int(place[2]) - 1}"
    head, body = text[: place.start()], text[place.end() :]
    return head + f"wire {net};" + re.sub(rf"\b{net}\b", before, body)


def _inverted_output(rng: np.random.Generator, text: str) -> str:
    """Inverts a bit of the output."""
    head, assign, word = text.rpartition(" = {")
    bits = word[: word.index("}")].split(", ")
    k = int(rng.integers(len(bits)))
    bits[k] = {"1'b0": "1'b1", "1'b1": "1'b0"}.get(bits[k], bits[k][1:] if bits[k][0] == "~" else "~" + bits[k])
    return f"{head}{assign}{', '.join(bits)}{word[word.index('}') :]}"


MUTATIONS: list[Callable[[np.random.Generator, str], str]] = [_table_bit, _swapped, _without_register, _inverted_output]


def _run(text: str, given: dict[str, np.ndarray]) -> np.ndarray:
    """The outputs of a module in every cycle, (bits, cycles), of inputs (bits, cycles)."""
    module = read_pipeline(text)
    cycles = len(next(iter(given.values()))[0])
    known = {"": np.zeros(cycles, np.int64)}
    known |= {net: given[port][bit] for net, (port, bit) in module.ports.items()}

    def value(net: str) -> np.ndarray:
        if net not in known:
            if net in module.registers:
                known[net] = np.concatenate([[0], value(module.registers[net])[:-1]])
            else:
                reads, table = module.cells[net]
                index = sum((value(x) << k for k, x in enumerate(reads)), np.zeros(cycles, np.int64))
                known[net] = np.array([table >> i & 1 for i in range(1 << len(reads))])[index]
        return known[net]

    return np.array([value(net) ^ flip for net, flip in module.outputs])


def _behaviour(unit: FoldedUnit, texts: tuple[str, str]) -> np.ndarray:
    rng = np.random.default_rng(0)
    common = _run(texts[0], {"x": rng.integers(0, 2, (unit.layer.in_bits, 3000))})
    return _run(texts[1], {"x": common, "w": rng.integers(0, 2, (unit.layer.word_bits, 3000))})[:, 30:]


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda m: m.__name__[1:])
@pytest.mark.parametrize(
    ("simd", "inputs", "kind"),
    [
        *((5, 4, "signs"), (9, 4, "signs"), (11, 6, "signs"), (16, 4, "signs"), (7, 4, "ternary"), (7, 6, "ternary")),
        *((4, 4, "int3"), (6, 6, "int3"), (4, 4, "masks3"), (3, 4, "bytes"), (3, 4, "signed bytes")),
    ],
)
def test_changed_arithmetic_is_refused(
    simd: int, inputs: int, kind: str, mutate: Callable[[np.random.Generator, str], str]
) -> None:
    """80 changes each, 3,520 together; what is not refused behaves the same in every cycle."""
    rng, unit = np.random.default_rng(simd), _unit(simd, simd, inputs, kind=kind)
    claim, texts = core_claim(unit), _texts(unit)
    want, refused = _behaviour(unit, texts), 0
    for k in range(80):
        changed = (
            (mutate(rng, texts[0]), texts[1]) if k % 4 == 0 and "'h" in texts[0] else (texts[0], mutate(rng, texts[1]))
        )
        assert changed != texts
        try:
            _check(claim, changed)
        except Unproved:
            refused += 1
        else:
            np.testing.assert_array_equal(_behaviour(unit, changed), want)
    assert refused >= 72


@pytest.mark.parametrize("kind", sorted(folded_chains.KINDS))
@pytest.mark.parametrize("inputs", [4, 6])
def test_changed_claims_are_refused(inputs: int, kind: str) -> None:
    """Another reading of the word, other lanes, other steps, another circuit, fewer registers."""
    unit = _unit(7, 11 if kind == "signs" else 4, inputs, kind=kind)
    claim, texts = core_claim(unit), _texts(unit)
    code = claim.code
    first, last = code.lanes[0], code.lanes[-1]
    changed = [
        (first._replace(flip=not first.flip), *code.lanes[1:]),
        (first._replace(inverted=not first.inverted), *code.lanes[1:]),
        (first._replace(column=first.column + 1), *code.lanes[1:]),
        (first._replace(input=code.inputs), *code.lanes[1:]),
        (*code.lanes[:-1], last._replace(input=0)),
        (*code.lanes[:-1], last._replace(mask=code.bits if last.mask < 0 else -1)),
        (*code.lanes[:-1], last._replace(sign=last.sign[1:] if last.sign else (0,))),
        code.lanes[:-1],
        code.lanes[1:] + code.lanes[:1],
    ]
    others = [
        *(dataclasses.replace(claim, code=dataclasses.replace(code, lanes=lanes)) for lanes in changed),
        dataclasses.replace(
            claim, code=dataclasses.replace(code, exponents=(code.exponents[0] + 1, *code.exponents[1:]))
        ),
        dataclasses.replace(claim, code=dataclasses.replace(code, exponents=(*code.exponents, 0))),
        dataclasses.replace(claim, lanes=claim.lanes[1:] + claim.lanes[:1]),
        dataclasses.replace(claim, latencies=(claim.latencies[0] + 1, claim.latencies[1])),
        *(dataclasses.replace(claim, steps=claim.steps[:k] + claim.steps[k + 1 :]) for k in range(len(claim.steps))),
        *(
            dataclasses.replace(claim, nodes=(*claim.nodes[:k], n._replace(table=n.table ^ 1), *claim.nodes[k + 1 :]))
            for k, n in enumerate(claim.nodes)
        ),
    ]
    for other in others:
        with pytest.raises(Unproved):
            _check(other, texts)


@pytest.mark.parametrize("kind", ["signs", "ternary", "int3", "masks3", "bytes"])
@pytest.mark.parametrize("inputs", [4, 6])
def test_every_bit_of_a_memory_counts(inputs: int, kind: str) -> None:
    """Each bit of every word changes a weight, or a threshold, but for the sign of a weight of 0; and lines and digits
    are as many as they should be."""

    def idle(word: int) -> set[int]:
        masked = [lane for lane in layer.code.lanes if lane.mask >= 0 and lane.sign]
        signs = {lane.sign[0] for lane in masked}
        return signs - {lane.sign[0] for lane in masked if word >> lane.mask & 1}

    layer = layer_claim(_unit(3, 11 if kind == "signs" else 5, inputs, kind=kind))
    weights, start = decode(layer)
    lines = layer.memory.split("\n")[:-1]
    changes = 0
    for k, line in enumerate(lines):
        for bit in range(4 * len(line)):
            text = f"{int(line, 16) ^ 1 << bit:0{len(line)}x}"
            changed = dataclasses.replace(layer, memory="\n".join([*lines[:k], text, *lines[k + 1 :], ""]))
            changes += 1
            if bit >= layer.pe * layer.code.bits:
                with pytest.raises(Unproved, match="beyond its width"):
                    decode(changed)
                continue
            other, begin = decode(changed)
            same = not (other != weights).any() and not (begin != start).any()
            assert same == (bit % layer.code.bits in idle(int(line, 16) >> bit // layer.code.bits * layer.code.bits))
    assert changes >= 140
    for text in ("", layer.memory[:-1], layer.memory + "00\n", layer.memory.replace(lines[0], lines[0][1:], 1)):
        with pytest.raises(Unproved, match="the memory has"):
            decode(dataclasses.replace(layer, memory=text))


def test_memories_are_read_back() -> None:
    for seed, (simd, inputs, spread) in enumerate([(1, 4, 0), (5, 4, 9), (18, 4, 50), (27, 6, 3), (64, 6, 20)]):
        unit = _unit(seed, simd, inputs, spread=spread, chunks=3)
        weights, start = decode(layer_claim(unit))
        np.testing.assert_array_equal(weights, unit.layer.weights)
        np.testing.assert_array_equal(start, unit.layer.start)


def _network(seed: int, outputs: str = "class", encoding: str = "uint4") -> Network:
    rng = np.random.default_rng(seed)
    if encoding == "step":
        return networks.random_dense(rng, (16, 8, 4, 3), encoding=encoding, outputs=outputs)
    network = networks.random_dense(rng, (16, 8, 4, 3), encoding=encoding, outputs=outputs, compare_input=True)
    return _with_op(network, 1, threshold=np.arange(16) % 4)


def _chain(network: Network, folds: str = "4x4,2x4,1x2") -> FoldedChain:
    return folded_chain(network, parse(folds)[0])


@pytest.mark.parametrize("outputs", ["class", "scores", "bits"])
@pytest.mark.parametrize("encoding", ["step", "uint4", "int4"])
def test_wiring_is_proved(encoding: str, outputs: str) -> None:
    chain = _chain(_network(len(encoding), "class" if outputs == "class" else "bits", encoding))
    found = prove_chain(chain, induction=False)
    assert found.answer.startswith("class" if outputs == "class" else "bits")
    assert (found.layers, found.weights) == (3, 16 * 8 + 8 * 4 + 4 * 3)


def _with_op(network: Network, v: int, **change: object) -> Network:
    ops = list(network.ops)
    ops[v] = dataclasses.replace(ops[v], **change)  # type: ignore[arg-type]
    return dataclasses.replace(network, ops=tuple(ops))


def test_another_network_is_refused() -> None:
    """Every weight, bias and threshold, one at a time; every one that moves an answer is noticed in its layer."""
    network = _network(5)
    chain = _chain(network)
    parts, ends = part_claims(chain), outside(chain)
    check_network(network, ends, parts)
    changes = 0
    for v, op in enumerate(network.ops):
        for name in ("weights", "bias", "threshold"):
            if isinstance(values := getattr(op, name, None), np.ndarray):
                for at in np.ndindex(values.shape):
                    other = values.copy()
                    other[at] += -2 * other[at] if name == "weights" else 1
                    changes += 1
                    with pytest.raises(Unproved, match=r"part \d+ of the chain: the (memory|network)"):
                        check_network(_with_op(network, v, **{name: other}), ends, parts)
    assert changes >= 200


def test_other_parts_are_refused() -> None:
    network = _network(6)
    chain = _chain(network)
    parts, ends = part_claims(chain), outside(chain)
    entry, layers = parts[0], [k for k, p in enumerate(parts) if isinstance(p, FoldedLayerClaim)]
    assert isinstance(entry, EntryClaim)
    one, two = (parts[k] for k in layers[:2])
    assert isinstance(one, FoldedLayerClaim)
    others = [
        parts[1:],
        parts[:-1],
        [*parts, parts[-1]],
        [dataclasses.replace(entry, is_signed=True), *parts[1:]],
        [dataclasses.replace(entry, thresholds=(entry.thresholds[0][::-1],)), *parts[1:]],
        [*parts[:1], SplitClaim(4, 2, 2, 1, 2), *parts[1:]],
        [*parts[: layers[0]], two, *parts[layers[0] + 1 :]],
        [*parts[: layers[0]], dataclasses.replace(one, begin=one.begin + 1), *parts[layers[0] + 1 :]],
        [*parts[: layers[0]], dataclasses.replace(one, bits=one.bits - 3), *parts[layers[0] + 1 :]],
        [*parts[: layers[0]], dataclasses.replace(one, chunks=one.groups, groups=one.chunks), *parts[layers[0] + 1 :]],
        [*parts[: layers[-1]], dataclasses.replace(parts[layers[-1]], answer="bits"), *parts[layers[-1] + 1 :]],  # type: ignore[type-var]
    ]
    for other in others:
        with pytest.raises(Unproved):
            check_network(network, ends, other)
    for change in ({"width": 8}, {"value": ends.value - 1}, {"bits": 3}, {"out": 1}):
        with pytest.raises(Unproved):
            check_network(network, ends._replace(**change), parts)


@pytest.mark.slow
def test_tfc(shared: Path) -> None:
    """All layers, converters and the arg-max of a published network, everything: seconds."""
    try:
        tools.find_tools((tools.YOSYS,))
    except CompileError as problem:
        pytest.skip(str(problem))
    network = threshc.load(shared / "models/qonnx/TFC_1W1A.onnx", input="uint8/255")
    for plan, family, inductions in (("16x56,8x16,8x16,1x16", "ecp5", 7), ("4x49,2x8,2x8,1x4", "ice40", 8)):
        found = prove_chain(_chain(network, plan), family=family)
        assert (found.layers, found.weights) == (4, 59_008)
        assert found.answer == "class (value 9), 4 bits of a sample in beats of 4"
        assert found.inductions == inductions


@pytest.mark.parametrize(
    ("sizes", "pixels", "ends", "folds", "entry", "scale"),
    [
        ((12, 8, 6, 5), True, "class", "2x4,3x2,1x3", 0, 1),
        ((12, 8, 6, 5), True, "class", "8x12:lut,6x8,1x6", 0, 3),
        ((12, 8, 6, 5), False, "class", "4x6,2x4,5x2", 3, 1),
        ((16, 9, 4), False, "scores", "3x8,2x3", 2, 1),
        ((16, 9, 4), True, "bits", "9x2,4x9", 1, 2),
        ((7, 3), False, "class", "1x1", 0, 1),
        ((7, 1), False, "class", "1x7", 0, 1),
        ((13, 11, 7, 5), True, "class", "3x5,4x6,2x3", 4, 1),
        ((13, 11, 7), False, "scores", "5x7,3x4", 6, 1),
        ((13, 11, 7), True, "bits", "4x9,3x10", 13, 2),
    ],
)
def test_other_networks_are_proved(
    sizes: tuple[int, ...], pixels: bool, ends: str, folds: str, entry: int, scale: int
) -> None:
    """Weights of +-scale, comparisons in any order, inputs of bits, several sums in a beat, one class."""
    network = signs_network(np.random.default_rng(1), sizes, pixels=pixels, ends=ends, scale=scale)
    found = prove_chain(folded_chain(network, parse(folds)[0], entry=entry), induction=False)
    assert found.answer.startswith(ends)


def test_scores_in_units_of_the_weights_are_refused() -> None:
    """The network's scores are twice what the circuit answers with."""
    small, large = (
        signs_network(np.random.default_rng(1), (9, 4), pixels=False, ends="scores", scale=scale) for scale in (1, 2)
    )
    chain = folded_chain(small, parse("2x3")[0])
    prove_chain(chain, induction=False)
    other = dataclasses.replace(chain, interface=dataclasses.replace(chain.interface, network=large))
    with pytest.raises(Unproved, match="does not answer with what it should"):
        prove_chain(other, induction=False)
