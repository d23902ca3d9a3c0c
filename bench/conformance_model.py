"""One model through the front end, the reference and the packed simulator, and what came of it in one line."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.expected import Expected, find_expected, fitting_encoding, known_input
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import Affine, Step
from threshc.compiler.frontend.float_model import run_float
from threshc.compiler.frontend.load import lower_model
from threshc.compiler.frontend.lower import Lowered
from threshc.compiler.frontend.source import read_model
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Output
from threshc.compiler.passes.pipeline import optimize
from threshc.sim import packed, reference
from threshc.sim.counts import count
from threshc.sim.inputs import encode
from threshc.sim.result import Result
from threshc.tasks.compare import against_onnx, compare_results, outputs_only
from threshc.tasks.samples import random_samples
from threshc.tasks.second_opinion import second_opinion

Array = NDArray[Any]
ASKS = "nothing states its integers"  # what the front end says where --input is needed
PEER_SAMPLES = 32  # samples that an evaluator that is not ours sees
BLOCK_VALUES = 1 << 24  # elements of the largest value of one block of samples in the reference


@dataclass
class Verdict:
    """What is known of one model when it has been tried. Counts are (equal, compared); None where nothing compares."""

    model: str
    input: str = ""
    layers: int = 0
    synapses: int = 0
    samples: str = ""
    stored: tuple[int, int] | None = None
    truth: tuple[int, int] | None = None
    fixed_point: bool = False
    hidden_bits: int = 0
    hidden_samples: int = 0
    peer: str = ""
    operator_values: int = 0
    difference: str = ""
    refusal: str = ""
    problems: int = 0
    fault: str = ""
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Read and equal in everything compared, or refused; not good: a difference, or a fault of the tool."""
        stored = self.stored is None or self.fixed_point or self.stored[0] == self.stored[1]
        return not self.fault and not self.difference and stored

    def __str__(self) -> str:
        if self.fault:
            return f"FAULT    {self.model}: {self.fault}  {self.seconds:.1f} s"
        if self.refusal:
            more = f" ({self.problems} problems)" if self.problems > 1 else ""
            return f"refused  {self.model}: {self.refusal}{more}  {self.seconds:.1f} s"
        parts = [f"{self.layers} layers", f"{self.synapses:,} synapses", f"input {self.input}"]
        if self.stored is not None:
            parts.append(f"labels equal {self.stored[0]} of {self.stored[1]} (stored)")
        else:
            n = self.hidden_samples
            parts.append(f"labels equal {n} of {n} (float32 evaluator)")
        if self.truth is not None:
            parts.append(f"{100 * self.truth[0] / self.truth[1]:.2f} % right")
        if self.difference:
            parts.append(f"DIFFERENT: {self.difference}")
        else:
            parts.append(
                f"{self.hidden_bits:,} hidden bits equal (float32 evaluator = reference = packed, "
                f"{self.hidden_samples} samples)"
            )
            if self.peer:
                parts.append(f"{self.operator_values:,} values of single operators equal ({self.peer})")
        parts += [*self.notes, f"{self.seconds:.1f} s"]
        return f"{'read' if self.good else 'WRONG':8} {self.model}: " + ", ".join(parts)


@dataclass(frozen=True)
class Limits:
    """samples: the most that are labelled; hidden: the most whose hidden bits are compared; seconds: how long the
    slower executions (float32 evaluator, reference) may go on starting blocks of samples."""

    samples: int = 10_000
    hidden: int = 256
    seconds: float = 20.0


def try_model(path: Path, root: Path, stated: str | None, limits: Limits) -> Verdict:
    """Everything about one model; never raises: refusals and faults are in the verdict."""
    verdict, start = Verdict(str(path.relative_to(root)) if root.is_dir() else path.name), time.perf_counter()
    try:
        _try(verdict, path, root, stated, limits)
    except CompileError as error:
        first = min(error.diagnostics, key=lambda d: ASKS in d.what)  # what no --input would cure stands first
        where = f" [{_short(first.where, 120)}]" if first.where else ""
        why = f": {_short(first.why, 160)}" if first.why else ""
        verdict.refusal, verdict.problems = f"{_short(first.what, 200)}{where}{why}", len(error.diagnostics)
    except MemoryError:
        verdict.fault = "out of memory"
    except Exception as error:  # the one place that must not fail, whatever the tool does with a stranger's model
        text = str(error).splitlines()
        verdict.fault = f"{type(error).__name__}: {text[0] if text else ''}"
    verdict.seconds = time.perf_counter() - start
    return verdict


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 3] + "..."


def _try(verdict: Verdict, path: Path, root: Path, stated: str | None, limits: Limits) -> None:
    lowered, expected = _read(verdict, path, root, stated)
    network = lowered.network
    small = optimize(network)
    layers = count(small).layers
    verdict.layers, verdict.synapses = len(layers), sum(layer.synapses for layer in layers)
    data = _samples(verdict, network, expected, limits, stated or known_input(path))
    _compare_hidden(verdict, lowered, small, data, limits)
    _compare_peer(verdict, path, lowered, data[: min(limits.hidden, PEER_SAMPLES)])
    step = _block(small, 4096)
    parts = [packed.run(small, data[k : k + step], bits=False) for k in range(0, len(data), step)]
    values = tuple(np.concatenate([p.values[k] for p in parts]) for k in range(len(small.outputs)))
    _compare_stored(verdict, Result(small, values, ()), expected)


def _read(verdict: Verdict, path: Path, root: Path, stated: str | None) -> tuple[Lowered, Expected]:
    """The model under the encoding stated for it; where the front end asks for one, under the one its samples need."""
    encoding = stated or known_input(path)
    try:
        lowered = lower_model(path, input=encoding)
    except CompileError as error:
        if encoding is not None or not any(ASKS in d.what for d in error.diagnostics):
            raise
        expected = find_expected(path, root, _features(path))
        encoding = "uint8" if expected.samples is None else fitting_encoding(expected.samples)
        lowered = lower_model(path, input=encoding)
    verdict.input = str(lowered.network.input.encoding)
    tensors = (*lowered.graph.inputs, *lowered.graph.outputs)
    op = lowered.network.input
    features = op.encoding.features if isinstance(op.encoding, Step) else int(np.prod(op.shape))
    return lowered, find_expected(path, root, features, tensors)


def _features(path: Path) -> int:
    from threshc.compiler.frontend.graph import build_graph

    shapes = list(build_graph(*read_model(path)).inputs.values())
    return int(np.prod([d or 1 for d in shapes[0].shape[1:]], dtype=object)) if len(shapes) == 1 else 0


def _samples(verdict: Verdict, network: Network, expected: Expected, limits: Limits, stated: str | None) -> Array:
    """Samples in the form that the network takes: integers for Affine inputs, float32 for Step inputs."""
    if expected.samples is None:
        verdict.samples = "random samples"
        assumed = (
            ""
            if isinstance(network.input.encoding, Step) or stated
            else f"; nothing states the input: {verdict.input} assumed"
        )
        verdict.notes.append(f"no samples found: random ones{assumed}")
        return random_samples(network, min(limits.samples, 1024), 1)
    x = expected.samples.reshape(len(expected.samples), -1)[: limits.samples]
    verdict.samples = expected.source
    encoding = network.input.encoding
    images = "MNIST" in expected.source
    match encoding:
        case Step():
            return (x / np.float32(255) if images else x).astype(np.float32)
        case Affine(lo=0, hi=1) if images and encoding.line()[1] == (0,):
            return (x > 127).astype(np.uint8)
        case Affine() if images or x.dtype.kind in "iu":
            return x
        case Affine() as affine:
            integers = affine.nearest(x.astype(np.float64))
            exact = bool((affine.real(integers) == x.astype(np.float32)).all())
            if not exact:
                verdict.fixed_point = True
                verdict.notes.append("real samples rounded to this fixed point for network and float32 evaluator alike")
            return integers


def _block(network: Network, most: int) -> int:
    largest = max(int(np.prod(t.shape)) for t in network.types)
    return max(1, min(most, BLOCK_VALUES // max(largest, 1)))


def _compare_hidden(verdict: Verdict, lowered: Lowered, small: Network, data: Array, limits: Limits) -> None:
    """Block by block: float32 evaluator = reference = packed, in every hidden bit and output."""
    network, start = lowered.network, time.perf_counter()
    tensors = lowered.compared
    step = _block(network, 64)
    for k in range(0, min(len(data), limits.hidden), step):
        if k and time.perf_counter() - start > limits.seconds:
            return
        part = data[k : min(k + step, limits.hidden)]
        encoded = encode(network, part)
        encoding = network.input.encoding
        real = encoding.real(encoded) if isinstance(encoding, Affine) else part.astype(np.float32)
        seen = run_float(lowered.graph, real.reshape(len(part), *network.input.model_shape), tensors)
        values = reference.evaluate(network, encoded)
        law = against_onnx(lowered, dict(zip(tensors, seen, strict=True)), values, "float32 evaluator", law=True)
        expected = reference.run(small, part)
        before = [values[o.value] for o in network.outputs]
        checks = [law, outputs_only("passes", before, expected)]
        checks.append(compare_results("reference = packed", expected, packed.run(small, part), encoded))
        wrong = [c for c in checks if c.divergence is not None]
        if wrong:
            verdict.difference = str(wrong[0])
            return
        verdict.hidden_bits += law.bits
        verdict.hidden_samples += len(part)


def _compare_peer(verdict: Verdict, path: Path, lowered: Lowered, data: Array) -> None:
    """An evaluator that is not ours, operator by operator and end to end; rounding has to be shown."""
    network = lowered.network
    tensors = lowered.compared
    encoded, encoding = encode(network, data), network.input.encoding
    real = encoding.real(encoded) if isinstance(encoding, Affine) else data.astype(np.float32)
    x = real.reshape(len(data), *network.input.model_shape).astype(next(iter(lowered.graph.inputs.values())).dtype)
    opinion = second_opinion(*read_model(path), lowered, x, tensors, reference.evaluate(network, encoded))
    if opinion.peer is None:
        verdict.notes.append("not compared with anything but our own evaluator")
        return
    verdict.peer, verdict.operator_values = opinion.peer, opinion.checks[0].values
    wrong = [c for c in opinion.checks if not c.equal and not c.advisory]
    if wrong and not verdict.difference:
        verdict.difference = str(wrong[0])


def _compare_stored(verdict: Verdict, result: Result, expected: Expected) -> None:
    labels = result.labels
    if labels is not None and expected.truth is not None and expected.samples is not None:
        verdict.truth = _pair(labels, expected.truth)
    if expected.samples is None:
        return
    pairs = []
    if labels is not None and expected.labels is not None:
        pairs.append(_pair(labels, expected.labels))
    if expected.outputs is not None:
        pairs += _outputs(verdict, result, expected.outputs)
    if pairs:
        verdict.stored = max(pairs, key=lambda p: (p[1], -p[0]))
        worst = min(pairs, key=lambda p: p[0] / max(p[1], 1))
        if worst[0] < worst[1]:
            verdict.stored = worst


def _outputs(verdict: Verdict, result: Result, outputs: Array) -> list[tuple[int, int]]:
    """Real outputs against ours: bits one by one, scores by their class, and how far their real values are apart."""
    flat = outputs.reshape(len(outputs), -1).astype(np.float64)
    for o, ours in zip(result.network.outputs, result.values, strict=True):
        rows = min(len(flat), len(ours))
        mine = ours.reshape(len(ours), -1)[:rows]
        if o.kind == "bits" and mine.shape[1] == flat.shape[1]:
            real = _real(o, mine)
            return [(int((real == flat[:rows].astype(np.float32)).all(axis=1).sum()), rows)]
        if o.kind == "scores" and mine.shape[1] == flat.shape[1]:
            real, theirs = _real(o, mine), flat[:rows]
            if theirs.shape[1] == 1 or o.name.endswith(".scores"):
                return []
            tie = (theirs == theirs.max(axis=1, keepdims=True)).sum(axis=1) > 1
            same = mine.argmax(axis=1) == theirs.argmax(axis=1)
            if tie.any():
                verdict.notes.append(f"{int(tie.sum())} top-1 ties")
            if np.abs(theirs.sum(axis=1) - 1).max(initial=0) < 1e-3 and theirs.min(initial=0) >= 0:
                return [(int(same.sum()), rows)]  # probabilities: a softmax keeps the order alone
            spread = float(np.abs(theirs).max(initial=0)) or 1.0
            verdict.notes.append(f"scores within {float(np.abs(real - theirs).max(initial=0)) / spread:.0e}")
            return [(int(same.sum()), rows)]
    return []


def _real(o: Output, ours: Array) -> Array:
    return np.asarray(o.offset + o.scale * ours, np.float64).astype(np.float32)


def _pair(ours: Array, theirs: Array) -> tuple[int, int]:
    n = min(len(ours), len(theirs))
    return int((ours[:n] == theirs[:n]).sum()), n
