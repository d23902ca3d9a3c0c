"""The pictures of folded circuits are what the cycle model says, and readable as XML."""

import runpy
import sys
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "docs/make_folded_pictures.py"


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


def test_pictures_are_up_to_date(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--check"])
    assert script["main"]() == 0, capsys.readouterr().out
    monkeypatch.setitem(script["main"].__globals__, "PICTURES", {"folded-steady.svg": "01"})
    assert script["main"]() == 1
    assert "folded-steady.svg is out of date" in capsys.readouterr().out


def test_every_step_is_drawn_once_in_order(script):
    layer = script["Seen"](chunks=4, groups=2, places=8, queue=1, latency=3)
    sink = script["schedule"].Sink(pattern=[0, 0, 0, 1])
    script["schedule"].run([layer, sink], 12)
    steps = layer.steps()
    assert len(steps) == 24
    assert all(a < b for a, b in pairwise(steps))


@pytest.mark.parametrize("name", ["folded-steady.svg", "folded-waits.svg"])
def test_pictures_are_read_and_named_by_the_page(name):
    page = ROOT / "docs/explanation/folded.md"
    assert f"({name})" in page.read_text(encoding="utf-8")
    picture = ElementTree.parse(page.parent / name).getroot()
    assert "aria-label" in picture.attrib
