"""Where two executions of one network first differ, in words that lead to the neuron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.layers import layer_of
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first difference: earliest layer, then earliest sample. `sum` and `threshold` are None outside neurons.

    sample: None for constants. layer: where, in words (`places`), or an output. why: more about it, in words.
    """

    sample: int | None
    layer: str
    neuron: tuple[int, ...]
    expected: float
    found: float
    sum: int | None = None
    threshold: int | None = None
    why: str = ""

    def __str__(self) -> str:
        text = "" if self.sample is None else f"sample {self.sample}, "
        text += f"{self.layer}, neuron {list(self.neuron)}: "
        text += f"expected {self.expected:.9g}, found {self.found:.9g}" if self.expected != self.found else self.why
        if self.sum is not None:
            text += (
                f" (sum {self.sum}, threshold {self.threshold}: the law says {int(self.sum >= (self.threshold or 0))})"
            )
        if self.why and self.expected != self.found:
            text += f"; {self.why}"
        return text


def first_difference(layer: str, expected: NDArray[np.generic], found: NDArray[np.generic]) -> Divergence | None:
    """Returns the first place where two arrays (N, ...) of one layer differ."""
    if expected.shape != found.shape:
        return Divergence(0, f"{layer} has shape {found.shape[1:]} instead of {expected.shape[1:]}", (), 0, 0)
    different = expected != found
    if not different.any():
        return None
    sample, *neuron = (int(i) for i in np.argwhere(different)[0])
    at = (sample, *neuron)
    return Divergence(sample, layer, tuple(neuron), int(expected[at]), int(found[at]))


def explain(network: Network, value: int, found: Divergence, values: Sequence[NDArray[np.int64]]) -> Divergence:
    """Returns the same difference with the sum and the threshold of its neuron, from the reference values of the
    network."""
    op = network.ops[value]
    if not isinstance(op, Compare) or not found.neuron or found.sample is None:
        return found
    *place, channel = found.neuron
    at = (found.sample, *place, int(op.row[channel]))
    total = values[op.s][at]
    return replace(found, sum=int(total), threshold=int(op.threshold[channel]))


def places(network: Network) -> tuple[str, ...]:
    """Returns how messages say where every value of a network is: its layer as all tables call it, and its tensor."""
    layers = layer_of(network)
    found = []
    for v, op in enumerate(network.ops):
        place = f"layer {layers[v].name!r}" if v in layers else f"value %{v}"
        found.append(place + (f" (tensor {op.loc.tensor!r})" if op.loc.tensor else ""))
    return tuple(found)
