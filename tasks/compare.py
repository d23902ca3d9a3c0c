"""Two executions of one network compared, bit by bit and output by output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import visible
from threshc.compiler.frontend.coding import expected_bits
from threshc.compiler.frontend.lower import Lowered
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Output
from threshc.sim import reference
from threshc.sim.result import Result
from threshc.tasks.divergence import Divergence, explain, first_difference, places

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Check:
    """Two executions compared: how many samples, hidden bits and outputs, and the first difference if there is one.

    values: how many values of single operators were compared. different: how many bits and outputs differ. advisory: a
    difference does not count against the network, because it was shown to be rounding; `note` says how.
    """

    name: str
    samples: int
    bits: int
    outputs: int
    divergence: Divergence | None = None
    note: str = ""
    advisory: bool = False
    values: int = 0
    different: int = 0

    @property
    def equal(self) -> bool:
        """Whether no difference was found."""
        return self.divergence is None

    def __str__(self) -> str:
        if self.divergence is None:
            counted = f"{self.bits} hidden bits, {self.outputs} outputs"
            if self.values:
                counted = f"{self.values} values of single operators"
            text = f"equal: {self.name}: {self.samples} samples, {counted}"
        else:
            text = f"{'differs' if self.advisory else 'DIFFERENT'}: {self.name}: {self.divergence}"
            if self.different > 1:
                text += f", and {self.different - 1} more of {self.bits + self.outputs} bits and outputs"
        return visible(f"{text} ({self.note})" if self.note else text)


def against_onnx(
    lowered: Lowered, tensors: Mapping[str, Array], values: Sequence[Array], name: str, law: bool = False
) -> Check:
    """Compares the ONNX model's tensors (N, elements) with the values of the unoptimized network: every bit, every
    output.

    law: the tensors are those of our own evaluator. Labels may then differ where the front end chose the order of the
    real numbers, and the model's scores of both are nearer than their rounding; the note says how many do.
    """
    network, bits, outputs, different, tied = lowered.network, 0, 0, 0, 0
    first: Divergence | None = None
    count, where = len(values[0]), places(network)
    for probe in lowered.probes:
        ours = values[probe.value].reshape(count, -1)[:, probe.position]
        wanted = expected_bits(probe, tensors[probe.tensor], ours)
        bits, different = bits + ours.size, different + int((wanted != ours).sum())
        found = None if first else first_difference(where[probe.value], wanted, ours)
        if found is not None:
            place = np.unravel_index(int(probe.position[found.neuron[0]]), values[probe.value].shape[1:])
            found = replace(found, neuron=tuple(int(i) for i in place))
            first = explain(network, probe.value, found, values)
    for o in network.outputs:
        if o.name in tensors:
            wanted, ours = output_of(network, o, tensors[o.name], values)
            if law:
                near = too_near(lowered, o, tensors, wanted, ours)
                tied, wanted = tied + int(near.sum()), np.where(near, ours, wanted)
            first = first or first_difference(f"output {o.name!r}", wanted, ours)
            outputs, different = outputs + ours.size, different + int((wanted != ours).sum())
    note = f"in {tied} outputs the model's rounding decides between two equal or nearly equal scores" if tied else ""
    return Check(f"{name} = reference", count, bits, outputs, first, note, different=different)


def too_near(lowered: Lowered, o: Output, tensors: Mapping[str, Array], wanted: Array, ours: Array) -> Array:
    """Returns which of the labels (N, 1) differ by no more than the rounding of scores whose real order was taken."""
    rounded = next((r for r in lowered.rounded if o.name in (r.output, r.output.removesuffix(".scores"))), None)
    if (
        rounded is None
        or rounded.tensor not in tensors
        or wanted.shape[1] != 1
        or tensors[rounded.tensor].shape[1] == 1
    ):
        return np.zeros(wanted.shape, bool)
    scores = tensors[rounded.tensor].astype(np.float64)
    apart = np.take_along_axis(scores, wanted, 1) - np.take_along_axis(scores, ours.astype(np.int64), 1)
    return np.asarray((wanted != ours) & (np.abs(apart) <= rounded.slack))


def output_of(network: Network, o: Output, tensor: Array, values: Sequence[Array]) -> tuple[Array, Array]:
    """Returns what the model says and what the network says, in one form: classes, bits, or the order of single
    scores."""
    ours = values[o.value].reshape(len(tensor), -1)
    match o.kind:
        case "class":
            return tensor.astype(np.int64) - int(o.offset), ours
        case "bits":
            middle = o.offset + o.scale / 2
            return np.asarray(np.where(o.scale < 0, tensor < middle, tensor > middle), np.int64), ours
        case "scores" if ours.shape[1] == 1:
            order = np.lexsort((tensor[:, 0], ours[:, 0] * np.sign(o.scale).ravel()[0]))
            rises = np.diff(tensor[order, 0]) >= 0
            return np.ones(len(rises), np.int64)[:, None], rises.astype(np.int64)[:, None]
        case "scores":
            return tensor.argmax(axis=1)[:, None], ours.argmax(axis=1)[:, None]


def outputs_only(title: str, outputs: Sequence[Array], result: Result) -> Check:
    """Outputs of the network before its passes against a result after them."""
    return _with_outputs(Check(title, len(outputs[0]), 0, 0), [o.name for o in result.network.outputs], outputs, result)


def compare_results(title: str, expected: Result, result: Result, encoded: Array, note: str = "") -> Check:
    """Compares every hidden bit, then every output that the execution under test has.

    encoded: the samples of both, (N, n), from which the reference computes the sum behind a bit that differs.
    """
    network, bits, where = expected.network, 0, places(expected.network)
    compares = [v for v, op in enumerate(network.ops) if isinstance(op, Compare)]
    for value, wanted, ours in zip(compares, expected.bits, result.bits, strict=True):
        found = first_difference(where[value], wanted, ours)
        if found is not None:
            values = reference.evaluate(network, encoded)
            return Check(title, len(wanted), bits, 0, explain(network, value, found, values), note)
        bits += ours.size
    check = Check(title, len(expected.values[0]), bits, 0, None, note)
    return _with_outputs(check, [o.name for o in network.outputs], expected.values, result)


def _with_outputs(check: Check, names: Sequence[str], wanted: Sequence[Array], result: Result) -> Check:
    total, wanted_by_name = 0, dict(zip(names, wanted, strict=True))
    for o, ours in zip(result.network.outputs, result.values, strict=True):
        found = first_difference(f"output {o.name!r}", wanted_by_name[o.name], ours)
        total += ours.size
        if found is not None:
            return replace(check, outputs=total, divergence=found)
    return replace(check, outputs=total)
