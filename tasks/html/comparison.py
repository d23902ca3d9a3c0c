"""Several folders side by side, as a table and as a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

from threshc.compiler.diagnostics import visible
from threshc.tasks.html.charts import bars
from threshc.tasks.html.folder import Folder
from threshc.tasks.html.page import SERIES, lut_rows, same_names
from threshc.tasks.html.template import render

_NUMBER = re.compile(r"[\d,]+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of several folders: cells as text, blank where a folder has none."""

    name: str
    cells: tuple[str, ...]
    source: str


def rows(folders: Sequence[Folder]) -> list[Row]:
    """Returns every figure that a folder has, in the order of the reports; behind a number that differs from the first
    folder's, how many times that it is."""
    names: dict[str, str] = {}
    for folder in folders:
        for name, (_, source) in folder.figures.items():
            names.setdefault(name, source)
    found = []
    for name, source in names.items():
        texts = [folder.figures.get(name, ("", ""))[0] for folder in folders]
        found.append(
            Row(name, tuple(text if source == "simulated" else _beside(text, texts[0]) for text in texts), source)
        )
    return found


def titles(folders: Sequence[Folder]) -> list[str]:
    """Returns what the folders are called here: their names, told apart."""
    return same_names([visible(folder.path.resolve().name) for folder in folders])


def comparison_page(folders: Sequence[Folder]) -> str:
    """Returns the HTML of the comparison. Raises CompileError without matplotlib."""
    names, charts = titles(folders), []
    for k, series in enumerate(SERIES):
        whole = [sum(v[k] for v in lut_rows(folder).values() if v[k] == v[k]) or nan for folder in folders]
        if any(value == value for value in whole):
            given = {name: [value] for name, value in zip(names, whole, strict=True)}
            charts.append((f"Look-up tables, {series}", bars(f"LUTs {series}", "look-up tables", given, [series])))
    fmax = {name: [folder.built.get("fmax_hz", 0) / 1e6 or nan] for name, folder in zip(names, folders, strict=True)}
    if any(value == value for (value,) in fmax.values()):
        charts.append(("Highest clock, routed", bars("Fmax", "MHz", fmax, ["Fmax"])))
    return render(
        "compare.html.j2",
        title=" against ".join(names) if len(names) == 2 else f"{len(names)} circuits",
        subtitle="Models: " + ", ".join(dict.fromkeys(visible(folder.title) for folder in folders)) + ".",
        names=names,
        rows=rows(folders),
        sections=[("Look-up tables and clock", charts)] if charts else [],
    )


def _beside(text: str, first: str) -> str:
    one, other = (_NUMBER.match(t) for t in (text, first))
    if one is None or other is None or text == first:
        return text
    value, base = (float(m[0].replace(",", "")) for m in (one, other))
    return f"{text} (x{value / base:.2f})" if base and text[one.end() :][:1] != "%" else text
