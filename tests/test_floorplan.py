"""Places of block RAMs of large folded circuits: each once, layer by layer, and kept by Yosys and nextpnr."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from test_folded_network import signs_network

import threshc
from threshc.hdl.chain import build
from threshc.hdl.families.registry import family
from threshc.hdl.flow import floorplan
from threshc.hdl.flow.floorplan import placed_memories, spread
from threshc.hdl.flow.project import make_plan
from threshc.hdl.flow.synthesis import synthesis_script
from threshc.hdl.options import CircuitOptions
from threshc.hdl.shell.top import make_top
from threshc.hdl.targets.registry import target, targets

SMALL = "8x8,4x16,1x4@4"


@pytest.mark.parametrize("name", [name for name, some in targets().items() if some.device.ram_rows])
def test_devices_have_as_many_places_as_block_rams(name: str) -> None:
    device = target(name).device
    assert 4 * len(device.ram_columns) * len(device.ram_rows) == device.brams
    assert len(set(spread({"all": device.brams}, device)["all"])) == device.brams


def test_layers_stand_one_after_the_other() -> None:
    counts = {"layer_2": 45, "layer_4": 58, "layer_6": 58, "layer_8": 1}
    found = spread(counts, target("ecp5-85f").device)
    assert {name: len(places) for name, places in found.items()} == counts
    assert len({place for places in found.values() for place in places}) == sum(counts.values())
    columns = [[int(place.split("/")[0][1:]) for place in places] for places in found.values()]
    assert columns == [sorted(some) for some in columns]
    rows = [{int(place.split("/")[1][1:]) for place in places} for places in found.values()]
    assert rows == [{22, 46}, {46, 70}, {70, 82}, {82}]


def test_small_circuits_are_left_to_nextpnr() -> None:
    device = target("ecp5-25f").device
    chain = build(signs_network(np.random.default_rng(0), (64, 32, 16, 10), pixels=True), CircuitOptions(fold=SMALL))
    assert placed_memories(chain, chain.mapped("ecp5"), device) == []
    assert synthesis_script(family("ecp5"), "m") == synthesis_script(family("ecp5"), "m", [])


@pytest.mark.slow
def test_places_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floorplan, "CROWDED", 1)
    network = signs_network(np.random.default_rng(0), (64, 32, 16, 10), pixels=True)
    threshc.build(network, tmp_path / "out", target="ecp5-25f", fold=SMALL, samples=4)
    chain = build(network, CircuitOptions(fold=SMALL, family="ecp5"))
    said = placed_memories(chain, chain.mapped("ecp5"), target("ecp5-25f").device)
    assert said
    modules = json.loads((tmp_path / "out/project/top.json").read_text())["modules"].values()  # nextpnr refuses others
    cells = {name: cell for module in modules for name, cell in module.get("cells", {}).items()}
    for line in said:
        _, place, name = line.split('"')
        found = [cell for cell in cells if cell.endswith(name.removeprefix(" c:*"))]
        assert [cells[cell]["attributes"].get("BEL") for cell in found] == [place]


def test_crowded_circuits_take_the_second_router(monkeypatch: pytest.MonkeyPatch) -> None:
    network = signs_network(np.random.default_rng(0), (64, 32, 16, 10), pixels=True)
    chain, chosen = build(network, CircuitOptions(fold=SMALL, family="ecp5")), target("ecp5-25f")
    top = make_top(chain.interface, chosen, 115200)
    usual = make_plan(chain, chosen, top, freq_hz=None, seed=1)
    assert not any("router2" in step.arguments for step in usual.steps)
    monkeypatch.setattr(floorplan, "CROWDED", 1)
    crowded = make_plan(chain, chosen, top, freq_hz=None, seed=1)
    assert ["router2" in step.arguments for step in crowded.steps] == [False, True, False]
    assert crowded.files["synth.ys"].count("setattr -set BEL") == 7
