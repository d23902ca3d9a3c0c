"""threshc show"""

from __future__ import annotations

from typing import Annotated

import typer

from threshc.cli import options as o


def show(
    model: o.Model,
    input: o.Input = None,
    ir: Annotated[bool, typer.Option("--ir", help="The text form of the network instead of tables.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="The network as read, before any pass.")] = False,
    weight_bits: o.WeightBits = None,
    snap_weights: o.SnapWeights = None,
    scores: o.ExactScores = None,
    pattern: Annotated[bool, typer.Option("--pattern", help="How each node of the model was understood.")] = False,
) -> None:
    """Show what a model computes: layers, shapes, weights, thresholds, synapses, memory, operations.

    [dim]threshc show digits.onnx[/]
    [dim]threshc show xor.onnx --input bit --ir[/]
    [dim]threshc show digits.onnx --pattern[/]
    """
    if pattern:
        from threshc.cli.network import print_pattern

        print_pattern(model, input, snap_weights)
        return
    from threshc.cli.network import print_counts
    from threshc.cli.progress import note
    from threshc.tasks.load import load_network

    exact = o.wants_exact(scores)
    network = load_network(
        model,
        input=input,
        raw=raw,
        weight_bits=weight_bits,
        snap_weights=snap_weights,
        exact_scores=exact,
        note=note,
    )
    if ir:
        print(network)
    else:
        print_counts(network)
