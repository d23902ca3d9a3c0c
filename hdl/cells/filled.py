"""Netlists whose memories are filled at start, as they are once that is done."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from threshc.hdl.cells.gates import Gates
from threshc.hdl.interface import Interface

_LOADED = re.compile(r"layer_(\d+)\.weights\.spram_(\d+)$")
"""Names of the cells, as the modules of folded layers have them."""


def filled(gates: Gates, interface: Interface) -> Gates:
    """Returns a netlist with the contents of the memories that `interface.load` fills; others unchanged."""
    if interface.load is None:
        return gates
    names = [_LOADED.search(gates.cells[block.cell].name) for block in gates.blocks]
    found = {(int(name[1]), int(name[2])): k for k, name in enumerate(names) if name is not None}
    blocks = list(gates.blocks)
    for at, words in zip(sorted(found), interface.load.contents, strict=True):
        block = blocks[found[at]]
        bits = np.unpackbits(words.astype("<u2").view(np.uint8), bitorder="little").tobytes()
        blocks[found[at]] = block._replace(bits=bits + block.bits[len(bits) :])
    return replace(gates, blocks=blocks)
