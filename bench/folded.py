"""Folded circuits: tables a lane against a naive one through the same Yosys; cycles and images/s beside published ones.

    python -m bench.folded [--quick] [--route] [--json FILE]

Units are synthesized in this run, and their netlists simulated with bubbles and stalls first: one that answers wrongly
ends the run (those of Xilinx, whose block RAM has no model here, are counted only). LUT/lane of a network are its
tables for every synapse that it computes in a cycle. Cycles are computed in this run.
What is routed comes from docs/research/folded.md and is called recorded, unless --route is given: then
examples/mnist_folded is built here. --quick: the smallest unit alone.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import measure
from bench.circuits import layer, matrix
from bench.circuits_synthesis import count, synthesize_in
from bench.folded_naive import naive
from bench.folded_published import PUBLISHED, finn_r
from bench.networks import DENSE
from threshc.hdl.cells.drive import exercise_network
from threshc.hdl.cells.read import read_netlist
from threshc.hdl.families.registry import table_inputs
from threshc.hdl.folded.build import folded_chain
from threshc.hdl.folded.fold import Fold

ROOT = Path(__file__).parents[1]
SIZES = ((4, 32), (16, 32), (16, 64), (16, 128))
QUICK = SIZES[:1]
FAMILIES = ("ecp5", "ice40", "xilinx")
SIMULATED = ("ecp5", "ice40")
A_LANE = 2.0
"""Wanted: at most so many LUT4 a lane, of whole units of 16x64 and larger."""
OF_FINN_R = 0.85
"""Wanted: at most this share of FINN-R's formula, in LUT6, of the same units."""
_LARGE = 16 * 64
_SAMPLES = 256


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as Yosys counts it. tool: threshc or naive."""

    pe: int
    simd: int
    family: str
    tool: str
    luts: int

    @property
    def a_lane(self) -> float:
        return self.luts / (self.pe * self.simd)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A line of the table in docs/research/folded.md; what it does not state is None."""

    design: str
    device: str
    cycles: int
    luts: int | None
    brams: int | None
    mhz: float | None
    images: float | None


def units(sizes: Sequence[tuple[int, int]], families: Sequence[str]) -> Iterator[Unit]:
    """Ours and the naive one of every size: 16 groups of rows, 8 chunks of columns, weights of +-1, seed 1."""
    for pe, simd in sizes:
        weights, thresholds = matrix(8 * simd, 16 * pe, 1.0)
        network = replace(layer(weights, thresholds), name="top")
        x = np.random.default_rng(2).integers(0, 2, (_SAMPLES, weights.shape[1]), np.uint8)
        answers = (x @ weights.T.astype(np.int64) >= thresholds).astype(np.uint8)
        for family in families:
            inputs = min(table_inputs(family), 6)
            chain = folded_chain(network, [Fold(pe, simd)], entry=simd, inputs=inputs)
            by_hand = naive((weights < 0).astype(np.uint8), -thresholds, pe, simd)
            for tool, (text, files) in {"threshc": (chain.mapped(family), chain.files()), "naive": by_hand}.items():
                with tempfile.TemporaryDirectory(prefix="threshc-") as name:
                    folder = Path(name)
                    for file, content in files.items():
                        (folder / file).write_text(content)
                    cells, seconds = synthesize_in(folder, text, family)
                    if family in SIMULATED:
                        gates = read_netlist(folder / "top.json", family, "top")
                        exercise_network(gates, chain.interface, _packed(x), _packed(answers))
                found = Unit(pe, simd, family, tool, count(cells, family)[0])
                about = f"{found.luts:6} LUT, {found.a_lane:.2f} a lane, Yosys {seconds:.1f} s"
                print(f"{pe:3}x{simd:<4}{family:8}{tool:8}{about}", flush=True)
                yield found


def _packed(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.packbits(bits, axis=1, bitorder="little")


def unit_rows(made: Sequence[Unit]) -> Iterator[measure.Row]:
    """Tables a lane of every unit against the naive one; of large ones against the goals too."""
    for ours in (u for u in made if u.tool == "threshc"):
        name = f"unit {ours.pe}x{ours.simd}, {ours.family}"
        unit = f"LUT{table_inputs(ours.family)}/lane"
        by_hand = next(u for u in made if u.tool == "naive" and _same(u, ours))
        yield measure.Row(name, ours.a_lane, unit, peer="naive RTL", ratio=by_hand.luts / ours.luts)
        if ours.pe * ours.simd < _LARGE:
            continue
        if ours.family == "xilinx":
            limit, peer = OF_FINN_R * finn_r(ours.pe, ours.simd), f"{OF_FINN_R} of FINN-R's 300 + 1.1 a lane"
        else:
            limit, peer = A_LANE * ours.pe * ours.simd, f"{A_LANE} a lane"
        ratio = limit / ours.luts
        yield measure.Row(name, ours.luts, unit.partition("/")[0], peer=peer, ratio=ratio, goal=1.0, met=ratio >= 1)


def _same(one: Unit, other: Unit) -> bool:
    return (one.pe, one.simd, one.family) == (other.pe, other.simd, other.family)


def recorded(page: str) -> list[Recorded]:
    """The lines of the page's first table, by the names of its columns. Raises ValueError where it has others."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line[:1] == "|"]
    head = lines[0]
    names = ("design", "device", "cycles a sample", "LUTs", "block RAMs", "cells, Fmax routed", "samples/s")
    design, device, cycles, luts, brams, routed, images = map(head.index, names)
    found = []
    for line in lines[2:]:
        if len(line) < len(head) or not re.match(r"[\d,]+$", line[cycles]):
            break
        mhz = re.search(r"([\d.]+) MHz", line[routed])
        if line[design].startswith("the same") and found:
            line[design] = f"{found[-1].design}{line[design].removeprefix('the same')}"
        found.append(
            Recorded(
                line[design].replace("`", ""),
                line[device],
                int(line[cycles].replace(",", "")),
                _number(line[luts]),
                _number(line[brams]),
                float(mhz[1]) if mhz else None,
                _number(line[images]),
            )
        )
    return found


def _number(cell: str) -> int | None:
    match = re.match(r"\d[\d,]*", cell)
    return int(match[0].replace(",", "")) if match else None


def synapses(design: str) -> int | None:
    """Of a design whose text has widths (784-256-10), or else a name (TFC, SFC, LFC), the weights of its layers."""
    widths = re.search(r"\d+(-\d+){2,}", re.sub(r"\b20\d\d-\d\d-\d\d\b", "", design))
    name = next((n for n in DENSE if n in design), None)
    sizes = [int(n) for n in widths[0].split("-")] if widths else DENSE[name] if name else ()
    return sum(a * b for a, b in pairwise(sizes)) or None


def network_rows(found: Sequence[Recorded]) -> Iterator[measure.Row]:
    """Figures of recorded builds, beside those of published circuits of the same network, then these."""
    for line in found:
        name, size = f"{line.design}, {line.device}, recorded", synapses(line.design)
        for value, unit in ((line.cycles, "cycles"), (line.mhz, "MHz"), (line.luts, "LUT"), (line.brams, "block RAM")):
            if value is not None:
                yield measure.Row(name, value, unit)
        if line.images is not None:
            peer = next((p for p in PUBLISHED.values() if p.synapses == size and p.images), None)
            ratio = line.images / float(peer.images or 1) if peer else None
            yield measure.Row(name, line.images, "images/s", peer=peer and peer.name, ratio=ratio)
        if line.luts is not None and size is not None:
            a_lane = line.luts * line.cycles / size
            nearest = PUBLISHED["FINN LFC-max" if size > 10**6 else "FINN SFC-max"]
            yield measure.Row(name, a_lane, "LUT/lane", peer=nearest.name, ratio=float(nearest.a_lane or 0) / a_lane)
    for p in PUBLISHED.values():
        for figure, unit in ((p.images, "images/s"), (p.luts, "LUT"), (p.a_lane, "LUT/lane"), (p.mhz, "MHz")):
            if figure is not None:
                yield measure.Row(f"{p.name}, published", figure, unit)


def routed_rows() -> Iterator[measure.Row]:
    """examples/mnist_folded, built for its chip in this run."""
    import threshc

    example = ROOT / "examples/mnist_folded"
    fold = re.search(r"mnist_folded\.onnx\.gz .*--fold (\S+)", (example / "README.md").read_text(encoding="utf-8"))
    assert fold
    with tempfile.TemporaryDirectory(prefix="threshc-") as name:
        made = threshc.build(
            example / "mnist_folded.onnx.gz", Path(name) / "out", target="up5k-sg48", fold=fold[1]
        ).build
    assert made is not None
    peer, what = PUBLISHED["FINN SFC-fix"], "examples/mnist_folded, UP5K, routed now"
    for value, unit in ((made.fmax_hz / 1e6, "MHz"), (made.interval_cycles, "cycles"), (made.network.luts, "LUT")):
        yield measure.Row(what, value, unit)
    ratio = made.samples_per_second / float(peer.images or 1)
    yield measure.Row(what, made.samples_per_second, "images/s", peer=peer.name, ratio=ratio)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.folded", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the smallest unit, on ECP5")
    parser.add_argument("--route", action="store_true", help="build examples/mnist_folded too: minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows as a JSON list")
    chosen = parser.parse_args(arguments)
    made = list(units(QUICK if chosen.quick else SIZES, FAMILIES[:1] if chosen.quick else FAMILIES))
    page = (ROOT / "docs/research/folded.md").read_text(encoding="utf-8")
    rows = [*unit_rows(made), *network_rows(recorded(page)), *(routed_rows() if chosen.route else ())]
    for published in PUBLISHED.values():
        print(f"{published.name}: {published.source}; {published.unlike}")
    return measure.report("folded circuits", rows, chosen.json)


if __name__ == "__main__":
    raise SystemExit(main())
