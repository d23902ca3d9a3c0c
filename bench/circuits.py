"""LUTs of threshold layers: threshc, da4ml, alkaid and plain sums, on the same matrices through the same Yosys.

    python -m bench.circuits [--quick] [--families ice40,ecp5,xilinx] [--peers PYTHON] [--only NAME,..] [--json FILE]

The peers emit sums; a comparator per neuron is added in Verilog. PYTHON is one that has da4ml and alkaid (pip install).
Whole networks: bench.circuits_networks.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Input, Output, Sum
from threshc.hdl.design import build_design
from threshc.hdl.flow.tools import find_tools, run_tool

MATRICES = {
    "32x4 +-1": (32, 4, 1.0),
    "64x8 +-1": (64, 8, 1.0),
    "64x8 ternary": (64, 8, 0.5),
    "64x32 ternary": (64, 32, 0.5),
    "64x64 +-1": (64, 64, 1.0),
    "784x16 +-1": (784, 16, 1.0),
    "784x64 +-1": (784, 64, 1.0),
}
QUICK = ("32x4 +-1", "64x8 +-1", "64x8 ternary", "64x32 ternary", "64x64 +-1")
SYNTH = {
    "ice40": "synth_ice40 -top top",
    "ecp5": "synth_ecp5 -top top",
    "xilinx": "synth_xilinx -top top -noiopad -noclkbuf -nosrl -nodsp",
}
PEERS = ("da4ml", "alkaid", "alkaid-plain")
GOAL = 0.8
"""Wanted: at most this times the LUTs of the better peer."""
_LIMIT = 600  # seconds that a peer or Yosys may take


@dataclass(frozen=True)
class Row:
    """One circuit. luts: LUT4 (with two per CCU2C) or LUT1 to LUT6 and INV; carries: SB_CARRY, CCU2C or CARRY4."""

    matrix: str
    family: str
    tool: str
    luts: int
    carries: int
    ffs: int
    synapses: int
    emission: float
    yosys: float


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
    return Network("top", ops, (Output("y", 3, "bits", np.ones(()), np.zeros(())),))


def ours(weights: NDArray[np.int8], thresholds: NDArray[np.int64], family: str) -> tuple[str, float]:
    """(Verilog of pre-mapped cells, seconds)."""
    network = layer(weights, thresholds)
    start = time.perf_counter()
    text = build_design(network, family=family).mapped(family)
    return text.replace(f"module {network.name} ", "module top ", 1), time.perf_counter() - start


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


def synthesize(text: str, family: str) -> tuple[dict[str, int], float]:
    """(cells by type, seconds of Yosys)."""
    yosys = find_tools(("yosys",))["yosys"]
    with tempfile.TemporaryDirectory(prefix="threshc-") as name:
        folder = Path(name)
        (folder / "top.v").write_text(text)
        script = f"read_verilog top.v\n{SYNTH[family]}\ntee -q -o cells stat -json\n"
        (folder / "run.ys").write_text(script)
        done = run_tool(yosys, ["-q", "-l", "yosys.log", "run.ys"], folder, lambda _: None)
        if done.code:
            raise RuntimeError(done.tail())
        found = json.loads((folder / "cells").read_text())["design"]["num_cells_by_type"]
    return {k: int(v) for k, v in found.items()}, done.seconds


def count(cells: dict[str, int], family: str) -> tuple[int, int, int]:
    """(LUTs, carry cells, flip-flops)."""

    def total(*names: str) -> int:
        return sum(n for kind, n in cells.items() if kind.startswith(names))

    if family == "ice40":
        return total("SB_LUT4"), total("SB_CARRY"), total("SB_DFF")
    if family == "ecp5":
        return total("LUT4") + 2 * total("CCU2C"), total("CCU2C"), total("TRELLIS_FF")
    return total("LUT", "INV"), total("CARRY4"), total("FD")


def measure(name: str, families: list[str], python: str | None, with_naive: bool) -> list[Row]:
    """Every tool on one matrix."""
    weights, thresholds = matrix(*MATRICES[name])
    rows = []
    with tempfile.TemporaryDirectory(prefix="threshc-") as scratch:
        made: dict[str, tuple[str, float] | None] = {}
        for tool in PEERS if python else ():
            made[tool] = peer(str(python), tool, weights, thresholds, Path(scratch))
        if with_naive:
            made["naive"] = naive(weights, thresholds)
        for family in families:
            for tool, result in {"threshc": ours(weights, thresholds, family), **made}.items():
                if result is None:
                    print(f"{name:16} {family:7} {tool:13} failed", flush=True)
                    continue
                cells, seconds = synthesize(result[0], family)
                row = Row(name, family, tool, *count(cells, family), int((weights != 0).sum()), result[1], seconds)
                rows.append(row)
                print(
                    f"{name:16} {family:7} {tool:13} {row.luts:6} LUT {row.carries:5} carry "
                    f"{row.luts / row.synapses:.3f}/synapse, emitted {row.emission:.2f} s, Yosys {row.yosys:.1f} s",
                    flush=True,
                )
    return rows


def table(rows: list[Row]) -> str:
    """Markdown: one line per matrix and family, and the ratio to the better peer."""
    tools = [t for t in ("threshc", *PEERS, "naive") if any(r.tool == t for r in rows)]
    lines = ["| matrix | family | " + " | ".join(tools) + " | to the best peer |", "|" + "---|" * (len(tools) + 3)]
    for name, family in dict.fromkeys((r.matrix, r.family) for r in rows):
        mine = {r.tool: r for r in rows if (r.matrix, r.family) == (name, family)}
        peers = [mine[t].luts for t in PEERS if t in mine]
        ratio = f"{mine['threshc'].luts / min(peers):.2f}" if peers else "-"
        figures = [_figure(mine.get(t)) for t in tools]
        lines.append(f"| {name} | {family} | " + " | ".join(figures) + f" | {ratio} |")
    return "\n".join(lines)


def _figure(row: Row | None) -> str:
    if row is None:
        return "-"
    return f"{row.luts:,}" + (f" + {row.carries:,} carry" if row.carries else "")


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.circuits")
    parser.add_argument("--quick", action="store_true", help="the small matrices only")
    parser.add_argument("--families", default=",".join(SYNTH))
    parser.add_argument("--peers", metavar="PYTHON", help="a Python that has da4ml and alkaid")
    parser.add_argument("--only", metavar="NAME,..", help=", ".join(MATRICES))
    parser.add_argument("--no-naive", action="store_true")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    names = chosen.only.split(",") if chosen.only else QUICK if chosen.quick else tuple(MATRICES)
    rows: list[Row] = []
    for name in names:
        rows += measure(name, chosen.families.split(","), chosen.peers, not chosen.no_naive)
        if chosen.json:
            payload: dict[str, Any] = {"rows": [asdict(r) for r in rows]}
            chosen.json.write_text(json.dumps(payload, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()
