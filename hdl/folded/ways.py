"""The ways to fold a layer that a plan chooses among."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from threshc.hdl.folded.layer import Store
from threshc.hdl.folded.loaded import DEEPEST
from threshc.hdl.folded.pieces import Dense
from threshc.hdl.folded.planned_entry import divisors
from threshc.hdl.targets.base import Device

_DEEPEST = 16
"""Words of a memory of look-up tables: a table per bit."""


def foldings(dense: Dense) -> Iterator[tuple[int, int]]:
    """Yields every PE and SIMD that divide a layer."""
    for pe in divisors(len(dense.start)):
        for simd in divisors(dense.inputs):
            yield pe, simd


@lru_cache(64)
def by_rows(dense: Dense) -> Dense:
    """Returns a layer with a row for every threshold, the same one at every call."""
    return dense.by_rows()


def stores(steps: int, device: Device) -> Iterator[Store]:
    """Yields what so many words of weights may stand in on a device."""
    yield "block"
    if steps <= _DEEPEST:
        yield "lut"
    if device.sprams and steps <= DEEPEST:
        yield "spram"
