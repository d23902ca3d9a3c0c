"""Whole networks of random +-1 weights: emission, Yosys, and with --route place and route; plain sums beside them.

    python -m bench.circuits_networks [--only digits,tfc] [--family ecp5] [--pipeline 2] [--naive] [--route SEED,..]

`digits` is 64-32-32-10 with the class as output, `tfc` 784-64-64-64-10. Routing aims at 245 MHz on the ECP5-25F.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.circuits_synthesis import count, synthesize
from bench.networks import Layers, dense_network, layers
from threshc.compiler.ir.ops import Sum
from threshc.hdl.flow.routing import route
from threshc.hdl.flow.synthesis import synthesize as synthesize_whole
from threshc.hdl.flow.tools import find_tools
from threshc.hdl.options import CircuitOptions
from threshc.hdl.shell.top import make_top
from threshc.hdl.targets.registry import target
from threshc.hdl.unrolled.build import build_design
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.mapped import mapped_verilog

SIZES = {"digits": (64, 32, 32, 10), "tfc": (784, 64, 64, 64, 10)}
_DEVICE, _AIM = "ecp5-25f", 245e6


def naive(made: Layers) -> str:
    """Every neuron one expression, registers behind the input and every layer, a tree of comparisons: as by hand."""
    inputs, classes = made[0][0].shape[1], len(made[-1][0])
    lines = [f"module top(input clk, input [{inputs - 1}:0] x, output reg [3:0] y);"]
    lines.append(f"reg [{inputs - 1}:0] h; always @(posedge clk) h <= x;")
    source = "h"
    for k, (weights, thresholds) in enumerate(made):
        width = int(weights.shape[1]).bit_length()
        sums = [
            " + ".join(f"{{{width - 1}'b0,{'~' if w < 0 else ''}{source}[{i}]}}" for i, w in enumerate(row))
            for row in weights.tolist()
        ]
        if k + 1 == len(made):
            lines += [f"reg [{width - 1}:0] s{r}; always @(posedge clk) s{r} <= {text};" for r, text in enumerate(sums)]
            continue
        needs = [-(-(int(t) + weights.shape[1]) // 2) for t in thresholds]  # of ones among the products
        lines.append(f"reg [{len(weights) - 1}:0] h{k};")
        for r, (text, need) in enumerate(zip(sums, needs, strict=True)):
            lines.append(f"wire [{width - 1}:0] s{k}_{r} = {text};")
            lines.append(f"always @(posedge clk) h{k}[{r}] <= s{k}_{r} >= {width}'d{max(need, 0)};")
        source = f"h{k}"
    best = [(f"s{r}", f"4'd{r}") for r in range(classes)]
    while len(best) > 1:
        pairs = list(zip(best[::2], best[1::2], strict=False))
        rest = best[2 * len(pairs) :]
        best = []
        for (one, at), (other, where) in pairs:
            name = f"m{len(lines)}"
            lines.append(f"wire {name} = {other} > {one};")
            lines.append(f"wire [{width - 1}:0] {name}_s = {name} ? {other} : {one};")
            lines.append(f"wire [3:0] {name}_c = {name} ? {where} : {at};")
            best.append((f"{name}_s", f"{name}_c"))
        best += rest
    return "\n".join([*lines, f"always @(posedge clk) y <= {best[0][1]};", "endmodule\n"])


def routed(design: Design, seeds: list[int]) -> list[tuple[int, float]]:
    """(cells, MHz) after place and route for every seed of the placement."""
    chosen, tools = target(_DEVICE), find_tools(("yosys", "nextpnr-ecp5"))
    found = []
    with tempfile.TemporaryDirectory(prefix="threshc-") as name:
        folder = Path(name)
        (folder / "design.v").write_text(mapped_verilog(design, "ecp5"))
        (folder / "top.il").write_text(make_top(design.interface, chosen, 115200).rtlil)
        synthesize_whole(tools["yosys"], chosen.device, design.name, folder, lambda _: None)
        for seed in seeds:
            routing = route(
                tools["nextpnr-ecp5"],
                chosen.device,
                folder,
                constrained=False,
                freq_hz=_AIM,
                seed=seed,
                progress=lambda _: None,
            )
            found.append((routing.used["TRELLIS_COMB"], routing.fmax_hz / 1e6))
    return found


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.circuits_networks")
    parser.add_argument("--quick", action="store_true", help="the smallest network only")
    parser.add_argument("--only", metavar="NAME,..", help=", ".join(SIZES))
    parser.add_argument("--family", default="ecp5")
    parser.add_argument("--pipeline", default="2")
    parser.add_argument("--naive", action="store_true", help="plain sums too, which Yosys takes minutes for")
    parser.add_argument("--route", metavar="SEED,..", default="", help="place and route with these seeds")
    chosen = parser.parse_args(arguments)
    names = chosen.only.split(",") if chosen.only else list(SIZES)[: 1 if chosen.quick else None]
    for name in names:
        made = layers(SIZES[name])
        network = dense_network(name, made)
        synapses = sum(int(np.count_nonzero(op.weights)) for op in network.ops if isinstance(op, Sum))
        start = time.perf_counter()
        design = build_design(network, CircuitOptions(pipeline=chosen.pipeline, family=chosen.family))
        text = mapped_verilog(design, chosen.family).replace(f"module {design.name} ", "module top ", 1)
        emission = time.perf_counter() - start
        made_of = synthesize(text, chosen.family)
        latency = design.interface.timing.latency
        luts, _, ffs = count(made_of.cells, chosen.family)
        print(
            f"{name:8} threshc {luts:6} LUT {ffs:6} FF, {luts / synapses:.3f}/synapse, latency {latency}, "
            f"depth {made_of.depth}, emitted {emission:.1f} s, Yosys {made_of.seconds:.1f} s",
            flush=True,
        )
        for seed, (used, fmax) in zip(
            chosen.route.split(","), routed(design, [int(s) for s in chosen.route.split(",") if s]), strict=False
        ):
            print(f"{name:8} threshc seed {seed}: {used} cells, {fmax:.1f} MHz", flush=True)
        if chosen.naive:
            plain = synthesize(naive(made), chosen.family)
            luts, carries, ffs = count(plain.cells, chosen.family)
            print(
                f"{name:8} naive   {luts:6} LUT {carries} carry {ffs:6} FF, depth {plain.depth}, "
                f"Yosys {plain.seconds:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
