"""threshc fit"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.chosen import EXACT, MODEL, reading_alone, takes
from threshc.cli.errors import flag

if TYPE_CHECKING:
    from threshc.tasks.fit import Way


@takes(MODEL, EXACT)
def fit(
    model: o.Model,
    target: Annotated[
        str | None, typer.Option("--target", metavar="NAME", help="One board or device (`threshc targets`).")
    ] = None,
    target_fps: Annotated[
        float | None, typer.Option("--target-fps", metavar="N", help="Samples a second that the best way must reach.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The table as JSON on stdout.")] = False,
    quiet: o.Quiet = False,
    **chosen: Any,
) -> None:
    """Show what a model fits: every board and device, unrolled (a sample per cycle) and folded (weights in memory).

    Sizes are estimated from the weights, in seconds; nothing is synthesized. The last line is the command for the
    fastest way onto the smallest board.

    [dim]threshc fit digits.onnx[/]
    [dim]threshc fit tfc.onnx --input uint8/255 --target-fps 100000[/]
    """
    from threshc.cli.progress import note, steps
    from threshc.tasks.fit import fit as make

    with steps(quiet) as progress:
        report = make(
            model, target=target, target_fps=target_fps, reading=reading_alone(chosen), note=note, progress=progress
        )
    if as_json:
        import json

        print(json.dumps(report.as_dict(), indent=2))
        return
    from threshc.cli.tables import print_table
    from threshc.compiler.diagnostics import visible

    head = ("target", "way", "", "LUTs", "block RAMs", "samples/s", "clock", "--fold")
    shown = [way for way in report.ways if way.verdict != "no"]
    print_table(f"{report.model}: {report.synapses:,} synapses", head, map(_row, shown), "lllrrrrl")
    for kind in ("unrolled", "folded"):
        ways = [way for way in report.ways if way.kind == kind]
        for why, names in _refused(ways).items():
            print(f"not {kind} on {'any' if len(names) == len(ways) else ', '.join(names)}: {visible(why)}")
    print("LUTs are estimated, 330 of them for what is around the network; a clock with ~ is estimated too")
    if report.best is None:
        at = "" if target_fps is None else f" at {target_fps:,.0f} samples a second"
        print(f"nothing fits{at}")
        return
    words = [shlex.quote(model), *_reading(chosen), report.command()]
    print(f"best: threshc build {visible(' '.join(words))} -o out")


def _reading(chosen: Mapping[str, Any]) -> Iterator[str]:
    """The flags with which the model was read, so that the command builds the same network."""
    for name in (*MODEL, *EXACT):
        value = chosen.get(name)
        if value is None or value is False:
            continue
        yield flag(name) if value is True else f"{flag(name)} {shlex.quote(str(getattr(value, 'value', value)))}"


def _refused(ways: Iterable[Way]) -> dict[str, list[str]]:
    """Targets by what is in the way."""
    found: dict[str, list[str]] = {}
    for way in ways:
        if way.verdict == "no":
            found.setdefault(way.why or f"about {way.luts:,} LUTs are too many", []).append(way.target.name)
    return found


def _row(way: Way) -> tuple[str, ...]:
    device = way.target.device
    return (
        way.target.name,
        way.kind,
        way.verdict,
        f"{way.luts:,} of {device.luts:,}",
        f"{way.brams} of {device.brams}" if way.brams else "",
        f"{way.samples_per_second:,.0f}",
        f"{'~' if way.assumed else ''}{way.clock_hz / 1e6:.3g} MHz",
        way.fold,
    )
