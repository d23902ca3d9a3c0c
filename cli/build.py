"""threshc build"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.chosen import CIRCUIT, MODEL, circuit, reading, takes


@takes(MODEL, CIRCUIT)
def build(
    model: o.Model,
    out: o.Out = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="NAME", help="A board; `threshc targets` lists them.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="NAME", help="A bare device: LUTs and Fmax of the network without pins."),
    ] = None,
    freq: Annotated[
        float | None, typer.Option("--freq", metavar="MHZ", help="Frequency that must be reached, in MHz.")
    ] = None,
    target_fmax: Annotated[
        float | None,
        typer.Option(
            "--target-fmax",
            metavar="MHZ",
            help="Choose --pipeline so that this is reached once routed: a few tries, each placed and routed.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the placement.")] = 1,
    baud: Annotated[int | None, typer.Option("--baud", metavar="N", help="Of the board's serial port.")] = None,
    clock: Annotated[
        str | None,
        typer.Option(
            "--clock",
            metavar="MHZ|max",
            help="Of a board's circuit, made by a PLL: a frequency, or the fastest that the routed circuit bears. "
            "Without it the board's crystal is the clock.",
        ),
    ] = None,
    link: Annotated[
        str,
        typer.Option(
            "--link",
            metavar="uart|spi[:PINS]|ft245:PINS",
            help="Between the board and its host: uart, spi, or spi:sck=PIN,cs=PIN,copi=PIN,cipo=PIN; "
            "ft245:d0=PIN,..,d7=PIN,rxf=PIN,txe=PIN,rd=PIN,wr=PIN.",
        ),
    ] = "uart",
    jobs: o.Jobs = None,
    data: o.Data = None,
    labels: o.Labels = None,
    table: o.Table = None,
    limit: o.Limit = None,
    samples: o.Samples = 256,
    simulator: o.Simulator = "auto",
    verify: Annotated[
        str,
        typer.Option(
            "--verify",
            metavar="none|netlist|proof",
            help="netlist: run the samples through the cells that Yosys made; proof: also prove them, for all inputs.",
        ),
    ] = "none",
    verify_passes: o.VerifyPasses = False,
    print_ir_after: o.PrintIrAfter = None,
    large: o.Large = False,
    force: o.Force = False,
    quiet: o.Quiet = False,
    **chosen: Any,
) -> None:
    """Compile a model and build a bitstream: yosys, nextpnr, packing.

    Native tools on PATH are used, else YoWASP's from PyPI: pip install "threshc\\[fpga]".

    [dim]threshc build digits.onnx --target icebreaker -o out[/]
    [dim]threshc build digits.onnx --device ecp5-25f -o out --pipeline 4 --freq 150[/]
    [dim]threshc build digits.onnx --device ecp5-25f -o out --target-fmax 200[/]
    [dim]threshc build digits.onnx --target icebreaker -o out --link spi[/]
    [dim]threshc build tfc.onnx --input uint8/255 --target icebreaker --fold 4x49,2x8,2x8,1x4@7 --clock max[/]
    """
    import threshc
    from threshc.cli.data import samples_and_labels
    from threshc.cli.ir import ir_printer
    from threshc.cli.printed_report import print_report
    from threshc.cli.progress import note, steps

    name = target or device
    if name is None or (target and device):
        raise typer.BadParameter("exactly one of --target and --device is needed", param_hint="--target / --device")
    try:
        hertz = clock if clock in (None, "max") else float(clock) * 1e6
    except ValueError:
        hertz = clock  # refused by its name below
    how, made = reading(chosen), circuit(chosen)
    print_after = ir_printer(print_ir_after)
    x, y = samples_and_labels(data, labels, limit, table)
    with steps(quiet) as progress:
        report = threshc.build(
            model,
            o.out_folder(out, model),
            target=name,
            reading=how,
            options=made,
            freq=None if freq is None else freq * 1e6,
            target_fmax=None if target_fmax is None else target_fmax * 1e6,
            seed=seed,
            baud=baud,
            clock=hertz,
            link=link,
            jobs=jobs,
            x=x,
            labels=y,
            samples=samples,
            simulator=simulator,
            verify=verify,
            note=note,
            verify_passes=verify_passes,
            print_after=print_after,
            large=large,
            force=force,
            progress=progress,
        )
    print_report(report)
