"""Weight memories read back from what Yosys makes of them: all words, and every changed bit of an INIT string."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from threshc.hdl.flow.prove_memories import check_memory, synthesized
from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.unit import FoldedUnit, Store, folded_unit
from threshc.hdl.proof.bits import Unproved


def _unit(store: Store, columns: int = 24, pe: int = 2, simd: int = 6) -> FoldedUnit:
    rng = np.random.default_rng(0)
    layer = FoldedLayer("l", rng.choice([-1, 1], (16, columns)), rng.integers(-5, 6, 16), pe, simd)
    return folded_unit("l", layer, store=store)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "store", "strings", "size"),
    [
        ("ecp5", "block", "INITVAL_", ()),
        ("ice40", "block", "INIT_", ()),
        ("gowin", "block", "INIT_RAM_", ()),
        ("gatemate", "block", "INIT_", ()),
        ("gatemate", "block", "INIT_", (300, 1, 1)),
        ("gatemate", "block", "INIT_", (120, 4, 30)),
        ("ecp5", "lut", "INIT", ()),
    ],
)
def test_every_bit_is_read_back(family: str, store: Store, strings: str, size: tuple[int, ...], tmp_path: Path) -> None:
    """A bit that is 1 in an INIT string is one of the memory: without it, the memory is refused."""
    unit = _unit(store, *size)
    netlist = synthesized(unit, family, tmp_path)
    assert check_memory(unit, netlist, family) == unit.layer.interval
    text = netlist.read_text()
    cells = json.loads(text)["modules"]["l_weights"]["cells"]
    ones = [
        (cell, name, k)
        for cell, made in cells.items()
        for name, value in made["parameters"].items()
        if name.startswith(strings) and set(value) <= set("01")
        for k, bit in enumerate(value)
        if bit == "1"
    ]
    rng = np.random.default_rng(1)
    changed = tmp_path / "changed.json"
    for at in rng.permutation(len(ones))[:25]:
        cell, name, k = ones[at]
        data = json.loads(text)
        given = data["modules"]["l_weights"]["cells"][cell]["parameters"]
        given[name] = given[name][:k] + "0" + given[name][k + 1 :]
        changed.write_text(json.dumps(data))
        with pytest.raises(Unproved, match="the memory of layer l"):
            check_memory(unit, changed, family)
