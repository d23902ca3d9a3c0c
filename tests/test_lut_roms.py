"""Weight memories of look-up tables in ECP5's own cells: a table a bit, an address for every neuron."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from threshc.hdl.families.registry import family
from threshc.hdl.flow.prove_memories import check_memory, synthesized
from threshc.hdl.folded.layer import FoldedLayer
from threshc.hdl.folded.unit import FoldedUnit, folded_unit
from threshc.hdl.proof.bits import Unproved


def _unit(rows: int, columns: int, pe: int, simd: int) -> FoldedUnit:
    rng = np.random.default_rng(rows + columns)
    weights = rng.choice(np.array([-1, 1], np.int8), (rows, columns))
    start = rng.integers(-9, 9, rows).astype(np.int64)
    return folded_unit("unit", FoldedLayer("layer", weights, start, pe, simd), store="lut")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "columns", "pe", "simd"), [(8, 32, 4, 4), (6, 20, 3, 4), (4, 12, 4, 12), (14, 8, 1, 8)]
)
def test_every_word_is_read_back(rows: int, columns: int, pe: int, simd: int, tmp_path: Path) -> None:
    unit = _unit(rows, columns, pe, simd)
    netlist = synthesized(unit, "ecp5", tmp_path)
    assert check_memory(unit, netlist, "ecp5") == unit.layer.interval
    cells = json.loads(netlist.read_text())["modules"]["unit_weights"]["cells"]
    kinds = [cell["type"] for cell in cells.values()]
    words, bits = unit.layer.words(), max(unit.layer.interval - 1, 1).bit_length()
    pieces = words.reshape(len(words), pe, -1).transpose(1, 2, 0)
    tables = [{row.tobytes() for row in piece if 0 < row.sum() < len(words)} for piece in pieces]
    assert kinds.count("LUT4") == sum(map(len, tables))
    assert kinds.count("TRELLIS_FF") <= words.shape[1] + pe * bits
    addresses = [n for n, cell in cells.items() if cell["type"] == "TRELLIS_FF" and n.startswith("a")]
    assert len(addresses) == sum(map(bool, tables)) * bits


@pytest.mark.slow
def test_another_table_is_refused(tmp_path: Path) -> None:
    unit = _unit(8, 32, 4, 4)
    netlist = synthesized(unit, "ecp5", tmp_path)
    made = json.loads(netlist.read_text())
    cells = made["modules"]["unit_weights"]["cells"]
    one = next(cell for cell in cells.values() if cell["type"] == "LUT4")
    init = one["parameters"]["INIT"]
    one["parameters"]["INIT"] = init[:-3] + "01"[init[-3] == "0"] + init[-2:]
    netlist.write_text(json.dumps(made))
    with pytest.raises(Unproved, match="another word at address 2"):
        check_memory(unit, netlist, "ecp5")


def test_deep_memories_are_left_to_synthesis() -> None:
    unit = _unit(64, 64, 4, 4)
    assert unit.layer.interval > 16
    assert "keep" not in unit.modules(family("ecp5"))
    assert "keep" in _unit(8, 32, 4, 4).modules(family("ecp5"))
    assert "keep" not in _unit(8, 32, 4, 4).modules(family("ice40"))
