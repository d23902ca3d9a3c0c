"""`--weight-bits`: smaller weights, either proved to change nothing or with the change measured."""

from __future__ import annotations

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Sum

SAMPLES = 1024
"""Random samples on which the effect of rounded weights is measured."""


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


def _largest(network: Network) -> int:
    return max((int(np.abs(op.weights).max()) for op in network.ops if isinstance(op, Sum)), default=0)


def _change(before: Network, after: Network) -> str:
    if after is before:
        return "nothing to round, nothing changes"
    from threshc.sim import packed
    from threshc.verification import random_samples

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
