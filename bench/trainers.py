"""The trainers' tables, side by side: `python -m bench.trainers [--quick] [--json FILE] [--only NAME] [--docs]`.

Each figure beside the paper's or the target's. --docs puts the tables into docs/benchmarks/trainers.md, between the
marks `<!-- figures: NAME -->` and `<!-- end of figures -->`, and prints them as markdown where there are none. Without
--quick it takes half an hour or more. Times are CPU times.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.measure import Row, report, write_rows
from threshc.compiler.files import write_whole

DOCS = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "trainers.md"
END = "<!-- end of figures -->"


def _convex(quick: bool) -> list[Row]:
    from bench import trainers_convex

    return trainers_convex.rows(quick=quick)


def _ftprop(quick: bool) -> list[Row]:
    from bench import trainers_convex, trainers_ftprop

    folder = trainers_convex.shared() / "data" / "mnist"
    return trainers_ftprop.rows(folder, quick) if folder.is_dir() else []


def _rvscgd(quick: bool) -> list[Row]:
    from bench import trainers_rvscgd

    return trainers_rvscgd.rows(quick=quick)


def _lookup(quick: bool) -> list[Row]:
    from bench import trainers_convex, trainers_lookup

    folder = trainers_convex.shared() / "data" / "mnist"
    return trainers_lookup.rows(folder, quick) if folder.is_dir() else []


TRAINERS: dict[str, Callable[[bool], list[Row]]] = {
    "convex": _convex,
    "ftprop": _ftprop,
    "rvscgd": _rvscgd,
    "lookup": _lookup,
}


def table(rows: Sequence[Row]) -> str:
    """Rows as markdown: the figure, ours, its spread, what it is compared with, and whether that is met."""
    lines = ["| figure | ours | spread | paper or target | |", "|---|---|---|---|---|"]
    for r in rows:
        said = {True: "met", False: "missed", None: ""}[r.met]
        if r.ratio is not None and r.met is None:
            said = f"{r.ratio:.2f} times as good"
        spread = f"± {r.spread:.2g} %" if r.spread else ""
        value = f"{_number(r.value)}{'' if r.unit.startswith('e-') else ' '}{r.unit}"
        lines.append(f"| {r.name.replace('|', ' ')} | {value} | {spread} | {r.peer or ''} | {said} |")
    return "\n".join(lines)


def into(text: str, name: str, new: str) -> str | None:
    """The document with the table of a trainer replaced; None where its marks are missing."""
    mark = f"<!-- figures: {name} -->"
    before, found, rest = text.partition(mark)
    _, end, after = rest.partition(END)
    if not found or not end:
        return None
    return f"{before}{mark}\n{new}\n{end}{after}"


def _write(name: str, new: str) -> None:
    text = into(DOCS.read_text(encoding="utf-8"), name, new)
    if text is None:
        print(new)
        return
    write_whole(DOCS, text)


def main() -> int:
    """Exit code 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows as a JSON list")
    parser.add_argument("--only", choices=TRAINERS, metavar="NAME", help=", ".join(TRAINERS))
    parser.add_argument("--docs", action="store_true", help="rewrite the tables in docs/benchmarks/trainers.md")
    options = parser.parse_args()
    rows: list[Row] = []
    missed = 0
    for name in [options.only] if options.only else list(TRAINERS):
        found = TRAINERS[name](options.quick)
        if not found:
            print(f"{name}: needs MNIST in ../shared/data/mnist")
            continue
        missed |= report(name, found, None)
        rows += found
        if options.docs:
            _write(name, table(found))
    if options.json is not None:
        write_rows(rows, options.json)
    return missed


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 10 else f"{value:,.4g}"


if __name__ == "__main__":
    sys.exit(main())
