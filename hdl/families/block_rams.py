"""What block RAMs have in common: ports that read at the clock's edge, and ports that write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from threshc.hdl.families.models import Cell, Reading, Sink, inverted, register
from threshc.hdl.logic.tables import MUX, table

Places = Iterable[tuple[int, int]]
"""Nets with numbers: address bits with their weights, data bits with their places."""

_AND = {n: table(lambda *b: int(all(b)), n) for n in (2, 3)}


def contents(cell: Cell, names: Iterable[str], groups: int, stride: int, used: int) -> bytes:
    """Returns the bits of parameters one after the other, a byte for each: of every parameter `groups` pieces of
    `stride` bits, of each piece its first `used` bits."""
    found = bytearray()
    for name in names:
        value = cell.number(name)
        for start in range(0, groups * stride, stride):
            found += bytes(value >> (start + k) & 1 for k in range(used))
    return bytes(found)


def word(cell: Cell, pin: str, width: int) -> list[int]:
    """Returns the nets of a pin, 0 for bits that are not connected."""
    nets = cell.word(pin)
    return [*nets, *[0] * (width - len(nets))]


def both(to: Sink, *nets: int) -> int:
    """Returns the conjunction of two or three nets."""
    out = to.fresh()
    to.table(out, list(nets), _AND[len(nets)])
    return out


def read_port(
    to: Sink,
    address: Places,
    data: Places,
    *,
    clock: int,
    enable: int,
    reset: int = 0,
    second: bool = False,
    second_enable: int = 1,
    written: Sequence[tuple[int, int, int]] = (),
) -> Reading:
    """Makes the registers of a read port with outputs `data`; second: another one follows, and reset clears both.

    written: what the port writes at the same edge, as `Writing.data`, where it shows that instead of what was there.
    """
    shown = {place: (net, taken) for net, place, taken in written}
    at_once = []
    for q, place in data:
        if enable == 0:
            to.same(q, 0)
            continue
        raw = to.fresh()
        at_once.append((raw, place))
        if place in shown:
            net, taken = shown[place]
            raw = to.fresh()
            to.table(raw, [taken, net, at_once[-1][0]], MUX)
        first = to.fresh() if second else q
        register(to, q=first, d=raw, clock=clock, enable=enable, reset=reset)
        if second:
            register(to, q=q, d=first, clock=clock, enable=second_enable, reset=reset)
    return Reading(tuple(address), tuple(at_once))


def weights_of_nine(bits: int) -> list[int]:
    """Returns the weights of address bits where every ninth bit has no address of its own: 1, 2, 4, 9, 18, ..."""
    return [1 << k if k < 3 else 9 << (k - 3) for k in range(bits)]


def unused_low(width: int) -> int:
    """Returns how many low address bits a port of some width does not use: 0 of 1, 3 of 8 and 9, 5 of 32 and 36."""
    return (width // 9 * 8 + width % 9).bit_length() - 1


def addressed(nets: Sequence[int], weights: Sequence[int], low: int) -> list[tuple[int, int]]:
    """Returns the address bits of a port with their weights, without the `low` lowest."""
    return list(zip(nets, weights, strict=True))[low:]


def unless(to: Sink, enable: int, write: int) -> int:
    """Returns the enable of reading, for a port whose output stays as it is while the port writes."""
    return both(to, enable, inverted(to, write)) if write != 0 else enable
