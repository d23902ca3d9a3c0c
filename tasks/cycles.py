"""When a circuit does what: every cycle from the exact model, without simulation; and what moves meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.network import Network
from threshc.hdl.options import USUAL_CIRCUIT, CircuitOptions
from threshc.hdl.payload import to_beats
from threshc.hdl.targets.registry import target as find_target
from threshc.tasks.plan import checked_clock, with_plan
from threshc.tasks.stimulus import Stimulus, stimulus

if TYPE_CHECKING:
    from threshc.hdl.chain import Circuit
    from threshc.hdl.folded.layer import FoldedLayer
    from threshc.hdl.folded.schedule import Stage

COLUMNS = 64
"""Of the picture."""
PATTERN = 4099
"""Cycles after which random valid and ready repeat."""
READ_PJ, ADD_PJ = 10 / 64, 0.03 / 8
"""Picojoules of a bit read from a memory of 8 kB and of a bit added, in 45 nm: M. Horowitz, ISSCC 2014, figure 1.1.9.
Stated for comparisons; an FPGA takes more."""


@dataclass(frozen=True, slots=True)
class Fill:
    """A queue or a buffer: what it is, its places, the most that it held, and the mean over the run."""

    what: str
    places: int
    most: int
    mean: float


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the circuit over the whole run.

    steps: per sample, cycles in which it works (0 for parts that only pass on); busy: of a steady interval, the share
    of these; waits: cycles in which it stood still for want of a chunk, and of a place for its answer; reads, bits:
    words and bits read from its weight memory for a sample; toggled: bits of these words that change from one to the
    next, for a sample; adds: one-bit products added for a sample. picture: its work over time, one character for each
    column of the picture.
    """

    name: str
    kind: str
    steps: int
    busy: float
    waits: tuple[int, int]
    fills: tuple[Fill, ...]
    reads: int
    bits: int
    toggled: int
    adds: int
    picture: str


@dataclass(frozen=True, slots=True, eq=False)
class CycleReport:
    """Cycles of a circuit, exact.

    first: from the first beat taken to the first answer's first beat; interval: between samples in the end, as a mean
    over the second half of the run; cycles: of the run, first beat in to last beat out; given, answered: cycles of
    every transfer in and out; streams: mean bits that change from beat to beat for a sample, by stream. clock_hz: None
    where none is stated.
    """

    samples: int
    first: int
    interval: float
    cycles: int
    parts: tuple[Part, ...]
    streams: tuple[tuple[str, float], ...]
    given: tuple[int, ...]
    answered: tuple[int, ...]
    shown: tuple[int, int]
    clock_hz: float | None

    @property
    def samples_per_second(self) -> float | None:
        """Samples a second at the clock, None without one."""
        return None if self.clock_hz is None else self.clock_hz / self.interval

    @property
    def picojoules(self) -> float:
        """The energy of memory reads and additions for a sample, by `READ_PJ` and `ADD_PJ`."""
        return sum(part.bits * READ_PJ + part.adds * ADD_PJ for part in self.parts)

    def as_dict(self) -> dict[str, Any]:
        """Returns the report for JSON."""
        figures = {"samples_per_second": self.samples_per_second, "picojoules_computed": self.picojoules}
        return asdict(self) | figures


def cycles(
    network: Network,
    x: ArrayLike | None = None,
    *,
    options: CircuitOptions = USUAL_CIRCUIT,
    target: str | None = None,
    clock: float | None = None,
    samples: int = 16,
    valid: float = 1.0,
    ready: float = 1.0,
    seed: int = 0,
) -> CycleReport:
    """Returns when the circuit of a network takes every beat and gives every answer, and what waits meanwhile.

    x: samples, of which the bits that change are counted; random ones if None, `samples` of them. options, target: the
    circuit, as for `compile`; a folded one, or one whose interface states when it moves. clock: in Hz, for the rate.
    valid, ready: the chance, in every cycle, that a beat is offered and that an answer is taken; 1 for always. Raises
    CompileError for chances outside 0 to 1 (0 excluded), for a clock that cannot be, and for a circuit without a cycle
    model.
    """
    from threshc.hdl.chain import build

    for name, value in (("valid", valid), ("ready", ready)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
            raise fail(f"{name} {value!r} cannot be a chance", where=option(name), hint="above 0, up to 1")
    clock = None if clock is None else checked_clock(clock)
    chosen = None if target is None else find_target(target)
    made = with_plan(network, options.settled(chosen), chosen)
    given = stimulus(network, x, None, samples=samples)
    if not len(given):
        raise fail("there is no sample", where="input data")
    return cycles_of(build(network, made), given, clock, _pattern(valid, seed), _pattern(ready, seed + 1))


def cycles_of(
    chain: Circuit, given: Stimulus, clock: float | None, offered: Sequence[bool], taken: Sequence[bool]
) -> CycleReport:
    """Returns the report of a circuit; offered, taken: patterns of valid and ready, as `schedule.run` takes them."""
    from threshc.hdl.folded import schedule

    stages, named, layers = _stages(chain)
    io, count = chain.interface, len(given)
    ins, outs = schedule.run([*stages, schedule.Sink(pattern=taken)], count * io.input.count, offered)
    ends = outs[io.output.count - 1 :: io.output.count]
    half = count // 2
    interval = (ends[-1] - ends[half - 1]) / (count - half) if half else float(io.timing.interval)
    window = ins[0], ends[min(2, count - 1)] + 1
    parts = tuple(
        _part(*named_as, stage, layer, count, interval, window)
        for named_as, stage, layer in zip(named, stages, layers, strict=True)
    )
    return CycleReport(
        count,
        outs[0] - ins[0],
        interval,
        outs[-1] - ins[0] + 1,
        parts,
        tuple(_streams(chain, given)),
        tuple(ins),
        tuple(outs),
        window,
        clock,
    )


def _pattern(chance: float, seed: int) -> list[bool]:
    if chance == 1:
        return [True]
    found: list[bool] = (np.random.default_rng(seed).random(PATTERN) < chance).tolist()
    return [True, *found]


def _stages(chain: Circuit) -> tuple[list[Stage], list[tuple[str, str]], list[FoldedLayer | None]]:
    """The cycle model of a circuit: stages, what each is called and is, and the layer of folded ones."""
    from threshc.hdl.chain import Chain
    from threshc.hdl.folded import schedule
    from threshc.hdl.folded.entry_schedule import CompareStage
    from threshc.hdl.folded.pool_schedule import PoolStage
    from threshc.hdl.folded.serial_schedule import SerialStage
    from threshc.hdl.folded.shift_schedule import ShiftWindowStage
    from threshc.hdl.folded.window_schedule import WindowStage

    if isinstance(chain, Chain):
        pipelines = chain.interface.timing.pipelines
        if not pipelines or chain.interface.input.count > 1:
            hint = "a folded circuit, or one that takes a sample in one transfer"
            raise fail("this circuit has no cycle model", where=chain.name, hint=hint)
        stages: list[Stage] = [schedule.PipelineStage(latency=p.latency, buffered=p.buffered) for p in pipelines]
        units = [unit.name for unit in chain.units]
        names = units if len(units) == len(stages) else [chain.name] * len(stages)
        return stages, [(name, "unrolled") for name in names], [None] * len(stages)
    kinds = {
        schedule.FoldedStage: "folded",
        WindowStage: "folded",
        SerialStage: "folded",
        CompareStage: "comparisons",
        PoolStage: "pool",
        ShiftWindowStage: "window",
        schedule.ArgMaxStage: "arg-max",
        schedule.PipelineStage: "unrolled",
    }
    found, named, layers = list[Any](), list[tuple[str, str]](), list[Any]()
    for part in chain.parts:
        if part.stage is None:
            continue
        stage, layer = part.stage(), getattr(part, "layer", None)
        kind = kinds.get(type(stage), "converter")
        found.append(stage)
        named.append((layer.name if layer is not None else getattr(part, "names", kind), kind))
        layers.append(layer)
    return found, named, layers


def _part(
    name: str,
    kind: str,
    stage: Stage,
    layer: FoldedLayer | None,
    count: int,
    interval: float,
    window: tuple[int, int],
) -> Part:
    from threshc.hdl.folded.fill import fill, shares, steps
    from threshc.hdl.folded.schedule import FoldedStage

    worked = steps(stage) if isinstance(stage, FoldedStage) else np.asarray(stage.times, np.int64)
    waits = [wait for wait in getattr(stage, "waits", ()) if wait.cycles]
    waited = tuple(sum(w.cycles for w in waits if w.want == want) for want in ("chunk", "place"))
    end = max((h.left[-1] for h in stage.held() if h.left), default=0)
    fills = tuple(Fill(h.what, h.places, *fill(h, window[0], end)) for h in stage.held())
    each = layer.interval if layer is not None else 0
    words, times = (None, 1) if layer is None else (layer.read_words(), layer.positions)
    return Part(
        name,
        kind,
        each,
        each / interval if interval else 0.0,
        (waited[0], waited[1]),
        fills,
        each,
        0 if words is None else times * int(words.size),
        0 if words is None else times * int((words != np.roll(words, 1, axis=0)).sum()),
        0 if layer is None else times * layer.rows * layer.columns * layer.whole.bits,
        "".join(
            " .:+*#"[min(5, int(np.ceil(5 * share)))]
            for share in shares(worked, *window, min(COLUMNS, window[1] - window[0]))
        ),
    )


def _streams(chain: Circuit, given: Stimulus) -> Iterator[tuple[str, float]]:
    """Bits that change from beat to beat, for a sample: of the input, and between layers where bits cross."""
    beats = to_beats(given.words, chain.interface.input)
    yield "input", _changes(np.unpackbits(beats, axis=1), len(given))
    from threshc.compiler.ir.layers import layer_of
    from threshc.compiler.ir.ops import Compare
    from threshc.hdl.folded.chain import FoldedChain

    if not isinstance(chain, FoldedChain) or not chain.shown:
        return
    bits = given.packed().bits
    compares = [v for v, op in enumerate(chain.network.ops) if isinstance(op, Compare)]
    by_value = dict(zip(compares, bits, strict=True))
    names = {v: layer.name for v, layer in layer_of(chain.network).items()}
    for _, field, count, picked in chain.shown:
        if field.value in by_value and not picked:
            values = by_value[field.value].reshape(len(given), -1)
            wide = -(-values.shape[1] // count)
            padded = np.pad(values, ((0, 0), (0, wide * count - values.shape[1])))
            yield f"behind {names.get(field.value, field.name)}", _changes(padded.reshape(-1, wide), len(given))


def _changes(beats: NDArray[np.uint8], samples: int) -> float:
    total = sum(int((a != b).sum()) for a, b in pairwise(beats))
    return total / samples
