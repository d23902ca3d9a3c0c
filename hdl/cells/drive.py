"""Netlists driven at their ports as the circuit will be, every answer compared bit for bit with the reference's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, fail
from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.sample_words import Words, from_lanes, to_lanes
from threshc.hdl.interface import Interface

Bytes = NDArray[np.uint8]
_ALL = ~np.uint64(0)
_MOST_LANES = 8


@dataclass(frozen=True, slots=True)
class Exercised:
    """A netlist that answered all samples right. what: which netlist, and how it was driven; cells: that it has."""

    what: str
    samples: int
    cycles: int
    cells: int


def exercise_network(gates: Gates, interface: Interface, samples: Bytes, expected: Bytes) -> Exercised:
    """The netlist of the network alone, through its streams, with bubbles and stalls.

    samples (N, bytes): input words (`threshc.hdl.payload.pack`); expected (N, bytes): output words. `valid` and `ready`
    are compared in every cycle. Raises CompileError naming sample, output and bit where the netlist answers otherwise.
    """
    lanes = min(max(len(samples) // 512, 1), _MOST_LANES)
    each = 64 * lanes
    batches = [to_lanes(samples[k : k + each], interface.input.bits, lanes) for k in range(0, len(samples), each)]
    (pipeline,) = interface.timing.pipelines
    plan = _plan(len(batches), pipeline.latency, pipeline.buffered)
    machine = Machine(gates, lanes)
    ports, outs = gates.inputs, gates.outputs
    drive = machine.nets([*ports["i_payload"], *ports["i_valid"], *ports["o_ready"], *ports["rst"]])
    watch = machine.nets([*outs["o_payload"], *outs["o_valid"], *outs["i_ready"]])
    stimulus = np.zeros((len(plan), len(drive), lanes), np.uint64)
    for cycle, step in enumerate(plan):
        stimulus[cycle, :-3] = ~batches[0] if step.sample is None else batches[step.sample]
        stimulus[cycle, -3:] = np.where([step.offered, step.ready, step.reset], _ALL, np.uint64(0))[:, None]
    got = machine.run(drive, stimulus, watch)
    answered = 0
    for cycle, step in enumerate(plan):
        for signal, level, want in (("o_valid", got[cycle, -2], step.valid), ("i_ready", got[cycle, -1], step.taken)):
            if want is not None and (level != (_ALL if want else 0)).any():
                raise _wrong(f"{signal} is not {int(want)} in cycle {cycle}", gates)
        if step.valid and step.ready:
            start = answered * each
            compare(interface, gates, from_lanes(got[cycle, :-2], len(expected[start : start + each])), expected, start)
            answered += 1
    assert answered == len(batches)
    return Exercised("the network, through its streams", len(samples), len(plan), len(gates.cells))


@dataclass(frozen=True, slots=True)
class _Step:
    """A cycle: what is driven, and what `o_valid` and `i_ready` must be (None where that is not known yet)."""

    sample: int | None
    offered: bool
    ready: bool
    reset: bool
    valid: bool | None
    taken: bool | None


def _plan(batches: int, latency: int, buffered: bool) -> list[_Step]:
    """Every batch offered once, with a bubble every fifth and a stall of two in every seven cycles. buffered: as in
    `threshc.hdl.unrolled.emit.Pipeline`."""
    steps = [_Step(None, False, True, True, None, None)] * 2
    stages = [False] * latency
    fed = taken = 0
    full = False
    while taken < batches:
        cycle = len(steps)
        offered, ready = cycle % 5 != 3 and fed < batches, cycle % 7 not in (4, 5)
        valid = full or stages[-1]
        enable = not full if buffered else not valid or ready
        steps.append(_Step(fed if offered else None, offered, ready, False, valid, enable))
        taken += valid and ready
        full = buffered and valid and not ready
        if enable:
            stages = [offered, *stages[:-1]]
            fed += offered
    return steps


def compare(interface: Interface, gates: Gates, got: Bytes, expected: Bytes, start: int) -> None:
    """Raises CompileError where answers (n, bytes) differ from expected[start : start + n]."""
    want = expected[start : start + len(got)]
    wrong = got != want
    if not wrong.any():
        return
    row = int(wrong.any(axis=1).argmax())
    difference = np.unpackbits(got[row] ^ want[row], bitorder="little")
    bit = int(difference.argmax())
    field = next(f for f in interface.fields if f.offset <= bit < f.offset + f.width)
    element, digit = divmod(bit - field.offset, field.element_width)
    where = f"bit {digit} of {field.name}" + (f" {element}" if field.width > field.element_width else "")
    value = int.from_bytes(want[row].tobytes(), "little") >> bit & 1
    raise _wrong(f"sample {start + row}: {where} is {1 - value}, expected {value}", gates)


def _wrong(why: str, gates: Gates) -> CompileError:
    return fail(
        "the netlist of cells does not do what the circuit does",
        where=f"module {gates.module}, {len(gates.cells):,} cells",
        why=why,
        hint="this is a bug of synthesis or of threshc: please report it with the model and the versions of both",
    )


def lanes_for(samples: Bytes) -> tuple[int, Bytes]:
    """Machine words, and the samples that they hold side by side: up to 512."""
    lanes = min(-(-len(samples) // 64), _MOST_LANES)
    return lanes, samples[: 64 * lanes]


def spread(bits: NDArray[np.integer], lanes: int) -> Words:
    """The same bits (cycles, nets) for all samples, as stimulus (cycles, nets, lanes)."""
    return np.repeat(np.where(bits, _ALL, np.uint64(0))[:, :, None], lanes, axis=2).astype(np.uint64)
