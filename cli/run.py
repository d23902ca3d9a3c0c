"""threshc run"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.chosen import CIRCUIT, MODEL, circuit, reading, takes


@takes(MODEL, {"scores": CIRCUIT["scores"]})
def run(
    model: o.Model,
    port: Annotated[
        str,
        typer.Option(
            "--port",
            metavar="DEVICE",
            help="The board's UART: /dev/ttyUSB1, COM4, ...; of SPI the bridge: ftdi://ftdi:2232h/1.",
        ),
    ],
    data: o.NeededData,
    labels: o.Labels = None,
    out: o.OutFile = None,
    baud: Annotated[int | None, typer.Option("--baud", metavar="N", help="As the bitstream was built for.")] = None,
    link: Annotated[
        str, typer.Option("--link", metavar="uart|spi|ft245", help="As the bitstream was built for; spi: by pyftdi.")
    ] = "uart",
    sck: Annotated[float | None, typer.Option("--sck", metavar="MHZ", help="The rate of SPI; 10 without.")] = None,
    table: o.Table = None,
    limit: o.Limit = None,
    quiet: o.Quiet = False,
    **chosen: Any,
) -> None:
    """Run samples on a board that holds the bitstream of `threshc build`.

    MODEL is the folder that build made, or the model with the same --input and --scores. The board says which network
    it holds; another one is refused.

    [dim]threshc run out --port /dev/ttyUSB1 --data digits_test.npz[/]
    [dim]threshc run out --link spi --port ftdi://ftdi:2232h/1 --sck 20 --data digits_test.npz[/]
    """
    from threshc.cli.data import samples_and_labels
    from threshc.cli.outcome import print_outcome
    from threshc.cli.progress import note, steps
    from threshc.sim.hints import label_note
    from threshc.tasks.run import run as run_on_board

    how, made = reading(chosen), circuit(chosen)
    x, y = samples_and_labels(data, labels, limit, table)
    assert x is not None
    with steps(quiet) as progress:
        result = run_on_board(
            model,
            port,
            x,
            reading=how,
            options=made,
            baud=baud,
            link=link,
            sck=None if sck is None else sck * 1e6,
            note=note,
            progress=progress,
        )
    print_outcome(result, y, out)
    strange = None if y is None else label_note(result.network, y)
    if strange is not None:
        note(strange)
