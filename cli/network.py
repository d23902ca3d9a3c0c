"""A network as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from threshc.cli.tables import print_table
from threshc.compiler.diagnostics import fail, option, visible

if TYPE_CHECKING:
    from threshc.compiler.ir.network import Network
    from threshc.compiler.ir.ops import Output
    from threshc.hdl.options import CircuitOptions
    from threshc.tasks.options import ModelOptions


def print_circuit_text(model: str, how: ModelOptions, options: CircuitOptions | None, *, bits: bool) -> None:
    """Prints the text form of a model's circuit (docs/reference/circuits.md): the netlist, or with `bits` the
    circuit."""
    from threshc.cli.progress import note
    from threshc.hdl.logic.text import print_circuit
    from threshc.hdl.options import USUAL_CIRCUIT
    from threshc.hdl.size import predict, refuse_vast
    from threshc.hdl.unrolled.build import build_design
    from threshc.hdl.unrolled.dontcare.design import circuit_of, netlist_of
    from threshc.hdl.unrolled.text import print_netlist
    from threshc.tasks.read_network import load_network
    from threshc.tasks.recorded import folder_of, recorded, want_the_folders_own

    options, home = options or USUAL_CIRCUIT, folder_of(model)
    if home is not None:
        made = recorded(home)
        want_the_folders_own(made, how, options, None)
        options = made.circuit
    for name in ("cut", "fold"):
        if getattr(options, name):
            raise fail(
                "only an unrolled circuit in one piece has this text",
                where=str(home) if home is not None else option(name),
                why=f"{option(name)} asks for another" if home is None else f"it was made with {option(name)}",
                hint=f"omit {option(name)}" if home is None else "show the model that it was made of",
            )
    network = load_network(model, how, note=note)
    refuse_vast(predict(network, options), note, instead="--ir")
    design = build_design(network, options)
    print(print_circuit(circuit_of(design)) if bits else print_netlist(*netlist_of(design)), end="")


def print_counts(network: Network) -> None:
    """Prints its layers, and what one sample costs; all counted from the operations (see `threshc.sim.counts`)."""
    from threshc.hdl.contract.samples import samples
    from threshc.sim.counts import count
    from threshc.tasks.report_markdown import LAYER_HEAD, layer_cells

    counts = count(network)
    t = counts.totals
    title = f"{network.name or 'network'}: input {network.input.encoding}, {counts.input_bits} bits"
    rows = [layer_cells(layer) for layer in counts.layers]
    total = ("all", "", "", "", f"{t.compares:,}", f"{t.synapses:,}", f"{t.memory_bits:,}")
    print_table(title, LAYER_HEAD, [*rows, total], "lrrlrrr")
    print("input:", "\n       ".join(map(visible, samples(network).words())))
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
    for o in network.outputs:
        if o.kind == "scores":
            print(f"output {visible(o.name)}: {scores_meaning(o)}")
    print_table("one sample (counted)", ("operation", "count"), costs, "lr")


def scores_meaning(output: Output) -> str:
    """Returns what the integers of a scores output say of the model's real outputs."""
    if output.order_only:
        return "the order of the scores is the model's; their differences are not (--scores exact keeps those)"
    scales, offsets = sorted(set(output.scale.ravel())), sorted(set(output.offset.ravel()))
    if len(scales) == len(offsets) == 1:
        return f"the model's outputs are {scales[0]:.9g} * score + {offsets[0]:.9g}, but for the rounding of floats"
    spans = [f"{values[0]:.9g}..{values[-1]:.9g}" for values in (scales, offsets)]
    return (
        f"the model's outputs are scale * score + offset, a scale ({spans[0]}) and an offset ({spans[1]}) per class; "
        "the scores' order is the outputs' (--scores exact: one scale for all)"
    )


def print_pattern(model: str, options: ModelOptions) -> None:
    """How the front end understood each node of an ONNX model."""
    from threshc.compiler.frontend.load import lower_model

    lowered = lower_model(
        model, input=options.input, exact_scores=options.exact_scores, snap_weights=options.snap_weights
    )
    rows = [(u.node, u.meaning) for u in lowered.nodes]
    print_table("how each node was understood", ("node", "meaning"), rows, "ll")
    for note in lowered.notes:
        print(visible(f"note: {note}"))
