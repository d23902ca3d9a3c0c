"""threshc plan"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.chosen import EXACT, FOLDS, MODEL, reading_alone, takes

_STORES = {"block": "block RAM", "lut": "LUTs", "spram": "SPRAM"}


@takes(MODEL, EXACT)
def plan(
    model: o.Model,
    target: Annotated[str, typer.Option("--target", metavar="NAME", help="The board or device (`threshc targets`).")],
    fold: Annotated[
        str,
        typer.Option(
            "--fold",
            metavar="auto|PExSIMD,..|FILE",
            help="auto: the fastest that fits; a plan.json; or PE x SIMD of every layer, as in 16x56,8x16,1x16. "
            + FOLDS,
        ),
    ] = "auto",
    target_fps: Annotated[
        float | None,
        typer.Option("--target-fps", metavar="N", help="The smallest circuit for N samples a second at the clock."),
    ] = None,
    clock: Annotated[
        float | None, typer.Option("--clock", metavar="MHZ", help="The clock, where no board states it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The plan as JSON on stdout.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE.json",
            callback=o.goal_named(".json"),
            help="Write the plan as JSON, which people may change and give to --fold.",
        ),
    ] = None,
    **chosen: Any,
) -> None:
    """Plan how to fold a network that is larger than an unrolled chip: PE x SIMD, cycles and size of every layer.

    Cycles are exact, sizes are estimated; nothing is built.

    [dim]threshc plan tfc.onnx --input uint8/255 --target up5k-sg48[/]
    [dim]threshc plan tfc.onnx --input uint8/255 --target hx8k-ct256 --clock 150 --target-fps 500000[/]
    [dim]threshc plan tfc.onnx --input uint8/255 --target ecp5-25f --fold 16x56,8x16,8x16,1x16@14[/]
    [dim]threshc plan tfc.onnx --input uint8/255 --target ecp5-25f --fold 16x56,unrolled,unrolled,1x16 -o plan.json[/]
    """
    from threshc.cli.progress import note
    from threshc.tasks.plan import plan as make

    report = make(
        model,
        target=target,
        fold=fold,
        target_fps=target_fps,
        clock=None if clock is None else clock * 1e6,
        reading=reading_alone(chosen),
        note=note,
    )
    if out is not None:
        from threshc.compiler.files import write_whole

        write_whole(out, report.plan.file.pretty())
    if as_json:
        import json

        print(json.dumps(report.as_dict(), indent=2))
        return
    from threshc.cli.tables import print_table

    made, device = report.plan, report.target.device
    rows = [
        (
            layer.name,
            (f"{layer.columns}x{layer.rows}" if layer.rows else f"{layer.columns} taps")
            + (f" at {layer.positions:,}" if layer.positions > 1 else ""),
            *_words(layer.fold.as_dict()),
            f"{layer.cycles:,}",
            f"{layer.cycles / report.interval:.0%}" + (" slowest" if layer.cycles == made.interval else ""),
            f"{layer.luts:,}",
            f"{layer.ffs:,}",
            f"{layer.buffer:,}",
            str(layer.brams) + (f" + {layer.sprams} SPRAMs" if layer.sprams else ""),
        )
        for layer in made.layers
    ]
    head = (
        "layer",
        "inputs x neurons",
        "kind",
        "PE",
        "SIMD",
        "weights in",
        "cycles",
        "busy",
        "LUTs",
        "FFs",
        "buffer",
        "RAMs",
    )
    print_table(f"--fold {made}", head, rows, "lllrrlrrrrrr")
    after = "" if report.latency is None else f", the first answer after {report.latency:,}"
    says = "assumed" if report.assumed else "stated" if clock is not None else "of the board"
    print(
        f"{report.samples_per_second:,.0f} samples a second at {report.clock_hz / 1e6:g} MHz ({says}): one per "
        f"{report.interval:,} cycles{after}\n"
        f"about {made.luts:,} of {device.luts:,} LUTs and {made.ffs:,} of {device.ffs:,} flip-flops (estimated), "
        f"{made.brams} of {device.brams} block RAMs"
        + (f", {made.sprams} of {device.sprams} SPRAMs, loaded at start" if made.sprams else "")
    )


def _words(fold: dict[str, object]) -> tuple[str, str, str, str]:
    """Kind, PE, SIMD, and what the weights stand in."""
    store = fold.get("store")
    return (
        str(fold["kind"]),
        str(fold.get("pe", "")),
        str(fold.get("simd", "")),
        _STORES[str(store)] if store else "gates" if fold["kind"] in ("unrolled", "position") else "",
    )
