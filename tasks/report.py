"""What `compile` and `build` found out about a model, every figure with its source."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from threshc.version import __version__

if TYPE_CHECKING:
    from threshc.hdl.chain import Circuit
    from threshc.hdl.flow.report import BuildReport
    from threshc.hdl.interface import Beats
    from threshc.hdl.options import CircuitOptions
    from threshc.sim.counts import Counts
    from threshc.tasks.options import ModelOptions

FORMAT = 2
"""Of report.json. 2: the options are objects; 1, which was not written down: they were texts."""

SOURCES = {
    "counted": "from the network's operations, exact",
    "estimated": "predicted from the weights, not measured",
    "simulated": "observed while the emitted Verilog ran",
    "synthesized": "reported by Yosys",
    "proved": "shown for all inputs",
    "netlist": "observed while the cells that Yosys wrote ran",
    "routed": "reported by nextpnr after place and route",
    "board": "follows from the clock of the board",
}
"""What the word beside every figure means."""


class Row(NamedTuple):
    """A figure as text, and where it comes from (a key of SOURCES)."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """The emitted Verilog against the packed simulator on the same samples.

    inputs: what the samples were. cycles: from the first sample offered to the last answer taken. latency: measured
    with an empty pipeline. correct: labels equal to the ones given with the samples, None when there were none.
    """

    simulator: str
    inputs: str
    samples: int
    equal: int
    cycles: int
    latency: int
    correct: int | None = None

    def rows(self) -> list[Row]:
        """Returns the figures for a table."""
        rows = [
            Row(
                "equal to the packed simulator",
                f"{self.equal:,} of {self.samples:,} ({self.inputs})",
                "simulated",
            ),
            Row("latency of the first answer", f"{self.latency} cycles ({self.simulator})", "simulated"),
            Row("cycles for all samples", f"{self.cycles:,}", "simulated"),
        ]
        if self.correct is not None:
            share = f"{self.correct / self.samples:.2%} ({self.correct:,} of {self.samples:,})"
            rows.append(Row("accuracy on these samples", share, "simulated"))
        return rows


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A compiled model. `files` are the names in the output folder; `build` is None when no bitstream was asked for.
    reading, options: how the model was read, and how its circuit was made, with nothing left to choose. changes: what
    options changed of the model's weights, in words."""

    model: str
    input: str
    out_dir: Path
    counts: Counts
    design: Circuit
    reading: ModelOptions
    options: CircuitOptions
    simulation: Simulation
    files: tuple[str, ...]
    build: BuildReport | None = None
    changes: tuple[str, ...] = ()

    def rows(self) -> list[Row]:
        """Returns every figure of the whole network as (name, value, source)."""
        t, d = self.counts.totals, self.design
        io, timing = d.interface, d.interface.timing
        rows = [
            Row("neurons", f"{sum(layer.rows * layer.positions for layer in self.counts.layers):,}", "counted"),
            Row("synapses", f"{t.synapses:,}", "counted"),
            Row("weights and thresholds", f"{t.memory_bits:,} bits (float32: {8 * t.float32_bytes:,})", "counted"),
            Row("input, output of the circuit", f"{_bits(io.input)}, {_bits(io.output)}", "counted"),
            Row("latency", f"{timing.latency} cycles", "counted"),
            Row("throughput", timing.throughput, "counted"),
            Row("LUT4 of all layers", f"{sum(n.estimate.lut4 for n in d.neurons):,}", "estimated"),
            *self._dont_cares(),
            *self.simulation.rows(),
        ]
        if self.build is not None:
            shown = {row.name for row in rows}
            rows += [row for row in map(Row._make, self.build.rows()) if row.name not in shown]
        if self.build is not None and self.build.on_board:
            ns = timing.latency / self.build.clock_hz * 1e9
            rows.append(Row("latency on the board", f"{ns:.0f} ns ({timing.latency} cycles)", "board"))
        return rows

    def _dont_cares(self) -> list[Row]:
        without, with_them = self.design.tables
        if not without:
            return []
        from threshc.hdl.families.registry import table_inputs

        size = table_inputs(self.options.family)
        text = f"{with_them:,} with don't-cares, {without:,} without"
        return [Row(f"tables of {size} inputs", text, "counted")]

    def as_dict(self) -> dict[str, Any]:
        """Returns the content of report.json."""
        from threshc.hdl.contract.contract import contract

        d, io = self.design, self.design.interface
        return {
            "made_by": f"threshc {__version__}",
            "format": FORMAT,
            "model": self.model,
            "input": self.input,
            "options": {"model": self.reading.to_json(), "circuit": self.options.to_json()},
            "changes": list(self.changes),
            "files": list(self.files),
            "makes": [] if self.build is None else self.build.project.within(self.build.project.makes),
            "counted": asdict(self.counts),
            "design": {
                "module": io.name,
                "input_width": io.input.bits,
                "output_width": io.output.bits,
                "input_beats": io.input.count,
                "output_beats": io.output.count,
                "fields": [asdict(f) for f in io.fields],
                "latency_cycles": io.timing.latency,
                "interval_cycles": io.timing.interval,
                "neurons": [asdict(n) for n in d.neurons],
            },
            "contract": contract(io).as_dict(),
            "simulated": asdict(self.simulation),
            "built": None if self.build is None else self.build.as_dict(),
            "figures": [row._asdict() for row in self.rows()],
            "sources": SOURCES,
        }


def _bits(beats: Beats) -> str:
    return f"{beats.bits:,} bits" + ("" if beats.count == 1 else f" in {beats.count:,} beats")
