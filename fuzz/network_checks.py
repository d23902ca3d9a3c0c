"""What must hold for every network: both engines, however they are called, equal the reference in every bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare
from threshc.sim import packed, reference
from threshc.sim.inputs import encode
from threshc.sim.packed.planes.activity import Activity
from threshc.sim.packed.planes.driver import execute_plan
from threshc.sim.packed.planes.plan import plan
from threshc.sim.packed.words.driver import execute_word_plan
from threshc.sim.packed.words.plan import word_plan

Arrays = tuple[NDArray[np.generic], ...]


class Finding(Exception):
    """Something that is not as it must be."""


@dataclass
class Put:
    """A network before its samples x (N, n), what the reference says of them, and what was counted on the way."""

    network: Network
    x: NDArray[np.generic]
    sizes: Sequence[int]
    seed: int
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.encoded = encode(self.network, self.x)
        values = reference.evaluate(self.network, self.encoded)
        kinds = [o.kind for o in self.network.outputs]
        self.values: Arrays = tuple(
            values[o.value].astype(np.uint8) if k == "bits" else values[o.value]
            for o, k in zip(self.network.outputs, kinds, strict=True)
        )
        ops = self.network.ops
        self.bits: Arrays = tuple(values[v].astype(np.uint8) for v, op in enumerate(ops) if isinstance(op, Compare))


Check = Callable[[Put], None]


def planes(put: Put) -> None:
    """The planes, on one and two threads, with and without hidden bits."""
    made = plan(put.network)
    for part in _parts(put):
        for threads in (1, 2):
            for bits in (True, False):
                found = execute_plan(made, put.encoded[part], bits, threads)
                same(put, part, found, bits, f"planes, {threads} threads, bits={bits}")


def words(put: Put) -> None:
    """The words, where they cover the network."""
    made = word_plan(put.network)
    put.counts["networks of the word engine"] += made is not None
    for part in _parts(put) if made is not None else ():
        for bits in (True, False):
            assert made is not None
            same(put, part, execute_word_plan(made, put.encoded[part], bits), bits, f"words, bits={bits}")


def chosen(put: Put) -> None:
    """`packed.run` and `packed.single`, as users call them."""
    for part in _parts(put):
        got = packed.run(put.network, put.x[part], threads=1 + put.seed % 2)
        same(put, part, (got.values, got.bits), True, "packed.run")
    label = next((v for o, v in zip(put.network.outputs, put.values, strict=True) if o.kind == "class"), None)
    if label is not None:
        single = packed.single(put.network)
        for k in range(min(len(put.x), 8)):
            if single(put.x[k : k + 1])[0] != label[k].item():
                raise Finding(f"packed.single: sample {k} is {single(put.x[k : k + 1])[0]}, not {label[k].item()}")


def activity(put: Put) -> None:
    """The counters, over all batches one after the other."""
    counters, order = Activity(put.network), []
    for k, part in enumerate(_parts(put)):
        packed.run(put.network, put.x[part], bits=False, threads=1 + k % 2, activity=counters)
        order += list(range(*part.indices(len(put.x))))
    for k, bits in enumerate(put.bits):
        seen = bits[order].astype(np.int64)
        changes = np.abs(np.diff(seen, axis=0)).sum(axis=0)
        for name, got, want in (("ones", counters.ones, seen.sum(axis=0)), ("toggles", counters.toggles, changes)):
            if not np.array_equal(got[k], want):
                raise Finding(f"activity: {name} of Compare {k} differ")


def _parts(put: Put) -> list[slice]:
    """Batches of the sizes, from different samples on."""
    starts = [put.seed * 7 % (len(put.x) - n + 1) for n in put.sizes if n <= len(put.x)]
    sizes = [n for n in put.sizes if n <= len(put.x)]
    return [slice(a, a + n) for a, n in zip(starts, sizes, strict=True)]


def same(put: Put, part: slice, found: tuple[Arrays, Arrays], bits: bool, who: str) -> None:
    """Raises Finding with the first difference."""
    values, hidden = found
    put.counts["samples"] += len(put.x[part])
    if len(hidden) != (len(put.bits) if bits else 0):
        raise Finding(f"{who}: {len(hidden)} arrays of hidden bits")
    wanted = [*put.values, *(put.bits if bits else ())]
    for k, (got, whole) in enumerate(zip([*values, *hidden], wanted, strict=True)):
        want = whole[part]
        if got.dtype != want.dtype or got.shape != want.shape:
            raise Finding(f"{who}, array {k}: {got.dtype}{got.shape}, not {want.dtype}{want.shape}")
        if not np.array_equal(got, want):
            at = tuple(np.argwhere(got != want)[0].tolist())
            raise Finding(f"{who}, array {k} of a batch of {len(want)}: {got[at]} at {at}, not {want[at]}")


ENGINES: dict[str, Check] = {"planes": planes, "words": words, "packed.run": chosen, "activity": activity}
