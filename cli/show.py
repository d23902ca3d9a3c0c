"""threshc show"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from threshc.cli import options as o
from threshc.cli.chosen import EXACT, MODEL, reading_alone, takes


@takes(MODEL, EXACT)
def show(
    model: o.Model,
    ir: Annotated[bool, typer.Option("--ir", help="The text form of the network instead of tables.")] = False,
    pattern: Annotated[bool, typer.Option("--pattern", help="How each node of the model was understood.")] = False,
    **chosen: Any,
) -> None:
    """Show what a model computes: layers, shapes, weights, thresholds, synapses, memory, operations.

    [dim]threshc show digits.onnx[/]
    [dim]threshc show xor.onnx --input bit --ir[/]
    [dim]threshc show digits.onnx --pattern[/]
    """
    if pattern:
        from threshc.cli.network import print_pattern

        print_pattern(model, reading_alone(chosen))
        return
    from threshc.cli.network import print_counts
    from threshc.cli.progress import note
    from threshc.tasks.load import load_network

    network = load_network(model, reading_alone(chosen), note=note)
    if ir:
        print(network)
    else:
        print_counts(network)
