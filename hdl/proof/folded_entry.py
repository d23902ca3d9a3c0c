"""The comparisons of a folded chain's input against the network's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Value
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_stream import ANY, ZERO, Carried


@dataclass(frozen=True, slots=True)
class EntryClaim:
    """Comparisons of beat b of a sample: of feature f, `bits` wide, with each of thresholds[b][f], feature after
    feature; where there are thresholds of one beat alone, all are compared with these."""

    thresholds: tuple[tuple[tuple[int, ...], ...], ...]
    bits: int
    is_signed: bool


def compared(
    network: Network, carried: Carried, part: EntryClaim
) -> tuple[Value, int, NDArray[np.int64] | None, Carried]:
    """Returns the Compare of the input's features, how many bits a sample's beats have behind it, which of these each
    of its elements is, None for all in order, and what the beats carry. carried: the input's features.

    Raises Unproved where the network compares them with other numbers.
    """
    t = network.types[0]
    if not isinstance(t, Ints):
        raise Unproved("only the input's numbers are compared")
    count, most = len(part.thresholds[0]), (1 << (part.bits - part.is_signed)) - 1
    carried.into(part.bits * count)
    if part.bits != len(plane_weights(t.lo, t.hi)) or part.is_signed != (t.lo < 0):
        raise Unproved("the network's features have another number of bits, or another sign")
    beats, lanes = len(carried.bits), {tuple(map(len, beat)) for beat in part.thresholds}
    if len(part.thresholds) not in (1, beats) or len(lanes) != 1:
        raise Unproved(f"a sample has {beats} beats, and is compared with those of {len(part.thresholds)}")
    every = part.thresholds * (beats // len(part.thresholds))
    given = [
        (beat * count + f, need)
        for beat, features in enumerate(every)
        for f, needs in enumerate(features)
        for need in needs
    ]
    features = math.prod(t.shape)
    places = {pair: k for k, pair in enumerate(given) if pair[0] < features}
    for v in network.users()[0]:
        if isinstance(op := network.ops[v], Compare):
            wanted = list(zip(op.row.tolist(), op.threshold.tolist(), strict=True))
            if not places.keys() >= set(wanted):
                raise Unproved("the network compares its features with other numbers")
            count_of_bits = sum(f < features for f, _ in given)
            whole = wanted == given[:count_of_bits]
            order = None if whole else np.array([places[pair] for pair in wanted], np.int64)
            never = np.array([need > most and (f, need) not in wanted for f, need in given])
            beyond = np.array([f >= features for f, _ in given])
            bits = np.where(never, ZERO, np.where(beyond, ANY, np.arange(len(given))))
            return v, count_of_bits, order, Carried(bits.reshape(beats, -1))
    raise Unproved("the network compares no features")
