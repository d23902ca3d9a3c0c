"""Networks folded: in Amaranth's simulator as the reference says, in the cycles of the model; others are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import folded_chains
import networks
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Input, Op, Output, Sum
from threshc.compiler.ir.shapes import plane_weights, row_bounds
from threshc.compiler.ir.types import Ints
from threshc.hdl.flow.prove_folded import prove_chain
from threshc.hdl.folded import schedule
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.certify import outside, part_claims
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.fold import Fold, parse
from threshc.hdl.payload import pack, unpack
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_network import EntryClaim, check_network
from threshc.sim import reference
from threshc.sim.inputs import encode


def signs_network(
    rng: np.random.Generator, sizes: tuple[int, ...], *, pixels: bool, ends: str = "class", scale: int = 1
) -> Network:
    """Dense layers of weights +-scale between bits, behind pixels compared with 128 or bits."""
    ops: list[Op] = [Input("x", (sizes[0],), parse_encoding("uint8" if pixels else "bit"))]
    ops.append(Compare(0, np.arange(sizes[0]), np.full(sizes[0], 128)) if pixels else Bitplanes(0))
    for k, (columns, rows) in enumerate(pairwise(sizes)):
        weights = scale * rng.choice([-1, 1], (rows, columns)).astype(np.int8)
        last = k + 2 == len(sizes)
        bias = scale * rng.integers(-3, 4, rows) if last and ends != "bits" else np.zeros(rows, np.int64)
        ops.append(Sum(len(ops) - 1, weights, bias))
        if not last or ends == "bits":
            ops.append(Compare(len(ops) - 1, rng.permutation(rows), rng.integers(-4, 5, rows)))
        elif ends == "class":
            ops.append(ArgMax(len(ops) - 1))
    return Network("signs", tuple(ops), (Output("y", len(ops) - 1, ends, networks.ONE_SCALE, networks.NO_OFFSET),))


def integer_network(
    rng: np.random.Generator,
    sizes: tuple[int, ...],
    values: Sequence[int],
    *,
    encoding: str = "bit",
    ends: str = "class",
    factors: tuple[int, ...] = (1,),
) -> Network:
    """Dense layers of weights out of some, each row times one of the factors; the input's integers are summed."""
    ops: list[Op] = [Input("x", (sizes[0],), parse_encoding(encoding)), Bitplanes(0)]
    given = Network("g", tuple(ops), (Output("y", 1, "bits", networks.ONE_SCALE, networks.NO_OFFSET),)).types[0]
    planes = np.array(plane_weights(given.lo, given.hi) if isinstance(given, Ints) else (1,))
    for k, (columns, rows) in enumerate(pairwise(sizes)):
        last = k + 2 == len(sizes)
        factor = rng.choice(factors[:1] if last and ends != "bits" else factors, (rows, 1))
        weights = factor * rng.choice(values, (rows, columns))
        if k == 0:
            weights = np.kron(weights, planes)
        total = Sum(len(ops) - 1, weights, rng.integers(-9, 10, rows))
        ops.append(total)
        if not last or ends == "bits":
            low, high = row_bounds(total)
            thresholds = np.rint((low + high) / 2 + rng.normal(size=rows) * (high - low) / 8).astype(np.int64)
            order = rng.permutation(rows)
            ops.append(Compare(len(ops) - 1, order, thresholds[order]))
        elif ends == "class":
            ops.append(ArgMax(len(ops) - 1))
    return Network("ints", tuple(ops), (Output("y", len(ops) - 1, ends, networks.ONE_SCALE, networks.NO_OFFSET),))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "pixels", "ends", "folds", "entry", "scale"),
    [
        ((12, 8, 6, 5), True, "class", "2x4,3x2,1x3", 0, 1),
        ((12, 8, 6, 5), True, "class", "8x12:lut,6x8,1x6", 0, 3),  # a sum a cycle for the arg-max
        ((12, 8, 6, 5), False, "class", "4x6,2x4,5x2", 3, 1),  # five sums at once, split
        ((16, 9, 4), False, "scores", "3x8,2x3", 2, 1),
        ((16, 9, 4), True, "bits", "9x2,4x9", 1, 1),
        ((7, 3), False, "class", "1x1", 0, 1),
        ((13, 11, 7, 5), True, "class", "3x5,4x6,2x3", 4, 1),  # nothing divides anything
        ((13, 11, 7), False, "scores", "5x7,3x4", 6, 1),
        ((13, 11, 7), True, "bits", "4x9,3x10", 13, 1),
        ((9, 8, 5), False, "class", "7x2,5x5", 5, 1),
        ((12, 8, 6, 5), True, "class", "unrolled,3x2,1x3", 4, 1),  # first: comparisons, a gathered sample
        ((12, 8, 6, 5), True, "class", "2x4,unrolled,1x3", 0, 3),
        ((12, 8, 6, 5), True, "class", "2x4,3x8,unrolled", 0, 1),  # last, with an arg-max of its own
        ((12, 8, 6, 5), False, "class", "unrolled,unrolled,1x3", 3, 1),
        ((12, 8, 6, 5), True, "class", "unrolled,unrolled,unrolled@12", 0, 1),
        ((12, 8, 6, 5), True, "bits", "unrolled,2x8,unrolled", 6, 1),
        ((12, 8, 6, 5), False, "scores", "4x6,unrolled,unrolled", 0, 3),
    ],
)
@pytest.mark.parametrize("busy", [True, False])
def test_networks(
    sizes: tuple[int, ...], pixels: bool, ends: str, folds: str, entry: int, scale: int, busy: bool
) -> None:
    rng = np.random.default_rng(len(folds))
    exact(rng, signs_network(rng, sizes, pixels=pixels, ends=ends, scale=scale), folds, entry, busy=busy)


TERNARY, INT3, INT4 = (-1, 0, 1), tuple(range(-4, 4)), tuple(range(-7, 8))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "values", "encoding", "ends", "folds", "entry", "inputs", "factors"),
    [
        ((12, 8, 6, 5), TERNARY, "bit", "class", "2x4,3x2,1x3", 0, 4, (1,)),
        ((12, 8, 6, 5), INT3, "bit", "class", "8x12:lut,6x8,1x6", 0, 4, (1,)),
        ((12, 8, 6, 5), INT4, "bit", "class", "4x6,2x4,5x2", 3, 6, (1, 3, 100)),
        ((16, 9, 4), INT3, "bit", "scores", "3x8,2x3", 2, 4, (1,)),
        ((16, 9, 4), (-2, 2, 6), "bit", "scores", "3x8,2x3", 2, 4, (1,)),
        ((16, 9, 4), (-9, 4, 0), "bit", "bits", "9x2,4x9", 1, 6, (1, 2, -5)),
        ((6, 4, 5), TERNARY, "uint8", "class", "2x3,1x4", 0, 4, (1, 7)),
        ((6, 4, 5), (-1, 1), "uint8", "class", "4x2,1x2", 1, 4, (1,)),
        ((6, 4, 5), INT4, "int8", "class", "2x3,1x4", 6, 4, (1,)),
        ((6, 4), INT3, "int4", "scores", "2x3", 1, 6, (1,)),
        ((8, 4), (-1, 1), "uint4", "bits", "2x4", 4, 6, (1,)),
        ((7, 3), (0,), "uint4", "class", "1x1", 0, 4, (1,)),
        ((6, 4, 5), TERNARY, "int8", "class", "unrolled,1x4", 3, 4, (1,)),
        ((6, 4, 5), INT4, "int4", "class", "2x3,unrolled", 0, 4, (1,)),
        ((5, 3), (0, 5), "int8", "class", "1x5", 0, 4, (1,)),
        ((5, 3), (-128, 0, 127), "bit", "bits", "1x5", 0, 4, (1, 1000)),
    ],
)
@pytest.mark.parametrize("busy", [True, False])
def test_networks_of_integers(
    sizes: tuple[int, ...],
    values: Sequence[int],
    encoding: str,
    ends: str,
    folds: str,
    entry: int,
    inputs: int,
    factors: tuple[int, ...],
    busy: bool,
) -> None:
    rng = np.random.default_rng(len(folds))
    network = integer_network(rng, sizes, values, encoding=encoding, ends=ends, factors=factors)
    chain = exact(rng, network, folds, entry, busy=busy, inputs=inputs)
    prove_chain(chain, induction=False)


def exact(
    rng: np.random.Generator, network: Network, folds: str, entry: int, *, busy: bool, inputs: int = 4
) -> FoldedChain:
    """Asserts that the circuit answers as the reference says, in the cycles of the model."""
    chain = folded_chain(network, parse(folds)[0], entry=entry, inputs=inputs)
    x = networks.random_samples(rng, network, 6)
    given, out = chain.interface.input, chain.interface.output
    beats = [
        int.from_bytes(word.tobytes(), "little") >> (k * given.width) & ((1 << given.width) - 1)
        for word in pack(network, encode(network, x))
        for k in range(given.count)
    ]
    offered, taken = (rng.random(997) < (1.0 if busy else 0.5) for _ in range(2))
    seen = folded_chains.simulate(chain.component(), beats, offered, taken, len(x) * out.count)
    ins, outs = seen.ins, seen.outs
    want_in, want_out = schedule.run(
        [*chain.stages(), schedule.Sink(pattern=taken.tolist())], len(beats), offered.tolist()
    )
    assert [t for t, _ in outs] == want_out
    assert ins == want_in[: len(ins)]
    if busy:
        assert want_out[0] - want_in[0] == chain.interface.timing.latency
        assert want_out[-1] - want_out[-1 - out.count] == chain.interface.timing.interval
    words = [
        sum(word << (out.width * k) for k, (_, word) in enumerate(outs[s * out.count : (s + 1) * out.count]))
        for s in range(len(x))
    ]
    size = -(-out.bits // 8)
    packed = np.frombuffer(b"".join(w.to_bytes(size + 1, "little")[:size] for w in words), np.uint8)
    (field,) = chain.interface.fields
    got = unpack(field, packed.reshape(len(x), size))
    (want,) = reference.run(network, x).values
    np.testing.assert_array_equal(got, want)
    return chain


@pytest.mark.parametrize("busy", [True, False])
@pytest.mark.parametrize(
    "fold",
    ["4x6,unrolled@6", "7x6,unrolled@6", "4x5,unrolled@5", "unrolled,3x3@5", "unrolled,4x7@12", "unrolled,unrolled@7"],
)
def test_layers_that_stay_unrolled_behind_any_widths(fold: str, busy: bool) -> None:
    """What they take is a whole sample in a beat, without what a last beat carries beyond it."""
    network = signs_network(np.random.default_rng(3), (12, 10, 5), pixels=True)
    folds, entry = parse(fold)
    chain = exact(np.random.default_rng(1), network, ",".join(map(str, folds)), entry, busy=busy)
    prove_chain(chain, induction=False)


REFUSED = [
    (lambda n: n, "9x4,3x2,1x3", "PE 9 is not from 1 to 8"),
    (lambda n: n, "2x13,3x2,1x3", "SIMD 13 is not from 1 to 12"),
    (lambda n: n, "2x4,3x2", "the network has 3 layers to fold, not 2"),
    (lambda n: n, "4x4,6x2,1x7", "SIMD 7 is not from 1 to 6"),
]


@pytest.mark.parametrize(("change", "folds", "said"), REFUSED)
def test_refusals(change: object, folds: str, said: str) -> None:
    network = signs_network(np.random.default_rng(0), (12, 8, 6, 5), pixels=True)
    with pytest.raises(CompileError, match=said):
        folded_chain(network, parse(folds)[0])


@pytest.mark.parametrize("text", ["", "2x", "x3", "2x3,", "2x3:flash", "0x4", "2 x 3", "auto"])
def test_folds_that_are_none(text: str) -> None:
    with pytest.raises(CompileError, match="is not the folding of a layer"):
        parse(text)
    assert parse("2x3, 4x5:lut") == ((Fold(2, 3), Fold(4, 5, "lut")), 0)
    assert parse("2x3@7") == ((Fold(2, 3),), 7)
    with pytest.raises(CompileError, match="is not a number of features"):
        parse("2x3@0")


@pytest.mark.parametrize(
    ("features", "thresholds"),
    [(6, [1, 2, 3, 4, 5, 255]), (6, [1, 2] * 3), (6, [7] * 6), (3, [10, 200] * 3), (5, [10, 200] * 5)],
)
@pytest.mark.parametrize("interval", [1, 3, 1000])
def test_planned_beats_can_be_made(features: int, thresholds: list[int], interval: int) -> None:
    from threshc.hdl.folded.network import folded_network
    from threshc.hdl.folded.plan import fastest, smallest
    from threshc.hdl.targets.registry import target

    each, rng = len(thresholds) // features, np.random.default_rng(0)
    ops: list[Op] = [Input("x", (features,), parse_encoding("uint8"))]
    ops.append(Compare(0, np.repeat(np.arange(features), each), np.array(thresholds)))
    ops += [Sum(1, rng.choice([-1, 1], (3, len(thresholds))).astype(np.int8), np.zeros(3, np.int64)), ArgMax(2)]
    network = Network("n", tuple(ops), (Output("y", 3, "class", networks.ONE_SCALE, networks.NO_OFFSET),))
    read, device = folded_network(network), target("up5k-sg48").device
    for plan in (fastest(read, device), smallest(read, device, interval)):
        if plan is not None:
            chain = folded_chain(network, plan.folds, entry=plan.entry)
            assert chain.interface.timing.interval == plan.interval


def sparse_network(
    rng: np.random.Generator,
    given: int,
    thresholds: Sequence[int],
    share: float,
    pairs: Sequence[tuple[int, int]] = (),
) -> Network:
    """Features compared with some of a few numbers each, or as `pairs` say, in any order; then ternary layers."""
    pairs = pairs or [(f, t) for f in range(given) for t in thresholds if rng.random() < share]
    order = rng.permutation(len(pairs))
    row, need = np.array(pairs)[order].T
    ops: list[Op] = [Input("x", (given,), parse_encoding("uint8")), Compare(0, row, need)]
    ops.append(Sum(1, rng.integers(-1, 2, (4, len(pairs))).astype(np.int8), np.zeros(4, np.int64)))
    ops += [
        Compare(2, np.repeat(np.arange(4), 2), rng.integers(-2, 3, 8)),
        Sum(3, rng.integers(-1, 2, (3, 8)), np.array([0, 1, 0])),
    ]
    ops.append(ArgMax(4))
    return Network("sparse", tuple(ops), (Output("y", 5, "class", networks.ONE_SCALE, networks.NO_OFFSET),))


@pytest.mark.parametrize(
    ("thresholds", "share", "folds", "entry"),
    [((64, 192), 0.7, "2x4,1x8", 2), ((64, 192), 0.7, "unrolled,1x8", 6), ((5, 9, 250), 0.5, "4x18,1x2", 3)],
)
def test_inputs_compared_now_and_then(thresholds: Sequence[int], share: float, folds: str, entry: int) -> None:
    """Comparisons that the network has not are made and weigh 0; TFC_2W2A has none of pixels at the border."""
    rng = np.random.default_rng(1)
    network = sparse_network(rng, 6, thresholds, share)
    chain = exact(rng, network, folds, entry, busy=True)
    prove_chain(chain, induction=False)
    ops = list(network.ops)
    ops[1] = replace(ops[1], threshold=ops[1].threshold + (np.arange(len(ops[1].threshold)) == 2))  # type: ignore[union-attr]
    if folds[0] != "u":
        with pytest.raises(Unproved, match="part 0 of the chain: the network compares its features with other numbers"):
            check_network(replace(network, ops=tuple(ops)), outside(chain), part_claims(chain))


@pytest.mark.parametrize(
    ("encoding", "folds", "entry"),
    [
        ("uint8", "2x4,1x8", 1),  # a feature in a beat, five places, some never
        ("int8", "4x5,2x4", 2),  # the last beat has a feature too many
        ("uint8", "4x5,2x4:lut", 3),
        ("uint8", "unrolled,1x8", 3),  # the numbers themselves go into the unrolled layer
        ("uint8", "4x5,2x4", 9),  # all at once: constants without a table
        ("int4", "1x2,unrolled", 0),
    ],
)
@pytest.mark.parametrize("busy", [True, False])
def test_features_compared_with_numbers_of_their_own(encoding: str, folds: str, entry: int, busy: bool) -> None:
    """Each with other numbers, and other many, some of them twice, in any order."""
    rng = np.random.default_rng(len(folds) + entry)
    low = -8 if encoding == "int4" else -128 if encoding == "int8" else 0
    network = own_network(rng, 9, range(low, low + (16 if encoding == "int4" else 256), 2), encoding)
    chain = exact(rng, network, folds, entry, busy=busy)
    if busy:
        prove_chain(chain, induction=False)


def own_network(rng: np.random.Generator, given: int, thresholds: Sequence[int], encoding: str = "uint8") -> Network:
    """Features compared with one to five numbers of their own, which one weight matrix reads in any order."""
    pairs = [(f, int(t)) for f in range(given) for t in rng.choice(thresholds, int(rng.integers(1, 6)), replace=False)]
    pairs += [pairs[2], pairs[-1]]
    network = sparse_network(rng, given, range(1), 1.0, pairs=pairs)
    return replace(network, ops=(replace(network.ops[0], encoding=parse_encoding(encoding)), *network.ops[1:]))  # type: ignore[call-arg]


def test_comparisons_are_probed_in_the_networks_order() -> None:
    """Every lane of the beats that is led out is the comparison that the network has there."""
    rng = np.random.default_rng(3)
    network = own_network(rng, 9, range(256))
    compare = network.ops[1]
    assert isinstance(compare, Compare)
    for entry in (1, 2, 3, 4, 9):
        chain = folded_chain(network, parse("4x5,2x4")[0], entry=entry)
        claim = part_claims(chain)[0]
        assert isinstance(claim, EntryClaim)
        beats = claim.thresholds
        lanes = [(b * entry + f, t) for b, beat in enumerate(beats) for f, ts in enumerate(beat) for t in ts]
        picked = chain.shown[0].picked
        got = [lanes[k] for k in picked]
        assert got == list(zip(compare.row.tolist(), compare.threshold.tolist(), strict=True))


def test_other_thresholds_of_a_beat_are_refused() -> None:
    """Every threshold that the network has, one at a time, beats in another order, one beat too few or too many."""
    rng = np.random.default_rng(4)
    network = own_network(rng, 6, range(256))
    chain = folded_chain(network, parse("2x4,1x8")[0], entry=2)
    claim, *rest = part_claims(chain)
    assert isinstance(claim, EntryClaim)
    ends, beats = outside(chain), claim.thresholds
    check_network(network, ends, [claim, *rest])
    changes = [beats[::-1], beats[1:] + beats[:1], beats[:-1], (*beats, beats[0]), (beats[0],)]
    for b, beat in enumerate(beats):
        for f, feature in enumerate(beat):
            for k, t in enumerate(feature):
                other = (*feature[:k], t - 1, *feature[k + 1 :])
                if t < 256:  # 255 is a threshold like any other: what it reaches then is 0 no longer
                    changes.append((*beats[:b], (*beat[:f], other, *beat[f + 1 :]), *beats[b + 1 :]))
    assert len(changes) > 15
    for change in changes:
        with pytest.raises(Unproved):
            check_network(network, ends, [replace(claim, thresholds=change), *rest])


@pytest.mark.parametrize("interval", [1, 9, 36, 1000])
def test_plans_of_features_with_numbers_of_their_own(interval: int) -> None:
    """Intervals are exact; where nothing is padded, a beat has a few of the features."""
    from threshc.hdl.folded.network import folded_network
    from threshc.hdl.folded.plan import fastest, smallest
    from threshc.hdl.targets.registry import target

    network = own_network(np.random.default_rng(5), 12, range(256))
    read, device = folded_network(network), target("up5k-sg48").device
    for plan in (fastest(read, device), smallest(read, device, interval), smallest(read, device, 1000, unrolled=False)):
        if plan is not None:
            chain = folded_chain(network, plan.folds, entry=plan.entry)
            assert chain.interface.timing.interval == plan.interval
    pairs = [(f, 10 * f + k + 1) for f in range(12) for k in range(4)]
    network = sparse_network(np.random.default_rng(6), 12, (), 1.0, pairs)
    slow = smallest(folded_network(network), device, 1000, unrolled=False)
    assert slow is not None
    assert slow.entry < 12


def test_single_bits_of_integers_are_refused() -> None:
    network = integer_network(np.random.default_rng(0), (6, 4, 3), (-1, 1), encoding="uint4")
    ops = list(network.ops)
    total = ops[2]
    assert isinstance(total, Sum)
    weights = total.weights.copy()
    weights[2, 3] += 1
    ops[2] = replace(total, weights=weights)
    with pytest.raises(CompileError, match="cannot be folded yet") as caught:
        folded_chain(replace(network, ops=tuple(ops)), (Fold(2, 3), Fold(1, 2)))
    assert "it weighs bits of the input's integers otherwise than by powers of two" in str(caught.value)
