"""LUTs of threshold layers: threshc, da4ml, alkaid and plain sums, on the same matrices through the same Yosys.

    python -m bench.circuits [--quick] [--families ice40,ecp5,xilinx] [--peers PYTHON] [--only NAME,..] [--fmax]
                             [--json FILE]

The peers emit sums; a comparator per neuron is added in Verilog. PYTHON is one that has da4ml and alkaid (pip install).
Every netlist is simulated first: one that answers wrongly is shown as that and takes no part. Whole networks:
bench.circuits_networks.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import measure
from bench.circuits_synthesis import DEVICES, answers, count, fmax, synthesize
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output, Sum
from threshc.hdl.families.registry import table_inputs
from threshc.hdl.options import CircuitOptions
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.mapped import mapped_verilog

MATRICES = {
    "32x4 +-1": (32, 4, 1.0),
    "64x8 +-1": (64, 8, 1.0),
    "64x8 ternary": (64, 8, 0.5),
    "64x32 ternary": (64, 32, 0.5),
    "64x64 +-1": (64, 64, 1.0),
    "784x16 +-1": (784, 16, 1.0),
    "784x64 +-1": (784, 64, 1.0),
}
QUICK = ("32x4 +-1", "64x8 +-1", "64x8 ternary", "64x32 ternary")
QUICK_NAIVE = "32x4 +-1"
"""Yosys takes minutes for the plain sums of larger matrices."""
PEERS = ("da4ml", "alkaid", "alkaid-plain")
GOAL = 0.8
"""Wanted: at most this times the LUTs of the better peer."""
_LIMIT = 600  # seconds that a peer may take
_SAMPLES = 256


@dataclass(frozen=True)
class Circuit:
    """One tool's result. luts, carries, ffs: as `count` has them; depth: cells in a row; emission, yosys: seconds."""

    matrix: str
    family: str
    tool: str
    luts: int
    carries: int
    ffs: int
    depth: int
    synapses: int
    emission: float
    yosys: float
    mhz: float | None = None


def matrix(inputs: int, neurons: int, density: float) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Random weights -1, 0, 1 and thresholds near the middle of the sums over bits 0 and 1, seed 1."""
    rng = np.random.default_rng(1)
    odds = (density / 2, 1 - density, density / 2)
    weights = rng.choice(np.array([-1, 0, 1], np.int8), (neurons, inputs), p=odds)
    spread = np.sqrt((weights != 0).sum(axis=1)) / 2
    return weights, np.rint(weights.sum(axis=1) / 2 + spread * rng.normal(0, 0.5, neurons)).astype(np.int64)


def layer(weights: NDArray[np.int8], thresholds: NDArray[np.int64]) -> Network:
    """The neurons on bits, as a network."""
    rows, inputs = weights.shape
    ops = (
        Input("x", (inputs,), parse_encoding("bit")),
        Bitplanes(0),
        Sum(1, weights, np.zeros(rows, np.int64)),
        Compare(2, np.arange(rows), thresholds),
    )
    return Network("neurons", ops, (Output("y", 3, "bits", np.ones(()), np.zeros(())),))


def ours(weights: NDArray[np.int8], thresholds: NDArray[np.int64], family: str) -> tuple[str, float]:
    """(Verilog of pre-mapped cells, seconds). Its streams give and take a sample in every cycle, as the peers do."""
    network = layer(weights, thresholds)
    start = time.perf_counter()
    text = mapped_verilog(build_design(network, CircuitOptions(family=family)), family)
    seconds = time.perf_counter() - start
    rows, inputs = weights.shape
    top = f"""
module top(input clk, input [{inputs - 1}:0] x, output [{rows - 1}:0] y);
{network.name} streams(.clk(clk), .rst(1'b0), .i_payload(x), .i_valid(1'b1), .o_ready(1'b1), .o_payload(y));
endmodule
"""
    return text + top, seconds


def naive(weights: NDArray[np.int8], thresholds: NDArray[np.int64]) -> tuple[str, float]:
    """One expression per neuron: a sum of bits and inverted bits, compared."""
    start = time.perf_counter()
    rows, inputs = weights.shape
    width = inputs.bit_length()
    lines = [f"module top(input [{inputs - 1}:0] x, output [{rows - 1}:0] y);"]
    for r, (row, t) in enumerate(zip(weights.tolist(), thresholds.tolist(), strict=True)):
        terms = [f"{{{width - 1}'b0,{'~' if w < 0 else ''}x[{i}]}}" for i, w in enumerate(row) if w]
        lines.append(f"wire [{width - 1}:0] s{r} = {'+'.join(terms)};")
        lines.append(f"assign y[{r}] = s{r} >= {max(t + sum(w < 0 for w in row), 0)};")
    return "\n".join([*lines, "endmodule\n"]), time.perf_counter() - start


def peer(
    python: str, tool: str, weights: NDArray[np.int8], thresholds: NDArray[np.int64], folder: Path
) -> tuple[str, float] | None:
    """Its sums behind comparators; None when it is not there, fails or takes too long."""
    np.savez(folder / "m.npz", w=weights)
    script = str(Path(__file__).with_name("circuits_peers.py"))
    (folder / tool).mkdir(exist_ok=True)
    command = [python, script, tool, str(folder / "m.npz"), str(folder / tool)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(f"  {tool}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    about = json.loads((folder / tool / "sums.json").read_text())
    text = (folder / tool / "sums.v").read_text()
    clock = ".clk(clk), " if "input clk" in text.partition(");")[0] else ""
    size = sum(w for w, _ in about["fields"])
    rows, inputs = weights.shape
    lines = [
        f"module top(input clk, input [{inputs - 1}:0] x, output [{rows - 1}:0] y);",
        f"wire [{size - 1}:0] s; da sums({clock}.model_inp(x), .model_out(s));",
    ]
    at = 0
    for r, ((width, signed), t) in enumerate(zip(about["fields"], thresholds.tolist(), strict=True)):
        prefix = "" if signed else "1'b0, "
        value = f"$signed({{{prefix}s[{at + width - 1}:{at}]}})"
        lines.append(f"assign y[{r}] = {value} >= {t};")
        at += width
    return text + "\n" + "\n".join([*lines, "endmodule\n"]), about["seconds"]


def circuits(name: str, families: list[str], python: str | None, naively: bool, routed: bool) -> Iterator[Circuit]:
    """Every tool on one matrix. A netlist that answers wrongly is named on stderr and left out."""
    weights, thresholds = matrix(*MATRICES[name])
    samples = np.random.default_rng(2).integers(0, 2, (_SAMPLES, weights.shape[1]), np.uint8)
    wanted = samples @ weights.T.astype(np.int64) >= thresholds
    with tempfile.TemporaryDirectory(prefix="threshc-") as scratch:
        made = {tool: peer(str(python), tool, weights, thresholds, Path(scratch)) for tool in PEERS if python}
    if naively:
        made["naive"] = naive(weights, thresholds)
    for family in families:
        for tool, emitted in {"threshc": ours(weights, thresholds, family), **made}.items():
            if emitted is None:
                print(f"  {name}, {tool}: failed, or not done in {_LIMIT} s", file=sys.stderr)
                continue
            text, seconds = emitted
            found = synthesize(text, family)
            if not np.array_equal(answers(found.gates, samples), wanted):
                print(f"  {name}, {family}, {tool}: answers wrongly, left out", file=sys.stderr)
                continue
            mhz = fmax(text, family, weights.shape[1], len(weights)) if routed and family in DEVICES else None
            figures = (*count(found.cells, family), found.depth, int((weights != 0).sum()), seconds, found.seconds, mhz)
            yield Circuit(name, family, tool, *figures)


def line(c: Circuit) -> str:
    """A circuit in words."""
    routed = f", {c.mhz:.0f} MHz" if c.mhz else ""
    return (
        f"{c.matrix:16} {c.family:7} {c.tool:13} {c.luts:6} LUT {c.carries:5} carry {c.luts / c.synapses:.3f}/synapse, "
        f"depth {c.depth}, emitted {c.emission:.2f} s, Yosys {c.yosys:.1f} s{routed}"
    )


def rows(made: list[Circuit]) -> list[measure.Row]:
    """LUTs of threshc with the ratio of the best peer's; then every other figure, without a goal."""
    found = []
    for name, family in dict.fromkeys((c.matrix, c.family) for c in made):
        mine = {c.tool: c for c in made if (c.matrix, c.family) == (name, family)}
        unit = f"LUT{table_inputs(family)}"
        peers = [mine[t] for t in PEERS if t in mine]
        if peers:
            best = min(peers, key=lambda c: c.luts)
            ratio = best.luts / mine["threshc"].luts
            found.append(
                measure.Row(
                    f"{name}, {family}",
                    mine["threshc"].luts,
                    unit,
                    peer=best.tool,
                    ratio=ratio,
                    goal=1 / GOAL,
                    met=ratio >= 1 / GOAL,
                )
            )
        for c in mine.values():
            figures: dict[str, float] = {unit: c.luts, "carries": c.carries, "flip-flops": c.ffs, "cells deep": c.depth}
            figures |= {"s to emit": c.emission, "s of Yosys": c.yosys} | ({"MHz": c.mhz} if c.mhz else {})
            found += [measure.Row(f"{name}, {family}, {c.tool}", value, u) for u, value in figures.items()]
    return found


def table(made: list[Circuit]) -> str:
    """Markdown: one line per matrix and family, and the LUTs of threshc in those of the best peer."""
    tools = [t for t in ("threshc", *PEERS, "naive") if any(c.tool == t for c in made)]
    lines = ["| matrix | family | " + " | ".join(tools) + " | to the best peer |", "|" + "---|" * (len(tools) + 3)]
    for name, family in dict.fromkeys((c.matrix, c.family) for c in made):
        mine = {c.tool: c for c in made if (c.matrix, c.family) == (name, family)}
        peers = [mine[t].luts for t in PEERS if t in mine]
        ratio = f"{mine['threshc'].luts / min(peers):.2f}" if peers else "-"
        figures = [_figure(mine.get(t)) for t in tools]
        lines.append(f"| {name} | {family} | " + " | ".join(figures) + f" | {ratio} |")
    return "\n".join(lines)


def _figure(c: Circuit | None) -> str:
    if c is None:
        return "-"
    return f"{c.luts:,}" + (f" + {c.carries:,}" if c.carries else "") + (f", {c.mhz:.0f} MHz" if c.mhz else "")


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.circuits")
    parser.add_argument("--quick", action="store_true", help="the small matrices, plain sums of the smallest only")
    parser.add_argument("--families", default="ice40,ecp5,xilinx")
    parser.add_argument("--peers", metavar="PYTHON", help="a Python that has da4ml and alkaid")
    parser.add_argument("--only", metavar="NAME,..", help=", ".join(MATRICES))
    parser.add_argument("--no-naive", action="store_true")
    parser.add_argument("--fmax", action="store_true", help="place and route too, on an HX8K and an ECP5-85F")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    names = chosen.only.split(",") if chosen.only else QUICK if chosen.quick else tuple(MATRICES)
    made: list[Circuit] = []
    for name in names:
        naively = not chosen.no_naive and (name == QUICK_NAIVE or not chosen.quick)
        for found in circuits(name, chosen.families.split(","), chosen.peers, naively, chosen.fmax):
            print(line(found), flush=True)
            made.append(found)
        if chosen.json:
            measure.write_rows(rows(made), chosen.json)
    print(table(made))


if __name__ == "__main__":
    main()
