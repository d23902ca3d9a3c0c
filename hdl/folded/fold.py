"""How each layer of a chain is made, as a text: `16x56,unrolled,1x16:lut@14`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.folded.layer import Store

UNROLLED, POSITION, POOL = "unrolled", "position", "pool"
STORES: Mapping[str, Store] = {"": "block", ":lut": "lut", ":spram": "spram"}
"""By what is written behind PE x SIMD."""
SERIAL = ":serial"
"""Behind that, for inputs' bits one after the other."""
ROWS = ":rows"
"""Behind that, for a row of weights for every threshold."""
_COUNTED = r"([1-9][0-9]{0,5})"
_FOLD = re.compile(rf"{_COUNTED}x{_COUNTED}(:lut|:spram)?({SERIAL})?({ROWS})?(?::b{_COUNTED})?(?::q{_COUNTED})?")
_COUNT = re.compile(r"[1-9][0-9]{0,5}")
_HINT = (
    "auto, or PExSIMD of every layer, as in 16x56,8x16,1x16; 32x56:lut has weights in look-up tables, "
    f"1x16:spram in UP5K's SPRAM, 4x16{SERIAL} adds inputs bit by bit, 16x56{ROWS} has a row of weights for every "
    f"threshold; {UNROLLED} stays unrolled, {POSITION} is unrolled for one position after the other, "
    f"{POOL} is a pooling in the stream; or a plan.json that `threshc plan -o` wrote"
)


class Fold(NamedTuple):
    """The folding of a layer: neurons and inputs of each at a time, and what its weights stand in. buffer: chunks that
    it holds, queue: places for answers, 0 for as many as let nothing wait that need not (`places.py`). serial: of
    inputs of several bits, these are added one after the other, the highest of all inputs first. rows: several
    thresholds of a neuron are as many neurons, each with its weights."""

    pe: int
    simd: int
    store: Store = "block"
    buffer: int = 0
    queue: int = 0
    serial: bool = False
    rows: bool = False

    def __str__(self) -> str:
        store = "" if self.store == "block" else f":{self.store}"
        places = "".join(f":{letter}{count}" for letter, count in (("b", self.buffer), ("q", self.queue)) if count)
        ways = (SERIAL if self.serial else "") + (ROWS if self.rows else "")
        return f"{self.pe}x{self.simd}{store}{ways}{places}"

    @property
    def whole(self) -> bool:
        """Whether several thresholds of a neuron are those of one sum; planes that are added one by one have rows."""
        return not (self.rows or self.serial)

    def as_dict(self) -> dict[str, object]:
        """Returns it for JSON, with serial, rows, buffer and queue where they are stated."""
        more = {"serial": self.serial, "rows": self.rows, "buffer": self.buffer, "queue": self.queue}
        found: dict[str, object] = {"kind": "folded", "pe": self.pe, "simd": self.simd, "store": self.store}
        return found | {name: value for name, value in more.items() if value}


class Unrolled(NamedTuple):
    """A layer that stays unrolled: a sample in every cycle. Neighbours of this kind are one unit."""

    def __str__(self) -> str:
        return UNROLLED

    def as_dict(self) -> dict[str, object]:
        """Returns it for JSON."""
        return {"kind": UNROLLED}


class ByPosition(NamedTuple):
    """A layer of maps whose circuit is that of one position, unrolled: a position in every cycle."""

    def __str__(self) -> str:
        return POSITION

    def as_dict(self) -> dict[str, object]:
        """Returns it for JSON."""
        return {"kind": POSITION}


class Pooled(NamedTuple):
    """A pooling in the stream, a beat a cycle."""

    kind: str = POOL

    def __str__(self) -> str:
        return self.kind

    def as_dict(self) -> dict[str, object]:
        """Returns it for JSON."""
        return {"kind": self.kind}


WHOLE: Mapping[str, Unrolled | ByPosition | Pooled] = {UNROLLED: Unrolled(), POSITION: ByPosition(), POOL: Pooled()}
"""Choices without numbers, by their words."""
Choice = Fold | Unrolled | ByPosition | Pooled
"""What a layer of a chain is."""


def parse(text: str) -> tuple[tuple[Choice, ...], int]:
    """Returns what a text makes of each layer, and the features in a beat, 0 where it says nothing of them.

    PE x SIMD of every layer, `16x56,8x16,1x16`; `:lut` behind one: its weights in look-up tables, `:spram`: in SPRAM;
    `:serial` behind that: inputs' bits one after the other; `:rows`: a row of weights for every threshold of a neuron;
    `:b32` behind that: a buffer of 32 chunks, `:q2`: a queue of 2 places; `unrolled` in place of one: the layer stays
    unrolled; `position`: it is unrolled for one position after the other; `pool`: a pooling in the stream; `@14` at the
    end: 14 features in a beat. Raises CompileError for other texts.
    """
    given: object = text
    if not isinstance(given, str):
        raise fail(f"fold {given!r} is not understood", where=option("fold"), hint=_HINT)
    layers, at, entry = text.partition("@")
    folds: list[Choice] = []
    for part in layers.split(","):
        word = part.strip()
        if word in WHOLE:
            folds.append(WHOLE[word])
            continue
        found = _FOLD.fullmatch(word)
        if found is None:
            raise fail(f"{word!r} is not the folding of a layer", where=option("fold"), hint=_HINT)
        ways, places = (bool(found[4]), bool(found[5])), (int(found[6] or 0), int(found[7] or 0))
        folds.append(Fold(int(found[1]), int(found[2]), STORES[found[3] or ""], *places, *ways))
    if at and not _COUNT.fullmatch(entry.strip()):
        raise fail(f"{entry.strip()!r} is not a number of features", where=option("fold"), hint=_HINT)
    return tuple(folds), int(entry) if at else 0


def as_text(choices: Sequence[Choice], entry: int) -> str:
    """Returns the text that `parse` reads. entry: features in a beat, 0 for as the first layer takes them."""
    return ",".join(map(str, choices)) + (f"@{entry}" if entry else "")
