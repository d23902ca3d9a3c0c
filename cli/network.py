"""A network as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from threshc.cli.tables import print_table

if TYPE_CHECKING:
    from threshc.compiler.ir.network import Network


def print_counts(network: Network) -> None:
    """Its layers, and what one sample costs; all counted from the operations (see `threshc.sim.counts`)."""
    from threshc.report_text import LAYER_HEAD, layer_cells
    from threshc.sim.counts import count

    counts = count(network)
    t = counts.totals
    title = f"{network.name or 'network'}: input {network.input.encoding}, {counts.input_bits} bits"
    rows = [layer_cells(layer) for layer in counts.layers]
    total = ("all", "", "", "", f"{t.compares:,}", f"{t.synapses:,}", f"{t.memory_bits:,}")
    print_table(title, LAYER_HEAD, [*rows, total], "lrrlrrr")
    costs = [
        ("one-bit products, XNOR", f"{t.xnor_ops:,}"),
        ("one-bit products, AND", f"{t.and_ops:,}"),
        ("full adders (3:2 counters)", f"{t.full_adders:,}"),
        ("half adders (2:2 counters)", f"{t.half_adders:,}"),
        ("comparisons", f"{t.compares:,}"),
        ("bits of all activations", f"{t.activation_bits:,}"),
        ("weights and thresholds, bits", f"{t.memory_bits:,}"),
        ("the same in float32, bits", f"{8 * t.float32_bytes:,}"),
    ]
    print_table("one sample (counted)", ("operation", "count"), costs, "lr")


def print_pattern(model: str, input: str | None) -> None:
    """How the front end understood each node of an ONNX model."""
    from threshc.compiler.frontend.load import lower_model

    rows = [(u.node, u.meaning) for u in lower_model(model, input=input).nodes]
    print_table("how each node was understood", ("node", "meaning"), rows, "ll")
