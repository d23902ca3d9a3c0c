"""The link between a board and its host: which one, and on which pins."""

from __future__ import annotations

import re
from dataclasses import dataclass

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.targets.base import Target

UART, SPI, FT245 = "uart", "spi", "ft245"
PINS = {
    SPI: ("sck", "cs", "copi", "cipo"),
    FT245: (*(f"d{k}" for k in range(8)), "rxf", "txe", "rd", "wr"),
}
"""The pins of every kind of link but the UART, whose pins every board has."""


@dataclass(frozen=True, slots=True)
class Link:
    """kind: uart, or a key of PINS; pins: where it is on the board, by name; empty for the UART."""

    kind: str = UART
    pins: tuple[tuple[str, str], ...] = ()


SERIAL_PORT = Link()


def checked_kind(text: str) -> str:
    """Returns the kind of a link such as `spi`, also of `spi:sck=20,..`. Raises CompileError for an unknown one."""
    kind = text.partition(":")[0]
    if kind not in (UART, *PINS):
        raise fail(f"there is no link {kind!r}", where=option("link"), hint=", ".join((UART, *PINS)))
    return kind


def link_of(text: str, target: Target) -> Link:
    """Returns the link that a text asks for: `uart`, `spi`, or with pins of one's own `spi:sck=20,cs=26,..`.

    Raises CompileError for a kind or a pin that is not known, pins that are missing or named twice, a bare device, and
    a board of which no pins are known for the kind.
    """
    kind, colon, rest = checked_kind(text), ":" in text, text.partition(":")[2]
    if kind == UART:
        if colon:
            raise fail("the UART has the board's own pins", where=option("link"), hint="omit what is behind the colon")
        return SERIAL_PORT
    if target.board is None:
        raise fail(
            f"{target.name} has no {kind.upper()}: it is a bare device", where=option("link"), hint="choose a board"
        )
    names = PINS[kind]
    example = f"{kind}:" + ",".join(f"{name}=PIN" for name in names)
    if not colon:
        known = dict(target.links).get(kind)
        if known is None:
            hint = f"name them: {option('link', example)}"
            raise fail(f"no pins are known for {kind.upper()} on {target.name}", where=option("link"), hint=hint)
        return Link(kind, tuple(zip(names, known, strict=True)))
    pairs = re.findall(r"(\w+)=(\w+)(?:,|$)", rest)
    given = dict(pairs)
    if ",".join(f"{name}={pin}" for name, pin in pairs) != rest or sorted(name for name, _ in pairs) != sorted(names):
        raise fail(f"the pins {rest!r} are not understood", where=option("link"), hint=example)
    if len(set(given.values())) < len(names):
        raise fail(f"one pin has two names in {rest!r}", where=option("link"), hint=example)
    return Link(kind, tuple((name, given[name]) for name in names))
