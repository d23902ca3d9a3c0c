"""threshc prove"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.chosen import CIRCUIT, MODEL, TARGET, circuit, reading, takes


@takes(MODEL, CIRCUIT, TARGET)
def prove(
    model: o.Model,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", "-c", metavar="FILE", help="Write the certificate, or with --check read it."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Check a certificate against a model, or a folder and its Verilog."),
    ] = False,
    jobs: o.Jobs = None,
    netlist: Annotated[
        Path | None,
        typer.Option("--netlist", metavar="FILE", help="Also prove the netlist that Yosys wrote (write_json)."),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="NAME", help="Only this layer of `threshc show`, alone, its inputs free."),
    ] = None,
    large: o.Large = False,
    quiet: o.Quiet = False,
    **chosen: Any,
) -> None:
    """Prove that the circuit computes the network on all inputs, neuron by neuron.

    Of a folder that threshc made, its Verilog must be the proved circuit's, byte for byte. Exit code 1 if not proved.
    What was read, and what was not, stands in the last lines.

    [dim]threshc prove digits.onnx -c digits.cert --family ice40[/]
    [dim]threshc prove digits.onnx -c digits.cert --check[/]
    """
    from threshc.cli.progress import note, steps
    from threshc.tasks.prove import prove

    how, made = reading(chosen), circuit(chosen)
    if not check:
        o.goal(certificate)

    with steps(quiet) as progress:
        proof = prove(
            model,
            certificate,
            check=check,
            note=note,
            jobs=jobs,
            reading=how,
            options=made,
            target=chosen["target"],
            netlist=netlist,
            layer=layer,
            large=large,
            progress=progress,
        )
    print(proof)
