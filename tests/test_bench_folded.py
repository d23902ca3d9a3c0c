"""The benchmark of folded circuits: its naive circuit answers rightly, it reads the page of records, it sees goals."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))  # `bench` is a folder of the repository, not of the package

from bench.folded import Unit, network_rows, recorded, synapses, unit_rows, units
from bench.folded_published import PUBLISHED

ROOT = Path(__file__).parents[1]
PAGE = """# Title

| design | device | cycles a sample | LUTs | block RAMs | cells, Fmax routed | samples/s |
|---|---|---|---|---|---|---|
| TFC_1W1A, `--fold 4x49` | UP5K | 256 | 1,066 | 25 of 30 | 2,194 of 5,280, 65.1 MHz | 254,446 |
| 784-256-256-256-10, random | ECP5 | 196 | 9,000 | 40 | 150.0 MHz | 765,306 |
| 784-1024-1024-1024-10 | ECP5-85F | 512 | 11,932 | 165 of 208 | not routed | |

| design | not this |
|---|---|
| x | 3 |
"""


def test_records_are_read_by_the_names_of_columns():
    tfc, sfc, lfc = recorded(PAGE)
    assert (tfc.design, tfc.cycles, tfc.luts, tfc.brams, tfc.mhz, tfc.images) == (
        "TFC_1W1A, --fold 4x49",
        256,
        1066,
        25,
        65.1,
        254446,
    )
    assert (lfc.cycles, lfc.mhz, lfc.images) == (512, None, None)
    rows = list(network_rows([tfc, sfc, lfc]))
    peers = [(r.unit, r.peer, round(r.ratio, 2)) for r in rows if r.ratio is not None]
    assert peers == [
        ("LUT/lane", "FINN SFC-max", 0.96),
        ("images/s", "FINN SFC-max", 0.06),
        ("LUT/lane", "FINN SFC-max", 0.84),
        ("LUT/lane", "FINN LFC-max", 1.74),
    ]
    assert all("recorded" in r.name or "published" in r.name for r in rows)


def test_a_date_is_no_widths_and_the_same_is_the_line_before():
    line = "| the same, 2026-12-01 | HX8K | 256 | 1,000 | 25 | 100 MHz | 390,625 |\n"
    found = recorded(PAGE.replace("| 784-256", line + "| 784-256", 1))
    assert found[1].design == "TFC_1W1A, --fold 4x49, 2026-12-01"
    assert synapses(found[1].design) == 59_008


def test_a_page_with_other_columns_is_refused():
    with pytest.raises(ValueError, match="cycles a sample"):
        recorded(PAGE.replace("cycles a sample", "cycles"))


def test_the_page_of_this_repository_has_records():
    found = recorded((ROOT / "docs/research/folded.md").read_text(encoding="utf-8"))
    assert {synapses(line.design) for line in found} >= {59_008, 2_910_208}
    assert any(line.images for line in found)


def test_every_published_circuit_says_where_it_stands_and_what_is_not_comparable():
    assert all(p.source and p.unlike for p in PUBLISHED.values())
    assert PUBLISHED["FINN SFC-max"].a_lane == pytest.approx(4.43, abs=0.01)


@pytest.mark.parametrize(("luts", "met"), [(2048, True), (2049, False)])
def test_large_units_have_a_goal(luts, met):
    unit = Unit(16, 64, "ecp5", "threshc", luts)
    against_naive, against_goal = unit_rows([unit, replace(unit, tool="naive", luts=4096)])
    assert (against_naive.ratio, against_naive.goal) == (4096 / luts, None)
    assert (against_goal.met, against_goal.goal) == (met, 1.0)


@pytest.mark.slow
def test_both_circuits_answer_rightly_and_wrong_ones_do_not_pass(monkeypatch):
    from bench import folded
    from threshc.compiler.diagnostics import CompileError

    ours, by_hand = units([(1, 4)], ["ecp5"])
    assert (ours.tool, by_hand.tool) == ("threshc", "naive")
    assert min(ours.luts, by_hand.luts) > 20
    right = folded.naive
    monkeypatch.setattr(folded, "naive", lambda negative, start, pe, simd: right(negative, start + 1, pe, simd))
    with pytest.raises(CompileError, match="the netlist of cells does not do what the circuit does"):
        list(units([(1, 4)], ["ecp5"]))
