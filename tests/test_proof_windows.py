"""Folded convolutions are proved, and what is changed in their claims, memories and circuits is not."""

from __future__ import annotations

import dataclasses
from typing import Any

import folded_windows
import numpy as np
import pytest
from test_folded_windows import NETWORKS, PADS, conv_network

from threshc.hdl.flow.prove_folded import prove_chain
from threshc.hdl.flow.prove_memories import prove_memories
from threshc.hdl.flow.prove_schedule import prove_properties
from threshc.hdl.flow.tools import YOSYS, find_tools
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.certify import outside, part_claims
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.fold import parse
from threshc.hdl.folded.unit import FoldedUnit, folded_unit
from threshc.hdl.folded.walk import Walk
from threshc.hdl.folded.window_properties import WindowProperties
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_convolution import ConvolutionClaim, decoded
from threshc.hdl.proof.folded_network import check_network


def _yosys() -> bool:
    try:
        find_tools([YOSYS])
    except Exception:  # whatever is missing
        return False
    return True


needs_yosys = pytest.mark.skipif(not _yosys(), reason="Yosys is not installed")


def _chain(row: Any) -> FoldedChain:
    shape, layers, encoding, values, ends, folds, entry = row
    rng = np.random.default_rng(len(folds))
    network = conv_network(rng, shape, layers, encoding=encoding, values=values, ends=ends)
    return folded_chain(network, parse(folds)[0], entry=entry)


@pytest.mark.parametrize("row", NETWORKS, ids=[row[5] for row in NETWORKS])
def test_networks_are_proved(row: Any) -> None:
    chain = _chain(row)
    assert prove_chain(chain, induction=False).weights == sum(unit.layer.weights.size for unit in chain.units)
    assert any(isinstance(part, ConvolutionClaim) for part in part_claims(chain))


def _forged(rng: np.random.Generator, claim: ConvolutionClaim) -> ConvolutionClaim:
    """A claim with one number, or one digit of a memory, changed."""
    kind = str(rng.choice(["memory", "memory", "starts", "number", "pair", "patterns", "begin"]))
    if kind in ("memory", "starts"):
        text = claim.layer.memory if kind == "memory" or not claim.starts else claim.starts
        at = int(rng.choice([k for k, c in enumerate(text) if c != "\n"]))
        changed = f"{text[:at]}{int(text[at], 16) ^ 1 << int(rng.integers(4)):x}{text[at + 1 :]}"
        if text is claim.starts:
            return dataclasses.replace(claim, starts=changed)
        return dataclasses.replace(claim, layer=dataclasses.replace(claim.layer, memory=changed))
    by = int(rng.choice([-1, 1]))
    if kind == "number":
        name = str(rng.choice(["height", "width", "chunks", "blocks"]))
        return dataclasses.replace(claim, **{name: getattr(claim, name) + by})
    if kind == "begin":
        return dataclasses.replace(claim, layer=dataclasses.replace(claim.layer, begin=claim.layer.begin + by))
    name = "patterns" if kind == "patterns" else str(rng.choice(["kernel", "stride", "pads", "dilation"]))
    numbers = list(getattr(claim, name))
    at = int(rng.integers(len(numbers)))
    numbers[at] = max(numbers[at] + by, int(name in ("stride", "dilation")))
    return dataclasses.replace(claim, **{name: tuple(numbers)})


@pytest.mark.parametrize("row", [NETWORKS[k] for k in (0, 3, 4, 6, 7)], ids=str)
def test_forged_claims_are_refused(row: Any) -> None:
    """Every one that says something else of the layer: of 250 a row about 240 do."""
    rng, chain = np.random.default_rng(7), _chain(row)
    parts = part_claims(chain)
    places = [k for k, part in enumerate(parts) if isinstance(part, ConvolutionClaim)]
    refused = 0
    for _ in range(250):
        k = int(rng.choice(places))
        forged = _forged(rng, parts[k])  # type: ignore[arg-type]
        if forged == parts[k]:
            continue
        try:
            check_network(chain.network, outside(chain), [*parts[:k], forged, *parts[k + 1 :]])
        except Unproved:
            refused += 1
            continue
        assert _same(parts[k], forged, row is not NETWORKS[3]), forged  # type: ignore[arg-type]
    assert refused > 180


def _same(claim: ConvolutionClaim, forged: ConvolutionClaim, whole: bool) -> bool:
    """Whether both say the same: signs of weights of 0, a stride or gap that is never used; unless all is whole, rows
    that nobody reads and lanes that are always 0."""
    if (claim.layer, claim.starts) != (forged.layer, forged.starts):
        same = [np.array_equal(a, b) for a, b in zip(decoded(claim), decoded(forged), strict=True)]
        return not whole or all(same)
    return claim.patterns == forged.patterns and [*map(str, claim.reads())] == [*map(str, forged.reads())]


def _unit(seed: int) -> FoldedUnit:
    rng = np.random.default_rng(seed)
    height, width, channels = (int(n) for n in rng.integers(2, 6, 3))
    layer = folded_windows.random_layer(rng, "l", height, width, channels, False)
    places = 1 << max(layer.walk.span - 1, 0).bit_length()
    return folded_unit("u", layer, places=places, queue=int(rng.integers(1, 4)))


def _prove(unit: FoldedUnit) -> None:
    latencies = unit.core.shared.latency, unit.core.neuron.latency
    prove_properties({"window": WindowProperties(unit.component(), latencies)})


@pytest.mark.slow
@needs_yosys
@pytest.mark.parametrize("seed", range(3))
def test_schedules_are_proved(seed: int) -> None:
    _prove(_unit(seed))


def _changed(unit: FoldedUnit, name: str, at: int, by: int) -> FoldedUnit:
    """The unit whose walk has one number changed."""
    walk = unit.layer.walk
    assert isinstance(walk, Walk)
    new = dataclasses.replace(walk)
    numbers = np.array(getattr(walk, name))
    numbers.ravel()[at % numbers.size] += by
    new.__dict__[name] = numbers
    return dataclasses.replace(unit, layer=dataclasses.replace(unit.layer, walk=new))


@pytest.mark.slow
@needs_yosys
@pytest.mark.parametrize(
    ("name", "at", "by"),
    [
        ("moves", 1, 1),
        ("moves", -1, -1),
        ("needs", 0, -1),
        ("needs", 2, 1),
        ("frees", 1, 1),
        ("frees", -1, -1),
        ("kinds", 3, 1),
        ("row_pads", 0, True),
        ("column_pads", -1, True),
        ("need", 5, -1),
        ("keep", -2, 2),
    ],
)
def test_changed_schedules_are_refused(name: str, at: int, by: int) -> None:
    """row_pads, column_pads: padding where there was none, or none where there was."""
    rng = np.random.default_rng(0)
    network = conv_network(rng, (5, 5, 2), [(4, 1, PADS)])
    (unit, _) = folded_chain(network, parse("2x1,1x4")[0]).units
    if name.endswith("pads"):
        walk = unit.layer.walk
        assert walk is not None
        new = dataclasses.replace(walk)
        pads = np.array(getattr(walk, name))
        pads.ravel()[at % pads.size] ^= by
        new.__dict__[name] = pads
        changed = dataclasses.replace(unit, layer=dataclasses.replace(unit.layer, walk=new))
    else:
        changed = _changed(unit, name, at, by)
    with pytest.raises((Unproved, AssertionError)):
        _prove(changed)
    if name == "moves" and at == 1:
        _prove(unit)


@pytest.mark.slow
@needs_yosys
def test_memories_of_patterns_are_read_back_from_cells() -> None:
    """Words of weights at every step, and of threshold bits at every step of each of nine patterns."""
    chain = _chain(NETWORKS[0])
    depths = [unit.layer.depth for unit in chain.units]
    assert prove_memories(chain, "ecp5") == sum(depths) + 9 * depths[1]
