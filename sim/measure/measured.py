"""What a network costs in the packed simulator: counted operations, bytes as laid out, measured times and activity."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.layers import Layer, layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Bitplanes, Compare, Gather, Input, Output, Sum, Value, Window
from threshc.sim.counts import Counts, LayerCounts, count
from threshc.sim.packed.planes.activity import Activity
from threshc.sim.packed.planes.driver import Steps
from threshc.sim.packed.planes.layout import LANES, PACK
from threshc.sim.packed.planes.plan import plan
from threshc.sim.packed.words.plan import word_plan

BLOCKS = 4
"""Blocks of 512 samples that share a layer's tables."""

ENERGY_SOURCE = "Horowitz, Computing's Energy Problem, ISSCC 2014: 45 nm, 0.9 V"
PJ_ADD = 0.03 / 8
"""One bit of an 8-bit integer addition."""
PJ_READ = 10 / 64
"""One bit of a 64-bit read of an 8 kB SRAM."""
PJ_FLOAT = 3.7 + 0.9 + 32 * PJ_READ
"""A float32 multiplication, addition and weight read."""


@dataclass(frozen=True, slots=True)
class LayerMeasured:
    """One layer of `counts`, per sample where not stated.

    word_bytes:    weights and thresholds as the word engine lays them out (in all); None where it does not cover them
    table_bytes:   literals, constants and limits of the bit planes (in all)
    bytes_moved:   tables / 2048 (as many samples share them), input and output bits
    intensity:     2 * synapses / bytes moved
    nanoseconds:   measured on bit planes; 0 where the layer has no steps of its own
    gigasynapses:  per second
    adder_pj, memory_pj: counted adders and weight bits at published energies; float32_pj: the same layer in float32
    active_pj:     adder_pj times the rate at which the layer's input bits change, relative to random bits (half of
                   the time); None without activity, and where the layer does not read the results of Compares
    ones, toggles: share of set bits, and of bits that differ from the sample before; None without activity
    dead, constant: neurons that were never set, and never clear
    neuron_ones, neuron_toggles: the same per neuron, in samples, in the order of the Compare's bits
    """

    counts: LayerCounts
    word_bytes: int | None
    table_bytes: int
    bytes_moved: float
    intensity: float
    nanoseconds: float
    gigasynapses: float
    adder_pj: float
    memory_pj: float
    float32_pj: float
    active_pj: float | None
    ones: float | None
    toggles: float | None
    dead: int | None
    constant: int | None
    neuron_ones: tuple[int, ...] | None
    neuron_toggles: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Measured:
    """All layers; peak_gigasynapses: the counting kernel on cached layers of 512 inputs; peak_bandwidth: bytes per
    second read from memory (64 MB); samples: of the activity; nanoseconds: of all steps of one sample, with packing and
    writing the results, from nearby memory."""

    network: str
    counts: Counts
    layers: tuple[LayerMeasured, ...]
    nanoseconds: float
    peak_gigasynapses: float
    peak_bandwidth: float
    energy_source: str
    samples: int


def measure(network: Network, activity: Activity | None = None) -> Measured:
    """Measures a network on this machine, one thread; takes a second or two."""
    counts = count(network)
    parts = zip(layers(network), counts.layers, strict=True)
    measured = tuple(_layer(network, layer, counted, activity) for layer, counted in parts)
    samples = 0 if activity is None else activity.samples
    found = plan(network)
    whole = _best(Steps(found, range(len(found.program)), BLOCKS)) / (BLOCKS * LANES) * 1e9
    return Measured(network.name, counts, measured, whole, _peak(), _bandwidth(), ENERGY_SOURCE, samples)


def _layer(network: Network, which: Layer, layer: LayerCounts, activity: Activity | None) -> LayerMeasured:
    found, words, own = plan(network), word_plan(network), which.values
    steps = [k for v in own for k in found.spent[v][0]]
    literals = sum(found.spent[v][1] for v in own)
    masks = sum(found.spent[v][2] for v in own)
    limits = sum(int(found.program[k]["width"]) for k in steps if found.program[k]["op"] == PACK)
    table = literals * found.lits.itemsize + 8 * masks + limits
    seconds = _best(Steps(found, steps, BLOCKS)) / (BLOCKS * LANES) if steps else 0.0
    moved = table / (BLOCKS * LANES) + (float(np.prod(layer.input_shape)) + layer.activation_bits) / 8
    ones, toggles = _activity(network, own, activity)
    n = 0 if activity is None else activity.samples
    adder_pj = (layer.full_adders + layer.half_adders) * PJ_ADD
    op = network.ops[layer.value]
    read = _activity(network, _compares_read(network, op.x), activity)[1] if isinstance(op, Sum) else None
    return LayerMeasured(
        counts=layer,
        word_bytes=None if words is None else sum(words.weight_bytes[v] for v in own),
        table_bytes=table,
        bytes_moved=moved,
        intensity=2 * layer.synapses / moved,
        nanoseconds=seconds * 1e9,
        gigasynapses=layer.synapses / seconds / 1e9 if seconds else 0.0,
        adder_pj=adder_pj,
        memory_pj=(layer.weight_bits + layer.threshold_bits) * PJ_READ,
        float32_pj=layer.synapses * PJ_FLOAT,
        active_pj=None if read is None else adder_pj * float(read.mean()) / max(1, n - 1) / 0.5,
        ones=None if ones is None else float(ones.mean() / n),
        toggles=None if toggles is None else float(toggles.mean() / max(1, n - 1)),
        dead=None if ones is None else int((ones == 0).sum()),
        constant=None if ones is None else int((ones == n).sum()),
        neuron_ones=None if ones is None else tuple(ones.tolist()),
        neuron_toggles=None if toggles is None else tuple(toggles.tolist()),
    )


def _activity(
    network: Network, values: Sequence[Value], activity: Activity | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | tuple[None, None]:
    """Ones and changes of every bit of the Compares among some values."""
    compares = [v for v, op in enumerate(network.ops) if isinstance(op, Compare)]
    which = [compares.index(v) for v in values if v in compares]
    if activity is None or not which or not activity.samples:
        return None, None
    ones, toggles = activity.ones, activity.toggles
    return np.concatenate([ones[k].ravel() for k in which]), np.concatenate([toggles[k].ravel() for k in which])


def _compares_read(network: Network, v: Value) -> list[Value]:
    """The Compares whose bits a value consists of; none if there are others in it."""
    match network.ops[v]:
        case Compare():
            return [v]
        case Window(x=x):
            return _compares_read(network, x)
        case Gather(x=xs):
            parts = [_compares_read(network, x) for x in xs]
            return [v for part in parts for v in part] if all(parts) else []
        case _:
            return []


def _best(steps: Steps) -> float:
    """Seconds of CPU time, the least of several rounds of about a millisecond."""
    steps()
    start = time.thread_time()
    steps()
    turns = max(1, int(1e-3 / max(time.thread_time() - start, 1e-7)))
    rounds = []
    for _ in range(15):
        start = time.thread_time()
        for _ in range(turns):
            steps()
        rounds.append((time.thread_time() - start) / turns)
    return min(rounds)


def _peak() -> float:
    """The best rate of the counting kernel on layers whose planes and tables stay in the nearest caches."""
    return max(_layer_rate(fan_in, rows, blocks) for fan_in, rows in ((512, 256), (512, 512)) for blocks in (1, BLOCKS))


def random_layer(rng: np.random.Generator, fan_in: int, rows: int) -> Network:
    """Returns a network of one layer of random weights -1 and 1, values 2 and 3: what kernels are measured on."""
    weights = rng.choice(np.array([-1, 1], np.int8), (rows, fan_in))
    ops = (
        Input("x", (fan_in,), parse_encoding("bit")),
        Bitplanes(0),
        Sum(1, weights, np.zeros(rows, np.int64)),
        Compare(2, np.arange(rows), rng.integers(-5, 6, rows)),
    )
    return Network("layer", ops, (Output("y", 3, "bits", np.ones(()), np.zeros(())),))


def _layer_rate(fan_in: int, rows: int, blocks: int) -> float:
    found = plan(random_layer(np.random.default_rng(0), fan_in, rows))
    steps = [k for v in (2, 3) for k in found.spent[v][0]]
    return fan_in * rows * blocks * LANES / _best(Steps(found, steps, blocks)) / 1e9


def _bandwidth() -> float:
    data: NDArray[np.uint64] = np.ones(8 << 20, np.uint64)
    rounds = []
    for _ in range(5):
        start = time.thread_time()
        data.sum()
        rounds.append(time.thread_time() - start)
    return data.nbytes / min(rounds)
