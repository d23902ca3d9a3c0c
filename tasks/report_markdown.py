"""The report as Markdown, for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from threshc.compiler.diagnostics import visible
from threshc.compiler.files import write_files
from threshc.sim.counts import LayerCounts
from threshc.tasks.options import USUAL_MODEL
from threshc.tasks.report import SOURCES, Report
from threshc.version import __version__

LAYER_HEAD = ("layer", "in", "out", "weights", "thresholds", "synapses", "memory bits")
"""The columns of `layer_cells`."""


def layer_cells(layer: LayerCounts) -> tuple[str, ...]:
    """Returns one layer as the cells of a table, all counted."""
    kind = {"+-1": "±1", "none": "-"}.get(layer.weight_kind, layer.weight_kind)
    if kind == "integer":
        kind = f"{layer.weight_width}-bit integers"
    return (
        layer.name,
        shape(layer.input_shape),
        shape(layer.output_shape),
        kind,
        f"{layer.compares:,}",
        f"{layer.synapses:,}",
        f"{layer.weight_bits + layer.threshold_bits:,}",
    )


def shape(axes: Sequence[int]) -> str:
    """Returns a shape as people write it: 64 or 28x28x3."""
    return "x".join(map(str, axes))


def markdown(report: Report) -> str:
    """Returns the whole report.md."""
    from threshc.hdl.contract.contract import contract

    kinds, io = {row.source for row in report.rows()}, report.design.interface
    parts = [
        f"# {_plain(report.model)}",
        f"Made by threshc {__version__}. Input: {_plain(report.input)}. Options: {_plain(_options(report))}.",
        *map(_plain, report.changes),
        "## Figures",
        _table(("figure", "value", "source"), report.rows(), "lrl"),
        "Sources: " + "; ".join(f"*{name}*: {text}" for name, text in SOURCES.items() if name in kinds) + ".",
        "## Layers (counted)",
        _table(LAYER_HEAD, map(layer_cells, report.counts.layers), "lrrlrrr"),
        "## Circuits",
        _circuits(report),
        "## Ports\n\n"
        f"`{io.name}`: `clk`, `rst`; input stream `i_payload` ({io.input.bits} bits), "
        f"`i_valid`, `i_ready`; output stream `o_payload` ({io.output.bits} bits), `o_valid`, `o_ready`. "
        "A transfer happens on a rising clock edge at which valid and ready are both 1.",
        _table(
            ("output field", "bits", "element", "shape"),
            [
                (
                    f.name,
                    f"{f.offset + f.width - 1}:{f.offset}",
                    f"{f.element_width} bits{', signed' if f.signed else ''}",
                    shape(f.shape),
                )
                for f in io.fields
            ],
            "lrlr",
        ),
        "## What the bits mean",
        "\n".join(f"- {_plain(words)}" for words in contract(io).words()),
        f"`{io.name}.h`, `{io.name}_pkg.sv` and `{io.name}_io.py` say the same to programs, and pack samples.",
        "## Files",
        "\n".join(_files(report)),
    ]
    return "\n\n".join(parts) + "\n"


def _options(report: Report) -> str:
    """The options of the circuit, and those of the model that somebody chose."""
    circuit = {name: value for name, value in report.options.to_json().items() if value not in (None, [])}
    usual = USUAL_MODEL.to_json()
    model = {name: value for name, value in report.reading.to_json().items() if value != usual[name]}
    both = [(name, ", ".join(v) if isinstance(v, list) else v) for name, v in (circuit | model).items()]
    return ", ".join(f"{name} {str(value).lower() if isinstance(value, bool) else value}" for name, value in both)


def _circuits(report: Report) -> str:
    """Layers with their estimates, beside them what Yosys and nextpnr made of each where a build says so."""
    layers, build = report.design.neurons, report.build
    head = ("layer", "architecture", "neurons", "LUT4 (estimated)", "LUT6 (estimated)")
    rows = [(n.name, n.architecture, f"{n.neurons:,}", f"{n.estimate.lut4:,}", f"{n.estimate.lut6:,}") for n in layers]
    if build is None:
        return _table(head, rows, "llrrr")
    estimated = {row[0]: row for row in rows}
    made = {c.name: (c.luts, c.ffs, c.carries, c.brams + c.sprams) for c in build.layers}
    routed = {c.name: (c.cells, c.luts, c.ffs, c.carries, c.path_ns) for c in build.placed}
    wide = []
    for name in dict.fromkeys([*estimated, *made, *routed]):
        cells = [*_figures(made.get(name), 4), *_figures(routed.get(name), 5)]
        wide.append((*estimated.get(name, (name, "", "", "", "")), *cells))
    whole = (build.network.luts, build.network.ffs, build.network.carries, build.network.brams + build.network.sprams)
    four, six = (sum(e) for e in zip(*((n.estimate.lut4, n.estimate.lut6) for n in layers), strict=True))
    placed = tuple(map(sum, zip(*routed.values(), strict=True))) or ((build.cells_used,) if build.routed else ())
    wide.append(("all", "", "", f"{four:,}", f"{six:,}", *_figures(whole, 4), *_figures(placed, 5)))
    columns = ("LUTs", "flip-flops", "carries")
    synthesized = [f"{c} (synthesized)" for c in (*columns, "memories")]
    placed_head = [f"{c} (routed)" for c in ("logic cells", *columns, "slowest path, ns")]
    return _table((*head, *synthesized, *placed_head), wide, "ll" + "r" * 12)


def _figures(values: Sequence[float] | None, count: int) -> list[str]:
    """Numbers as text; blanks for those that are not there."""
    texts = [f"{v:,.3f}" if isinstance(v, float) else f"{v:,}" for v in values or ()]
    return texts + [""] * (count - len(texts))


def _files(report: Report) -> Iterator[str]:
    for name in report.files:
        if "/" not in name:
            yield f"- `{name}`: {_purpose(name)}"
    if report.build is not None:
        project = report.build.project
        yield f"- `{project.folder}/`: all that the tools were given and said; `make` there repeats the build"


def _purpose(name: str) -> str:
    from threshc.hdl.families.registry import families

    ends = {
        "_tb.v": "self-checking testbench; its first line says how to run it",
        "_in.hex": "samples that the testbench feeds",
        "_out.hex": "answers that the testbench expects",
        **{f".{name}.v": f"the circuit as cells of {f.title}, for synthesis" for name, f in families().items()},
        "_pkg.sv": "what every bit of input and output means, for SystemVerilog",
        "_io.py": "what every bit means, and functions that pack samples, for Python",
        ".h": "what every bit means, and functions that pack samples, for C",
        ".v": "the circuit, Verilog-2001",
        ".thresh": "the network with its thresholds, which threshc takes in place of the model",
        ".bin": "bitstream",
        ".bit": "bitstream",
        ".fs": "bitstream",
        ".json": "figures for programs",
        ".md": "this report",
        ".log": "what the tool printed",
    }
    return next((text for end, text in ends.items() if name.endswith(end)), "")


def _plain(text: str) -> str:
    """Names come from models: on one line, and without Markdown or HTML of their own."""
    line = visible(" ".join(text.split()))
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#&" else c for c in line)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    rule = "|".join({"l": "---", "r": "---:"}[a] for a in align)
    body = [f"| {' | '.join(map(_plain, cells))} |" for cells in rows]
    return "\n".join([f"| {' | '.join(head)} |", f"|{rule}|", *body])


def write_report(report: Report, folder: Path) -> None:
    """Writes report.md and then report.json, which makes the folder complete."""
    data = json.dumps(report.as_dict(), indent=1) + "\n"
    write_files(folder, {"report.md": markdown(report), "report.json": data})
