"""Other weights (`weight_bits`, `snap_weights`), either proved to change nothing or with the change measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Sum

if TYPE_CHECKING:
    import onnx
    from numpy.typing import ArrayLike

    from threshc.compiler.frontend.lower import Lowered
    from threshc.compiler.frontend.snapping import Snapped
    from threshc.compiler.frontend.source import Source
    from threshc.tasks.options import ModelOptions
    from threshc.tasks.stimulus import Stimulus

SAMPLES = 1024
"""Random samples on which the effect of rounded weights is measured."""
FLOAT_SAMPLES = 256
"""Samples, random or the first that are given, on which the float model is evaluated for snapped weights."""


def reduce_weights(network: Network, weight_bits: str | int) -> tuple[Network, str]:
    """Returns the network with smaller weights, and a sentence that says what changed.

    weight_bits: "min" for the smallest integers whose neurons are proved equal on all inputs, or a number of bits N,
    to which all larger weights are rounded: an approximation, measured on random samples.
    """
    if weight_bits == "min":
        from threshc.compiler.passes.minimize_weights import MinimizeWeights

        smaller = MinimizeWeights().apply(network)
        return smaller, f"weights: largest {_largest(network)} -> {_largest(smaller)}, proved equal on all inputs"
    from threshc.compiler.passes.quantize_weights import QuantizeWeights

    rounded = QuantizeWeights(int(weight_bits)).apply(network)
    return rounded, f"weights of at most {weight_bits} bits: {_change(network, rounded)}"


def read_snapped(source: Source, options: ModelOptions, x: ArrayLike | None = None) -> tuple[Network, str]:
    """Returns the network of an ONNX model, before any pass, with weights snapped to small multiples of one size, and
    what that changed: layer by layer, and on samples against the float model as it is in the file.

    options: with `snap_weights`, how far a weight may move (`threshc.compiler.frontend.snapping`). x: samples as
    `simulate` takes them, of which the first FLOAT_SAMPLES are used; None: random ones.
    Raises CompileError as `threshc.load` does.
    """
    from threshc.compiler.frontend.load import lower_parsed, parse_input
    from threshc.compiler.frontend.snapping import snap
    from threshc.compiler.frontend.source import read_model
    from threshc.tasks.stimulus import stimulus

    ulps = options.snap_weights
    assert ulps is not None
    model, folder = read_model(source)
    snapped, layers = snap(model, folder, ulps)
    lowered = lower_parsed(snapped, folder, parse_input(options.input), exact_scores=options.exact_scores)
    some = stimulus(lowered.network, None if x is None else np.asarray(x)[:FLOAT_SAMPLES], samples=FLOAT_SAMPLES)
    return lowered.network, snap_effect(model, folder, layers, ulps, lowered, some)


def snap_effect(
    model: onnx.ModelProto,
    folder: Path | None,
    layers: tuple[Snapped, ...],
    ulps: int,
    lowered: Lowered,
    samples: Stimulus,
) -> str:
    """Returns what snapping changed, as a sentence. model: as it is in the file; lowered: with snapped weights;
    samples: of the lowered network, of which the first FLOAT_SAMPLES are used."""
    from threshc.compiler.frontend.float_model import run_float
    from threshc.compiler.frontend.graph import build_graph
    from threshc.sim import reference
    from threshc.tasks.compare import against_onnx

    if not layers:
        return f"snapped weights: no layer has any within {ulps} ulp, nothing changes"
    some, tensors = samples.first(FLOAT_SAMPLES), lowered.compared
    law = run_float(build_graph(model, folder), some.as_model_takes(lowered), tensors)
    values = reference.evaluate(lowered.network, some.encoded)
    found = against_onnx(lowered, dict(zip(tensors, law, strict=True)), values, "float model", law=True)
    differ = f"{found.different} of {found.bits} hidden bits and {found.outputs} outputs differ"
    kind = "random" if some.random else "given"
    changed = "; ".join(map(str, layers))
    return f"snapped weights: {changed}. On {len(some)} {kind} samples {differ} from the float model of the file"


def _largest(network: Network) -> int:
    return max((int(np.abs(op.weights).max()) for op in network.ops if isinstance(op, Sum)), default=0)


def _change(before: Network, after: Network) -> str:
    if after is before:
        return "nothing to round, nothing changes"
    from threshc.tasks.stimulus import stimulus

    drawn = stimulus(before, None, samples=SAMPLES)
    a, b = drawn.packed(), drawn.through(after).packed()
    text = []
    if a.labels is not None and b.labels is not None:
        text.append(f"{(a.labels == b.labels).mean():.2%} of {SAMPLES} random samples keep their class")
    total = sum(bits.size for bits in a.bits)
    if total:
        same = sum(int((p == q).sum()) for p, q in zip(a.bits, b.bits, strict=True))
        text.append(f"{same / total:.2%} of their hidden bits stay")
    return ", ".join(text)
