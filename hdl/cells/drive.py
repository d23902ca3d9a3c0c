"""Netlists driven at their ports as the circuit will be, every answer compared bit for bit with the reference's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import CompileError, fail
from threshc.hdl.cells.drive_load import fill_through_port
from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.handshake import Handshake
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.sample_words import Words, from_lanes, to_lanes
from threshc.hdl.interface import Interface
from threshc.hdl.payload import from_beats, to_beats

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
    """Returns the netlist of the network alone, through its streams, with bubbles and stalls.

    samples (N, bytes): words of samples (`threshc.hdl.payload`); expected (N, bytes): those of the answers. A bubble is
    every fifth and a stall two in every seven cycles; `valid` and `ready` are compared in every cycle where the
    interface says what they must be. Memories that are filled at start are written before, word by word. Raises
    CompileError naming sample, output and bit where the netlist answers otherwise, and where it stops.
    """
    lanes = min(max(len(samples) // 512, 1), _MOST_LANES)
    each = 64 * lanes
    payloads = [p for k in range(0, len(samples), each) for p in payload_lanes(samples[k : k + each], interface, lanes)]
    machine = Machine(gates, lanes)
    ports, outs, driven = gates.inputs, gates.outputs, ("i_payload", "i_valid", "o_ready", "rst")
    drive = machine.nets([net for name in driven for net in ports[name]])
    watch = machine.nets([*outs["o_payload"], *outs["o_valid"], *outs["i_ready"]])
    model = Handshake(interface.timing.pipelines) if interface.timing.pipelines else None
    stimulus = np.zeros((1, len(drive), lanes), np.uint64)
    fed = taken = cycle = idle = 0
    offered, got = False, list[Words]()
    stimulus[0, -3:] = np.where([False, True, True], _ALL, np.uint64(0))[:, None]
    machine.run(drive, np.repeat(stimulus, 2, axis=0), watch)  # a reset
    filled = fill_through_port(machine, gates, interface)
    answers = -(-len(samples) // each) * interface.output.count
    while taken < answers:
        offered, ready = fed < len(payloads) and (offered or cycle % 5 != 3), cycle % 7 not in (4, 5)
        stimulus[0, :-3] = payloads[fed] if offered else ~payloads[0]
        stimulus[0, -3:] = np.where([offered, ready, False], _ALL, np.uint64(0))[:, None]
        (seen,) = machine.run(drive, stimulus, watch)
        valid, accepted = (_level(seen[k], name, cycle, gates) for k, name in ((-2, "o_valid"), (-1, "i_ready")))
        if model is not None:
            wanted = model.step(offered, ready)
            for name, level, want in zip(("o_valid", "i_ready"), (valid, accepted), wanted, strict=True):
                if level != want:
                    raise _wrong(f"{name} is not {int(want)} in cycle {cycle}", gates)
        accepted = accepted and offered
        if valid and ready:
            got.append(seen[:-2])
            taken += 1
            if len(got) == interface.output.count:
                start = (taken // len(got) - 1) * each
                words = lane_words(got, interface, len(samples[start : start + each]))
                compare(interface, gates, words, expected, start)
                got = []
        fed, offered, cycle = fed + accepted, offered and not accepted, cycle + 1
        idle = 0 if accepted or (valid and ready) else idle + 1
        if idle > interface.timing.patience:
            raise _wrong(f"it stopped after {taken} of {answers} answers, in cycle {cycle}", gates)
    return Exercised("the network, through its streams", len(samples), filled + cycle + 2, len(gates.cells))


def _level(lanes: Words, name: str, cycle: int, gates: Gates) -> bool:
    """What a signal is for all samples alike."""
    if (lanes != lanes[0]).any() or lanes[0] not in (0, _ALL):
        raise _wrong(f"{name} is not the same for all samples in cycle {cycle}", gates)
    return bool(lanes[0])


def payload_lanes(samples: Bytes, interface: Interface, lanes: int) -> list[Words]:
    """Returns the payloads of up to 64 * lanes samples, (width, lanes) each, the samples side by side."""
    beats = interface.input
    payloads = to_beats(samples, beats).reshape(len(samples), beats.count, -1)
    return [to_lanes(np.ascontiguousarray(payloads[:, k]), beats.width, lanes) for k in range(beats.count)]


def lane_words(payloads: list[Words], interface: Interface, count: int) -> Bytes:
    """Returns the words (count, bytes) of the first samples' answers, from their payloads (width, lanes)."""
    rows = np.stack([from_lanes(p, count) for p in payloads], axis=1)
    return from_beats(rows.reshape(len(payloads) * count, -1), interface.output)


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
    """Returns the machine words, and the samples that they hold side by side: up to 512."""
    lanes = min(-(-len(samples) // 64), _MOST_LANES)
    return lanes, samples[: 64 * lanes]


def spread(bits: NDArray[np.integer], lanes: int) -> Words:
    """Returns the same bits (cycles, nets) for all samples, as stimulus (cycles, nets, lanes)."""
    return np.repeat(np.where(bits, _ALL, np.uint64(0))[:, :, None], lanes, axis=2).astype(np.uint64)
