"""The page of one folder: its figures as cards and tables, its layers as boxes, where things go as charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import nan, prod
from typing import Any

from threshc.compiler.diagnostics import option, visible
from threshc.hdl.contract.samples import samples
from threshc.tasks.html.charts import bars, floor_plan, histograms
from threshc.tasks.html.folder import Folder
from threshc.tasks.html.template import render
from threshc.tasks.report_markdown import shape

CARDS = (
    ("accuracy on these samples", "accuracy"),
    ("synapses", "synapses"),
    ("logic cells", "logic cells"),
    ("LUTs, network", "LUTs of the network"),
    ("LUT4 of all layers", "LUTs of all layers"),
    ("block RAMs, network", "block RAMs"),
    ("Fmax", "highest clock"),
    ("throughput at Fmax", "throughput"),
    ("throughput", "throughput"),
    ("latency at Fmax", "latency"),
    ("latency", "latency"),
)
"""Figures that are shown large, with their captions; of two with one caption, the first that is there."""

Chart = tuple[str, str]
"""A caption, and an SVG."""


def report_page(folder: Folder) -> str:
    """Returns the HTML of a folder's page. Raises CompileError without matplotlib."""
    report = folder.report
    figures = [(name, value, source) for name, (value, source) in folder.figures.items()]
    return render(
        "report.html.j2",
        title=visible(folder.title),
        subtitle=f"Made by {visible(report['made_by'])}. Input: {visible(report['input'])}.",
        cards=_cards(folder),
        boxes=list(_boxes(folder)),
        sections=_sections(folder),
        checks=list(_checks(folder)),
        words=_words(report),
        commands=_commands(folder),
        figures=figures,
        sources=[(n, t) for n, t in report["sources"].items() if n in {f[2] for f in figures}],
    )


def _words(report: Mapping[str, Any]) -> list[str]:
    """What the bits mean; nothing in reports of earlier versions."""
    said = report.get("contract", {})
    return [visible(w) for part in ("input", "output") for w in said.get(part, {}).get("words", [])]


def _cards(folder: Folder) -> list[tuple[str, str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for name, caption in CARDS:
        if name in folder.figures and folder.figures[name][0] != "0":
            found.setdefault(caption, folder.figures[name])
    return [(caption, value, source) for caption, (value, source) in found.items()]


def _boxes(folder: Folder) -> Iterator[dict[str, Any]]:
    """The network from left to right: what it takes, its layers, what it answers."""
    given, fields = samples(folder.network), folder.report["design"]["fields"]
    count = f"{prod(given.shape):,} features"
    yield {"name": "input", "lines": [count, visible(str(given.encoding))], "out": _bits(folder.report, "input")}
    for layer in folder.report["counted"]["layers"]:
        kind = {"integer": f"{layer['weight_width']}-bit weights", "none": "no weights"}.get(
            layer["weight_kind"], f"{layer['weight_kind']} weights"
        )
        lines = [kind, f"{layer['synapses']:,} synapses"]
        yield {"name": visible(layer["name"]), "lines": lines, "out": shape(layer["output_shape"])}
    lines = [f"{f['width']} bits" for f in fields]
    yield {"name": ", ".join(f["name"] for f in fields), "lines": lines, "out": ""}


def _bits(report: Mapping[str, Any], side: str) -> str:
    beats = report["design"][f"{side}_beats"]
    text = f"{report['design'][f'{side}_width']:,} bits"
    return text if beats == 1 else f"{text} in {beats:,} beats"


def _sections(folder: Folder) -> list[tuple[str, list[Chart]]]:
    sections = [
        ("Where look-up tables, memory and time go", _wherewithal(folder)),
        ("Thresholds and activity", _histograms(folder)),
    ]
    if folder.places:
        text = f"{visible(str(folder.built['part']))}: where nextpnr put the logic cells"
        sections.append(("Floor plan", [(text, floor_plan("Floor plan", folder.places))]))
    return [(heading, charts) for heading, charts in sections if charts]


def _wherewithal(folder: Folder) -> list[Chart]:
    """LUTs, bits of memory and nanoseconds of the slowest path by layer."""
    neurons, counted = folder.report["design"]["neurons"], folder.report["counted"]["layers"]
    found: list[Chart] = []
    tables = lut_rows(folder)
    if tables:
        columns = [k for k in range(len(SERIES)) if any(row[k] == row[k] for row in tables.values())]
        rows = {name: [row[k] for k in columns] for name, row in tables.items()}
        found.append(
            ("Look-up tables by layer", bars("LUTs by layer", "look-up tables", rows, [SERIES[k] for k in columns]))
        )
    paths = {p["name"]: [float(p["path_ns"])] for p in folder.built.get("placed", ()) if p["path_ns"]}
    if paths:
        text = "The slowest path between registers, part by part (routed)"
        found.append((text, bars("Slowest path", "nanoseconds", paths, ["path"])))
    memory = {c["name"]: [c["weight_bits"] + c["threshold_bits"], 8.0 * c["float32_bytes"]] for c in counted}
    if memory:
        text = "Weights and thresholds, as bits and in float32 (counted)"
        found.append((text, bars("Memory by layer", "bits", memory, ["exact", "float32"])))
    work = {n["name"]: [float(n["synapses"])] for n in neurons}
    if work:
        found.append(("Synapses by layer (counted)", bars("Synapses by layer", "synapses", work, ["synapses"])))
    return found


SERIES = ("estimated", "synthesized", "routed")
"""Where the counts of LUTs come from."""


def lut_rows(folder: Folder) -> dict[str, list[float]]:
    """Returns LUTs by layer, one number for each of `SERIES`, NaN where it is not known."""
    found: dict[str, list[float]] = {}
    six = "xilinx" in str(folder.report["options"]["circuit"].get("family") or "")
    for neuron in folder.report["design"]["neurons"]:
        found[neuron["name"]] = [float(neuron["estimate"]["lut6" if six else "lut4"]), nan, nan]
    for k, key in ((1, "layers"), (2, "placed")):
        for part in folder.built.get(key, ()):
            found.setdefault(part["name"], [nan, nan, nan])[k] = float(part["luts"])
    return found


def _histograms(folder: Folder) -> list[Chart]:
    found: list[Chart] = []
    thresholds = {name: values for name, values in folder.thresholds().items() if len(values)}
    if thresholds:
        found.append(("Integer thresholds of the neurons", histograms("Thresholds", "threshold", thresholds, None)))
    try:
        active = folder.activity()
    except (KeyError, ValueError):  # a folder of an earlier version
        active = {}
    if active:
        inputs = folder.report["simulated"]["inputs"]
        text = f"How often each neuron is 1, over the samples of the testbench ({visible(inputs)})"
        found.append((text, histograms("Activity", "share of samples", active, (0.0, 1.0))))
    return found


def _checks(folder: Folder) -> Iterator[tuple[str, bool, str]]:
    simulated, built = folder.report["simulated"], folder.built
    equal = f"{simulated['equal']:,} of {simulated['samples']:,} samples ({simulated['inputs']})"
    right = simulated["equal"] == simulated["samples"] > 0
    yield "Verilog = packed simulator", right, f"{equal}, {simulated['simulator']}"
    names = [f"{v['what']}: {v['samples']:,} samples" for v in built.get("verified", ())]
    yield (
        "netlists after synthesis",
        bool(names),
        visible("; ".join(names)) or f"not run: {option('verify', 'netlist')} of build",
    )
    proved = str(built.get("proved") or "")
    otherwise = f"not here: threshc prove FOLDER, or {option('verify', 'proof')} of build"
    yield "proved for all inputs", bool(proved), visible(proved) or otherwise
    routed = bool(built.get("routed"))
    text = f"seed {built['seed']}: {built['fmax_hz'] / 1e6:.1f} MHz" if routed else "no bitstream here: threshc build"
    yield "placed and routed", routed, text


def _commands(folder: Folder) -> list[str]:
    name = folder.path.name or "."
    found = [f"threshc verify {name}", f"threshc prove {name}"]
    if folder.built.get("project"):
        found.append(f"make -C {name}/{folder.built['project']['folder']}     # the bitstream again, without threshc")
    if folder.built.get("on_board"):
        found.append(f"threshc program {name}     # to {folder.built['target']}")
    return found


def same_names(names: Sequence[str]) -> list[str]:
    """Returns names that differ: of equal ones, each but the first with its number."""
    return [n if names.index(n) == k else f"{n} ({names[:k].count(n) + 1})" for k, n in enumerate(names)]
