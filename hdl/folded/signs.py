"""Weights of +-1 recoded, so that the exclusive or of every lane costs nothing.

A lane is y = x ^ w, where w is 1 for a weight of -1: a sum of +-x is the sum of all y less the number of weights -1. Of
three lanes, memory holds u = w0 ^ w1, v = w0 ^ w2 and the parity p = w0 ^ w1 ^ w2, three bits as before; of the inputs
the same is made once for all neurons (Xu, Xv, Xp). With differ = (u ^ Xu) | (v ^ Xv), which is one table of four, the
three lanes have the parity p ^ Xp and the carry p ^ Xp ^ differ. The parity is again such a lane: of nine lanes, the
three parities are coded once more. So nine weights are u, v of three groups, and of their parities a, a ^ b, a ^ c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from threshc.hdl.folded.weights import Bits


@dataclass(frozen=True, slots=True)
class Coding:
    """The places of `lanes` weights in memory: in groups of three, of which three times `nines` have coded parities."""

    lanes: int
    nines: int

    @property
    def threes(self) -> int:
        """Groups of three lanes."""
        return self.lanes // 3

    @property
    def rest(self) -> int:
        """Lanes in no group, whose weights stand in memory without coding."""
        return self.lanes % 3

    def slices(self) -> dict[str, slice]:
        """Returns where each kind of bit stands in a word: u, v of the threes; a, ab, ac of the nines; p: the parities
        of threes in no nine; w: weights of the rest."""
        found, at = {}, 0
        sizes = {"u": self.threes, "v": self.threes, "a": self.nines, "ab": self.nines, "ac": self.nines}
        for name, size in {**sizes, "p": self.threes - 3 * self.nines, "w": self.rest}.items():
            found[name] = slice(at, at + size)
            at += size
        return found


def coding(lanes: int, inputs: int) -> Coding:
    """Returns the coding for tables of so many inputs. With six, the carry of three lanes is one table of the parities
    themselves, so nines would only be in the way."""
    return Coding(lanes, lanes // 9 if inputs < 6 else 0)


def encode(negative: Bits, code: Coding) -> Bits:
    """Returns weight bits (.., lanes), 1 for -1, as they stand in memory, (.., lanes)."""
    threes, nines = code.threes, code.nines
    lane = negative[..., : 3 * threes].reshape(*negative.shape[:-1], threes, 3)
    p = np.bitwise_xor.reduce(lane, axis=-1)
    nine = p[..., : 3 * nines].reshape(*p.shape[:-1], nines, 3)
    parts = [
        lane[..., 0] ^ lane[..., 1],
        lane[..., 0] ^ lane[..., 2],
        nine[..., 0],
        nine[..., 0] ^ nine[..., 1],
        nine[..., 0] ^ nine[..., 2],
        p[..., 3 * nines :],
        negative[..., 3 * threes :],
    ]
    return np.concatenate(parts, axis=-1)


def decode(stored: Bits, code: Coding) -> Bits:
    """Returns the weight bits (.., lanes) that stand in memory as (.., lanes): the inverse of `encode`."""
    part = {name: stored[..., where] for name, where in code.slices().items()}
    nine = np.stack([part["a"], part["a"] ^ part["ab"], part["a"] ^ part["ac"]], axis=-1)
    p = np.concatenate([nine.reshape(*stored.shape[:-1], -1), part["p"]], axis=-1)
    first = p ^ part["u"] ^ part["v"]  # p = w0 ^ w1 ^ w2 = w0 ^ u ^ v, as w1 ^ w2 = u ^ v
    lane = np.stack([first, first ^ part["u"], first ^ part["v"]], axis=-1)
    return np.concatenate([lane.reshape(*stored.shape[:-1], -1), part["w"]], axis=-1)
