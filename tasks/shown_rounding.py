"""Differences between a network and a peer that correct rounding can make: shown one by one, or not rounding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from threshc.compiler.frontend.coding import Probe, expected_bits
from threshc.compiler.frontend.lower import Lowered
from threshc.compiler.frontend.symbolic import STEPS
from threshc.compiler.ir.ops import Output
from threshc.sim.peers.peer import Peer
from threshc.sim.peers.reach import NotShownError, Reach
from threshc.sim.peers.rounding import Rounding
from threshc.tasks.compare import Array, output_of, too_near
from threshc.tasks.divergence import Divergence, explain, places

_PICKS = {"ArgMax", "TopK", "Softmax", "LogSoftmax", "Normalizer", "LinearClassifier"}


@dataclass(slots=True)
class Shown:
    """bits, labels: how many differences, the first of their sample, were shown to be rounding. later: how many bits
    and labels differ behind such a difference, where peer and network go on from different inputs. example: one of
    them, in words. fault: the first difference that rounding cannot make."""

    bits: int = 0
    labels: int = 0
    later: int = 0
    example: str = ""
    fault: Divergence | None = None


def shown(
    peer: Peer, rounding: Rounding, lowered: Lowered, x: Array, seen: Mapping[str, Array], values: Sequence[Array]
) -> Shown:
    """Judges every difference. x: (N, *sample shape); seen: the peer's tensors (N, elements); values: the network's."""
    judge = _Judge(peer, rounding, lowered, x, seen, values)
    spoiled = np.zeros(len(x), bool)
    for probe in lowered.probes:
        ours = values[probe.value].reshape(len(x), -1)[:, probe.position]
        different = expected_bits(probe, seen[probe.tensor], ours) != ours
        judge.result.later += int(different[spoiled].sum())
        for sample in np.flatnonzero(different.any(axis=1) & ~spoiled):
            judge.bits(int(sample), probe, ours[sample], np.flatnonzero(different[sample]))
        spoiled |= different.any(axis=1)
    for o in lowered.network.outputs:
        if o.name in seen:
            wanted, ours = output_of(lowered.network, o, seen[o.name], values)
            near = np.asarray(too_near(lowered, o, seen, wanted, ours).any(axis=1))
            different = (wanted != ours).any(axis=1) if len(wanted) == len(x) else np.zeros(len(x), bool)
            judge.result.later += int((different & spoiled).sum())
            for sample in np.flatnonzero(different & ~spoiled):
                judge.label(int(sample), o, wanted[sample], ours[sample], bool(near[sample]))
    return judge.result


@dataclass(slots=True)
class _Judge:
    peer: Peer
    rounding: Rounding
    lowered: Lowered
    x: Array
    seen: Mapping[str, Array]
    values: Sequence[Array]
    result: Shown = field(default_factory=Shown)
    _reach: tuple[int, int, Reach] | None = None
    _known_shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def _from(self, sample: int, probe: Probe | None) -> Reach:
        """Intervals of one sample that start from the peer's values of all probes before this one."""
        before = self.lowered.probes if probe is None else self.lowered.probes[: self.lowered.probes.index(probe)]
        if self._reach is None or self._reach[:2] != (sample, len(before)):
            one = self.x[sample : sample + 1]
            shapes = self._shapes(one)
            known = {p.tensor: self.seen[p.tensor][sample].reshape(shapes[p.tensor]) for p in before}
            known |= dict.fromkeys(self.lowered.graph.inputs, one)
            self._reach = (sample, len(before), Reach(self.lowered.graph, self.rounding, known))
        return self._reach[2]

    def _shapes(self, one: Array) -> Mapping[str, tuple[int, ...]]:
        """The shapes of all tensors for one sample. Not their values: alone, a sample may round in another way."""
        if not self._known_shapes:
            self._known_shapes = {t: v.shape for t, v in self.peer.evaluate(one).items()}
        return self._known_shapes

    def bits(self, sample: int, probe: Probe, ours: Array, which: Array) -> None:
        """Bits `which` of a probe differ in a sample: both values must be reachable."""
        try:
            reach = self._from(sample, probe)
            low, high = (np.asarray(end).reshape(1, -1) for end in reach.interval(probe.tensor))
            either = ours[None]
            free = (expected_bits(probe, low, either) != expected_bits(probe, high, either))[0]
            step = reach.before_step(probe.tensor, STEPS)
            ends = [np.asarray(end).ravel() for end in reach.interval(step)]
            why = "rounding explains no other bit"
        except NotShownError as error:
            free, ends, step, why = np.zeros(len(ours), bool), [], "", f"rounding is not shown: {error}"
        for bit in which:
            if not free[bit]:
                self._fault(self._divergence(sample, probe, int(bit), int(ours[bit]), why))
                return
            self.result.bits += 1
            element = int(probe.element[bit])
            if not self.result.example and all(len(e) > element for e in ends):
                low_end, high_end = (f"{e[element]:.9g}" for e in ends)
                self.result.example = f"tensor {step!r} can be {low_end} to {high_end} there"

    def label(self, sample: int, o: Output, wanted: Array, ours: Array, near: bool) -> None:
        """A class, the order of scores or bits differ in a sample whose hidden bits are all equal. near: the real order
        was taken, and the peer's scores are nearer than their rounding."""
        why = f"rounding explains no other value of output {o.name!r}"
        try:
            ends = [np.asarray(e, np.float64).ravel() for e in self._from(sample, None).interval(self._scores(o))]
            free = all(
                _overlap(o, ends[0], ends[1], int(a), int(b)) for a, b in zip(wanted, ours, strict=True) if a != b
            )
        except NotShownError as error:
            free, why = False, f"rounding is not shown: {error}"
        index = int(np.flatnonzero(wanted != ours)[0])
        found = Divergence(sample, f"output {o.name!r}", (index,), int(wanted[index]), int(ours[index]), why=why)
        if not free and not near:
            self._fault(found)
            return
        self.result.labels += 1
        if free and not self.result.example and o.kind != "bits":
            a, b = int(wanted[0]), int(ours[0])
            scores = (f"{ends[0][k]:.9g} to {ends[1][k]:.9g}" for k in (a, b))
            self.result.example = f"the scores of {a} and {b} can be " + " and ".join(scores)

    def _scores(self, o: Output) -> str:
        """The scores behind a class, of whatever number it is counted from, or a softmax."""
        tensor, passed = o.name, {"Cast", "Squeeze", "Identity", "Reshape"}
        if o.kind == "class" and o.offset.any():
            passed |= {"Add", "Sub"}
        for node in reversed(self.lowered.graph.nodes):
            if tensor in node.outputs and (node.op in _PICKS or node.op in passed):
                tensor = next(t for t in node.inputs if t not in self.lowered.graph.constants)
                passed = passed if node.op not in _PICKS else passed - {"Add", "Sub"}
        return tensor

    def _divergence(self, sample: int, probe: Probe, bit: int, ours: int, why: str) -> Divergence:
        shape = self.values[probe.value].shape[1:]
        place = tuple(int(i) for i in np.unravel_index(int(probe.position[bit]), shape))
        where = places(self.lowered.network)[probe.value]
        found = Divergence(sample, where, place, 1 - ours, ours, why=why)
        return explain(self.lowered.network, probe.value, found, self.values)

    def _fault(self, found: Divergence) -> None:
        if self.result.fault is None:
            self.result.fault = found


def _overlap(o: Output, low: Array, high: Array, a: int, b: int) -> bool:
    """Whether scores a and b can be in either order; for bits, whether the value can lie on either side."""
    if o.kind == "bits":
        middle = np.asarray(o.offset + o.scale / 2, np.float64).ravel()
        return bool(((low <= middle) & (high >= middle)).any())
    return max(a, b) < len(low) and bool(low[a] <= high[b] and low[b] <= high[a])
