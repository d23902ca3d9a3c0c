"""What a build ended with, every figure with its source."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from threshc.hdl.cells.drive import Exercised
from threshc.hdl.flow.cells_by_layer import LayerCells
from threshc.hdl.flow.loading import Loading
from threshc.hdl.flow.placed_by_layer import PlacedCells
from threshc.hdl.flow.running import Running
from threshc.hdl.flow.synthesis import Cells

_MEMORY = re.compile(r"RAM(?!IO)|DP16KD")
"""How nextpnr's types of memories are called: ICESTORM_RAM, ICESTORM_SPRAM, DP16KD, BSRAM, RAM_HALF, TRELLIS_RAMW."""


@dataclass(frozen=True, slots=True)
class Try:
    """A circuit that was placed and routed on the way to a frequency: levels of logic between registers, Fmax in Hz."""

    levels: int
    fmax_hz: float

    def __str__(self) -> str:
        return f"pipeline {self.levels}: {self.fmax_hz / 1e6:.1f} MHz"


@dataclass(frozen=True, slots=True)
class Project:
    """The folder from which a build can be repeated. folder: its name; files: what is in it; makes: the files that its
    Makefile may write; digest: SHA-256 of all that the tools were given, files and commands."""

    folder: str
    files: tuple[str, ...]
    makes: tuple[str, ...]
    digest: str

    def within(self, names: tuple[str, ...]) -> list[str]:
        """Returns names of files as they are called from outside of the folder."""
        return [f"{self.folder}/{name}" for name in names]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """A finished build.

    network, whole: cells of the network alone, and with its UART shell (board) or harness (bare device), by Yosys
    cells_used, cells_available: logic cells as nextpnr packs them; utilization: every cell type used, (used, available)
    fmax_hz: by nextpnr for this seed; clock_hz: what the network runs at: the board's clock or its PLL's, else fmax_hz
    running: on a board, where the clock comes from and what the serial port does; None for a bare device
    latency_cycles: of the network, from sample to answer; interval_cycles: between samples when streaming
    sha256: of the bitstream, in hexadecimal; project: the folder beside it
    tools: name to "version (native|YoWASP)"; seconds: wall time by tool
    verified: the netlists that were simulated on samples, all answers right
    layers: the network's cells by layer, by Yosys; () where the text was not pre-mapped
    placed: the routed cells by layer, by nextpnr; () likewise
    proved: what was proved of Yosys' netlist of the network alone; "" for nothing
    routed: whether it was placed and routed; where not, there is no bitstream (`bitstream` is the pre-mapped Verilog),
    and cells_used, cells_available, fmax_hz and clock_hz are 0
    loading: the weights that a board loads at start; None for none
    tries: on the way to a frequency that was asked for, this build last; () where the registers were given
    """

    target: str
    part: str
    on_board: bool
    network: Cells
    whole: Cells
    cells_used: int
    cells_available: int
    utilization: dict[str, tuple[int, int]]
    fmax_hz: float
    clock_hz: float
    latency_cycles: int
    interval_cycles: int
    seed: int
    bitstream: Path
    sha256: str
    files: tuple[Path, ...]
    project: Project
    tools: dict[str, str]
    seconds: dict[str, float]
    verified: tuple[Exercised, ...] = ()
    proved: str = ""
    layers: tuple[LayerCells, ...] = ()
    placed: tuple[PlacedCells, ...] = ()
    tries: tuple[Try, ...] = ()
    routed: bool = True
    loading: Loading | None = None
    running: Running | None = None

    @property
    def latency_ns(self) -> float:
        """Latency of the network at fmax_hz, nanoseconds."""
        return self.latency_cycles / self.fmax_hz * 1e9

    @property
    def samples_per_second(self) -> float:
        """Throughput of the network at fmax_hz, fed by its stream (a UART is far slower)."""
        return self.fmax_hz / self.interval_cycles

    @property
    def board_samples_per_second(self) -> float:
        """Throughput of the network at clock_hz."""
        return self.clock_hz / self.interval_cycles

    def rows(self) -> list[tuple[str, str, str]]:
        """Returns the figures as (name, value, source) for a table."""
        kind = "UART" if self.running is None else self.running.link.upper()
        shell = f"{kind} shell" if self.on_board else "harness"
        n, w = self.network, self.whole
        rows = [
            ("LUTs, network", f"{n.luts:,}", "synthesized"),
            ("flip-flops, network", f"{n.ffs:,}", "synthesized"),
            ("carry cells, network", f"{n.carries:,}", "synthesized"),
            ("block RAMs, network", f"{n.brams:,}", "synthesized"),
            *([("SPRAMs, network", f"{n.sprams:,}", "synthesized")] if n.sprams else []),
            (f"LUTs, with {shell}", f"{w.luts:,}", "synthesized"),
            (f"flip-flops, with {shell}", f"{w.ffs:,}", "synthesized"),
        ]
        latency = ("latency", f"{self.latency_cycles} cycles", "counted")
        rows += self._routed_rows(latency) if self.routed else [latency, self._unrouted_row()]
        for v in self.verified:
            equal = f"{v.samples:,} of {v.samples:,} ({v.what}; {v.cells:,} cells, {v.cycles:,} cycles)"
            rows.append(("netlist equal to the packed simulator", equal, "netlist"))
        if self.loading is not None:
            rows += self.loading.rows()
        if self.proved:
            rows.append(("netlist of the network, proved", self.proved, "proved"))
        if self.tries:
            rows.append(("registers chosen for Fmax", ", then ".join(map(str, self.tries)), "routed"))
        if self.running is not None:
            rows += self.running.rows()
            rows.append(("throughput on the board", f"{self.board_samples_per_second:,.0f} samples/s", "board"))
        return rows

    def _memories(self) -> list[tuple[str, str, str]]:
        """A row of the memories that were placed, by nextpnr's names for them; none where there are none."""
        named = [kind for kind in self.utilization if _MEMORY.search(kind)]
        text = ", ".join(f"{kind} {used:,} of {whole:,}" for kind in named for used, whole in [self.utilization[kind]])
        return [("memories", text, "routed")] if text else []

    def _slowest(self) -> list[tuple[str, str, str]]:
        """A row of the slowest path by the layers that it goes through; none where nothing says that."""
        parts = sorted((c for c in self.placed if c.path_ns > 0), key=lambda c: -c.path_ns)
        text = ", ".join(f"{c.path_ns:.1f} ns in {c.name}" for c in parts)
        return [("slowest path", text, "routed")] if text else []

    def _routed_rows(self, latency: tuple[str, str, str]) -> list[tuple[str, str, str]]:
        share = self.cells_used / self.cells_available
        return [
            ("logic cells", f"{self.cells_used:,} of {self.cells_available:,} ({share:.0%})", "routed"),
            *self._memories(),
            ("Fmax", f"{self.fmax_hz / 1e6:.1f} MHz (seed {self.seed})", "routed"),
            *self._slowest(),
            latency,
            ("latency at Fmax", f"{self.latency_ns:.1f} ns", "routed"),
            ("throughput at Fmax", f"{self.samples_per_second:,.0f} samples/s", "routed"),
        ]

    def _unrouted_row(self) -> tuple[str, str, str]:
        return "bitstream", f"none; {self.bitstream.name} goes to the vendor's tool", "synthesized"

    def as_dict(self) -> dict[str, Any]:
        """Returns the same for report.json: plain numbers, lists and texts."""
        plain = asdict(self)
        plain["bitstream"] = self.bitstream.name
        plain["files"] = [path.name for path in self.files]
        plain["utilization"] = {kind: list(pair) for kind, pair in self.utilization.items()}
        plain["latency_ns"] = self.latency_ns if self.routed else None
        plain["samples_per_second"] = self.samples_per_second if self.routed else None
        plain["board_samples_per_second"] = self.board_samples_per_second if self.on_board else None
        if not self.routed:
            plain |= dict.fromkeys(("bitstream", "cells_used", "cells_available", "fmax_hz", "clock_hz"))
        return plain
