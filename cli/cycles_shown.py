"""The report of `threshc sim --cycles` in the terminal, as a table and a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threshc.cli.chosen import circuit
from threshc.compiler.diagnostics import fail, visible

if TYPE_CHECKING:
    from threshc.tasks.cycles import CycleReport, Part
    from threshc.tasks.options import ModelOptions

_NAME = 18


def show_cycles(
    model: str,
    how: ModelOptions,
    chosen: Mapping[str, Any],
    samples: tuple[Path | None, Path | None, int | None, str | None],
    timing: tuple[float, float, float | None],
    files: list[Path],
) -> None:
    """Prints the report, and writes it to .json files; of a folder's own circuit where no other is asked for.

    samples: data, labels, limit and table of the command. timing: chances of valid and ready, the clock in MHz.
    """
    from threshc.cli.data import samples_and_labels
    from threshc.cli.progress import note
    from threshc.compiler.files import write_whole
    from threshc.hdl.options import USUAL_CIRCUIT
    from threshc.tasks.cycles import cycles
    from threshc.tasks.read_network import load_network
    from threshc.tasks.recorded import folder_of, recorded

    for file in files:
        if file.suffix.lower() != ".json":
            raise fail("cycles are reported as JSON", where=str(file), hint="a file name that ends in .json")
    options, home = circuit({"fold": chosen["fold"]}), folder_of(model)
    if options is None:  # a folder's circuit is the one that lies there
        options = USUAL_CIRCUIT if home is None else recorded(home).circuit
    data, labels, limit, table = samples
    x, _ = samples_and_labels(data, labels, limit or 100, table)
    valid, ready, clock = timing
    report = cycles(
        load_network(model, how, x=x, note=note),
        x,
        options=options,
        target=chosen["target"],
        clock=None if clock is None else clock * 1e6,
        valid=valid,
        ready=ready,
    )
    _print(report)
    for file in files:
        write_whole(file, json.dumps(report.as_dict(), indent=1) + "\n")


def _print(report: CycleReport) -> None:
    from threshc.cli.tables import print_table

    head = ("part", "kind", "cycles", "busy", "no chunk", "no place", "held at most", "bits read", "toggled")
    title = f"{report.samples:,} samples in {report.cycles:,} cycles, exact"
    print_table(title, head, map(_row, report.parts), "llrrrrlrr")
    print(f"first answer {report.first:,} cycles behind the first beat, then one per {report.interval:g}")
    if report.samples_per_second is not None and report.clock_hz is not None:
        print(f"{report.samples_per_second:,.0f} samples a second at {report.clock_hz / 1e6:g} MHz")
    moved = "; ".join(f"{visible(name)} {changes:,.1f}" for name, changes in report.streams)
    print(f"bits that change from beat to beat, for a sample: {moved}")
    if report.picojoules:
        print(
            f"{report.picojoules / 1000:,.3g} nJ a sample for reading weights and adding, computed with 10 pJ per 64 "
            "bits read and 0.03 pJ per 8 bits added (45 nm: Horowitz, ISSCC 2014)"
        )
    first, end = report.shown
    each = (end - first) / len(report.parts[0].picture)
    print(f"\ncycles {first:,} to {end - 1:,}, {each:.1f} a column; from . (some) to # (all) of them are worked in")
    for part in report.parts:
        print(f"  {visible(part.name)[:_NAME]:<{_NAME}} |{part.picture}|")


def _row(part: Part) -> tuple[str, ...]:
    fills = ", ".join(f"{f.what} {f.most} of {f.places} (mean {f.mean:.1f})" for f in part.fills)
    if part.kind != "folded":
        stalls = f"{part.waits[1]:,}" if part.kind == "unrolled" else ""
        return (part.name, part.kind, "", "", "", stalls, fills, "", "")
    figures = (f"{part.steps:,}", f"{part.busy:.0%}", f"{part.waits[0]:,}", f"{part.waits[1]:,}")
    return (part.name, part.kind, *figures, fills, f"{part.bits:,}", f"{part.toggled:,}")
