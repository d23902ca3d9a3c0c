"""Look-up tables with and without don't-cares, for networks that are named.

    python -m bench.dont_care examples/digits/digits.onnx iris.onnx:uint8 ..

MODEL or MODEL:ENCODING. Counted in tables of four inputs as for iCE40 and ECP5, and of six as for Xilinx, before Yosys;
every circuit is then proved equal to its network, with all obligations (`--quick` omits that).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import threshc
from threshc.hdl.options import CircuitOptions
from threshc.hdl.proof.check import check
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.certify import certify
from threshc.hdl.unrolled.dontcare.design import replacements


def measure(model: str, family: str, proved: bool) -> tuple[int, int, int, float, float]:
    """(tables without, tables with, tables changed, seconds of the search, seconds of the proof)."""
    name, _, encoding = model.partition(":")
    network = threshc.load(name, input=encoding or None)
    plain = build_design(network, CircuitOptions(family=family))
    start = time.perf_counter()
    replaced, tables = replacements(plain, family, None)
    search = time.perf_counter() - start
    start = time.perf_counter()
    if proved:
        check(network, certify(replace(plain, replaced=replaced)))
    return (*tables, len(replaced), search, time.perf_counter() - start)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL[:ENCODING]")
    parser.add_argument("--quick", action="store_true", help="no proof")
    options = parser.parse_args(arguments)
    print("| network | inputs of a table | without | with | ratio | changed | search, s | proof, s |")
    print("|---|---|---|---|---|---|---|---|")
    for model in options.models:
        for family, size in (("ice40", 4), ("xilinx", 6)):
            without, with_them, changed, search, proof = measure(model, family, not options.quick)
            name = Path(model.partition(":")[0]).name
            row = f"{without:,} | {with_them:,} | {with_them / max(without, 1):.3f} | {changed:,} | {search:.1f}"
            print(f"| {name} | {size} | {row} | {'-' if options.quick else f'{proof:.1f}'} |", flush=True)


if __name__ == "__main__":
    main()
