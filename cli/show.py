"""threshc show"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.chosen import CIRCUIT, MODEL, circuit, reading, reading_alone, takes


@takes(MODEL, CIRCUIT)
def show(
    model: o.Model,
    ir: Annotated[bool, typer.Option("--ir", help="The text form of the network instead of tables.")] = False,
    netlist: Annotated[bool, typer.Option("--netlist", help="The cells of its circuit as text, in vectors.")] = False,
    bits: Annotated[bool, typer.Option("--circuit", help="Its circuit as text, bit by bit.")] = False,
    pattern: Annotated[bool, typer.Option("--pattern", help="How each node of the model was understood.")] = False,
    **chosen: Any,
) -> None:
    """Show what a model computes: layers, shapes, weights, thresholds, synapses, memory, operations.

    [dim]threshc show digits.onnx[/]
    [dim]threshc show xor.onnx --input bit --ir[/]
    [dim]threshc show xor.onnx --input bit --circuit[/]
    [dim]threshc show digits.onnx --pattern[/]
    """
    if ir + netlist + bits + pattern > 1:
        raise typer.BadParameter("--ir, --netlist, --circuit and --pattern print one text each: give one of them")
    if netlist or bits:
        from threshc.cli.network import print_circuit_text

        print_circuit_text(model, reading(chosen), circuit(chosen), bits=bits)
        return
    if circuit({name: value for name, value in chosen.items() if name != "scores"}) is not None:
        raise typer.BadParameter("options of the circuit need --netlist or --circuit here")
    if pattern:
        from threshc.cli.network import print_pattern

        print_pattern(model, reading_alone(chosen))
        return
    from threshc.cli.network import print_counts
    from threshc.cli.progress import note
    from threshc.tasks.read_network import load_network

    network = load_network(model, reading_alone(chosen), note=note)
    if ir:
        print(network)
    else:
        print_counts(network)
