"""Weights in UP5K's SPRAM: planned, simulated as if loaded, its cells written and read back, refused elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from test_folded_network import signs_network

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.storage import save
from threshc.hdl.chain import build
from threshc.hdl.families.registry import families
from threshc.hdl.flow.prove_memories import check_memory, synthesized
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.fold import parse
from threshc.hdl.folded.loaded import columns
from threshc.hdl.folded.network import folded_network
from threshc.hdl.folded.plan import smallest
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.targets.hx8k_ct256 import TARGET as HX8K
from threshc.hdl.targets.up5k_sg48 import UP5K
from threshc.sim import rtl

FOLD = "2x6:spram,1x8:spram,1x6@6"
SIZES = (12, 8, 6, 5)


def network() -> Network:
    return signs_network(np.random.default_rng(3), SIZES, pixels=True)


def chain() -> FoldedChain:
    folds, entry = parse(FOLD)
    return folded_chain(network(), folds, entry=entry)


@pytest.mark.parametrize("width", [1, 15, 16, 17, 40])
def test_columns_hold_the_words(width: int) -> None:
    words = np.random.default_rng(width).integers(0, 2, (9, width)).astype(np.uint8)
    found = columns(words)
    assert len(found) == -(-width // 16)
    for row in range(9):
        whole = sum(int(column[row]) << (16 * k) for k, column in enumerate(found))
        assert whole == sum(int(bit) << k for k, bit in enumerate(words[row]))


def test_the_port_for_loading() -> None:
    made = chain()
    load = made.interface.load
    assert load is not None
    assert [len(words) for words in load.contents] == [8, 8, 6]
    assert load.ports == [("load_write", 3), ("load_address", 3), ("load_data", 16)]
    text = made.mapped("ice40")
    assert text.count("SB_SPRAM256KA") == 3
    assert "load_write" in made.verilog()
    assert folded_chain(network(), parse("2x6,1x8,1x6")[0]).interface.load is None


@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["amaranth", "icarus", "verilator"])
def test_simulated_as_if_loaded(simulator: str, tmp_path: Path) -> None:
    missing = rtl.available()[simulator]  # type: ignore[index]
    if missing:
        pytest.skip(missing)
    save(network(), tmp_path / "m.thresh")
    report = threshc.verify(tmp_path / "m.thresh", samples=30, fold=FOLD, simulator=simulator)
    (check,) = [c for c in report.checks if c.name == "reference = RTL"]
    assert check.equal
    assert check.bits == 30 * (12 + 8 + 6)


@pytest.mark.slow
def test_cells_are_written_and_read_back(tmp_path: Path) -> None:
    unit = chain().units[0]
    netlist = synthesized(unit, "ice40", tmp_path)
    assert check_memory(unit, netlist, "ice40") == unit.layer.interval
    data = json.loads(netlist.read_text())
    cells = data["modules"]["signs_layer0_weights"]["cells"]
    rams = [cell for cell in cells.values() if cell["type"] == "SB_SPRAM256KA"]
    assert len(rams) == 2
    for pin in ("DATAIN", "ADDRESS", "WREN"):  # each way to wire one of them wrongly
        wrong = json.loads(json.dumps(data))
        ram = next(
            c for c in wrong["modules"]["signs_layer0_weights"]["cells"].values() if c["type"] == "SB_SPRAM256KA"
        )
        nets = ram["connections"][pin]
        ram["connections"][pin] = {"DATAIN": nets[::-1], "ADDRESS": ["0", *nets[1:]], "WREN": ["1"]}[pin]
        changed = tmp_path / f"{pin}.json"
        changed.write_text(json.dumps(wrong))
        with pytest.raises(Unproved, match="the memory of layer"):
            check_memory(unit, changed, "ice40")


def test_plans_take_it_where_block_ram_is_too_small() -> None:
    read = folded_network(signs_network(np.random.default_rng(0), (784, 256, 256, 10), pixels=True))
    found = smallest(read, UP5K, 8192)
    assert found is not None
    assert 0 < found.sprams <= 4
    assert ":spram" in str(found)
    assert smallest(read, HX8K.device, 8192) is None


@pytest.mark.parametrize("family", sorted(families().keys() - {"ice40"}))
def test_other_families_have_none(family: str) -> None:
    with pytest.raises(CompileError, match="has no SPRAM") as caught:
        build(network(), CircuitOptions(fold=FOLD, family=family))
    assert "\n  try: omit :spram" in str(caught.value)


def test_one_that_is_too_small() -> None:
    big = signs_network(np.random.default_rng(0), (784, 256, 10), pixels=True)
    with pytest.raises(CompileError, match="200,704 weight words do not fit an SPRAM") as caught:
        folded_chain(big, parse("1x1:spram,1x1")[0])
    assert "try: PE times SIMD of 13 or more" in str(caught.value)
