"""`--weight-bits` and `--snap-weights`: other weights, either proved to change nothing or with the change measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Sum

if TYPE_CHECKING:
    import onnx
    from numpy.typing import ArrayLike

    from threshc.compiler.frontend.lower import Lowered
    from threshc.compiler.frontend.snapping import Snapped
    from threshc.compiler.frontend.source import Source

SAMPLES = 1024
"""Random samples on which the effect of rounded weights is measured."""
FLOAT_SAMPLES = 256
"""Samples, random or the first that are given, on which the float model is evaluated for snapped weights."""


def reduce_weights(network: Network, weight_bits: str) -> tuple[Network, str]:
    """The network with smaller weights, and a sentence that says what changed.

    weight_bits: "min" for the smallest integers whose neurons are proved equal on all inputs, or a number of bits N,
    to which all larger weights are rounded: an approximation, measured on random samples. Raises CompileError for
    anything else.
    """
    if weight_bits == "min":
        from threshc.compiler.passes.minimize_weights import MinimizeWeights

        smaller = MinimizeWeights().apply(network)
        return smaller, f"weights: largest {_largest(network)} -> {_largest(smaller)}, proved equal on all inputs"
    if not weight_bits.isdecimal() or not 2 <= int(weight_bits) <= 32:
        raise fail(f"--weight-bits {weight_bits!r} is not understood", where="--weight-bits", hint="min, or 2 to 32")
    from threshc.compiler.passes.quantize_weights import QuantizeWeights

    rounded = QuantizeWeights(int(weight_bits)).apply(network)
    return rounded, f"weights of at most {weight_bits} bits: {_change(network, rounded)}"


def read_snapped(
    source: Source, ulps: int, x: ArrayLike | None = None, *, input: str | None = None, exact_scores: bool = False
) -> tuple[Network, str]:
    """The network of an ONNX model, before any pass, with weights snapped to small multiples of one size, and what
    that changed: layer by layer, and on samples against the float model as it is in the file.

    ulps: how far a weight may move, see `threshc.compiler.frontend.snapping`. x: samples as `simulate` takes them, of
    which the first FLOAT_SAMPLES are used; None: random ones. Raises CompileError as `threshc.load` does.
    """
    from threshc.compiler.frontend.load import lower_parsed, parse_input
    from threshc.compiler.frontend.snapping import snap
    from threshc.compiler.frontend.source import read_model

    model, folder = read_model(source)
    snapped, layers = snap(model, folder, ulps)
    lowered = lower_parsed(snapped, folder, parse_input(input), exact_scores=exact_scores)
    return lowered.network, snap_effect(model, folder, layers, ulps, lowered, x)


def snap_effect(
    model: onnx.ModelProto,
    folder: Path | None,
    layers: tuple[Snapped, ...],
    ulps: int,
    lowered: Lowered,
    x: ArrayLike | None,
) -> str:
    """What snapping changed, as a sentence. model: as it is in the file; lowered: with snapped weights."""
    from threshc.compiler.frontend.float_model import run_float
    from threshc.compiler.frontend.graph import build_graph
    from threshc.sim import reference
    from threshc.sim.inputs import encode
    from threshc.tasks.compare import against_onnx
    from threshc.tasks.samples import model_samples, random_samples

    if not layers:
        return f"snapped weights: no layer has any within {ulps} ulp, nothing changes"
    network = lowered.network
    data = random_samples(network, FLOAT_SAMPLES, 1) if x is None else np.asarray(x)[:FLOAT_SAMPLES]
    if not len(data):
        raise fail("there are no samples", where="input data", hint="give at least one")
    tensors = lowered.compared
    law = run_float(build_graph(model, folder), model_samples(lowered, data), tensors)
    values = reference.evaluate(network, encode(network, data))
    found = against_onnx(lowered, dict(zip(tensors, law, strict=True)), values, "float model", law=True)
    differ = f"{found.different} of {found.bits} hidden bits and {found.outputs} outputs differ"
    kind = "random" if x is None else "given"
    changed = "; ".join(map(str, layers))
    return f"snapped weights: {changed}. On {len(data)} {kind} samples {differ} from the float model of the file"


def _largest(network: Network) -> int:
    return max((int(np.abs(op.weights).max()) for op in network.ops if isinstance(op, Sum)), default=0)


def _change(before: Network, after: Network) -> str:
    if after is before:
        return "nothing to round, nothing changes"
    from threshc.sim import packed
    from threshc.tasks.samples import random_samples

    x = random_samples(before, SAMPLES, 1)
    a, b = packed.run(before, x), packed.run(after, x)
    text = []
    if a.labels is not None and b.labels is not None:
        text.append(f"{(a.labels == b.labels).mean():.2%} of {SAMPLES} random samples keep their class")
    total = sum(bits.size for bits in a.bits)
    if total:
        same = sum(int((p == q).sum()) for p, q in zip(a.bits, b.bits, strict=True))
        text.append(f"{same / total:.2%} of their hidden bits stay")
    return ", ".join(text)
