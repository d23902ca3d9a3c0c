"""The netlist of a bare device: the network in its harness, as place and route gets it."""

from __future__ import annotations

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.hdl.cells.drive import Bytes, Exercised, compare, lane_words, lanes_for, payload_lanes, spread
from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.sample_words import Words
from threshc.hdl.interface import Interface
from threshc.hdl.shell.harness import CHAIN

_PINS = ("sample_valid", "answer_ready", "rst")


def exercise_harness(gates: Gates, interface: Interface, samples: Bytes, expected: Bytes) -> Exercised:
    """Samples are shifted in at the pins; answers are read where the harness folds them together, in `answer`.

    Up to 512 samples side by side. Raises CompileError naming sample, output and bit where an answer is wrong, and
    where the netlist neither takes a payload nor answers.
    """
    lanes, samples = lanes_for(samples)
    payloads, pins = payload_lanes(samples, interface, lanes), _Pins(gates, lanes)
    pins.run(2, rst=1)
    fed, idle, got = 0, 0, list[Words]()
    while len(got) < interface.output.count:
        before = pins.cycles
        moved = fed < len(payloads) and pins.offer(payloads[fed])
        fed += moved
        answer = pins.answer()
        if answer is not None:
            got.append(answer)
        idle = 0 if moved or answer is not None else idle + pins.cycles - before
        if idle > interface.timing.patience:
            why = f"{fed} payloads of each sample were taken, {len(got)} answered"
            raise fail("the netlist has stopped", where=f"module {gates.module}", why=why)
    compare(interface, gates, lane_words(got, interface, len(samples)), expected[: len(samples)], 0)
    return Exercised("with its harness, at the pins", len(samples), pins.cycles, len(gates.cells))


class _Pins:
    """The harness's pins, whose registers delay every control by a cycle."""

    def __init__(self, gates: Gates, lanes: int) -> None:
        self.cycles = 0
        self._machine, self._lanes = Machine(gates, lanes), lanes
        self._given = [k for k, name in enumerate(_PINS) if name in gates.inputs]
        controls = [gates.inputs[_PINS[k]][0] for k in self._given]
        self._chains = len(gates.inputs["shift_in"])
        self._drive = self._machine.nets([*gates.inputs["shift_in"], *controls])
        outs = (gates.names["answer"], gates.outputs["answer_valid"], gates.outputs["sample_ready"])
        self._watch = self._machine.nets([net for nets in outs for net in nets])

    def run(
        self, cycles: int, *, rst: int = 0, answer_ready: int = 0, sample_valid: int = 0, shift: Words | None = None
    ) -> Words:
        """Words (cycles, watched, lanes). rst: in all cycles; answer_ready: in the first; sample_valid: in the one in
        which the last bits of `shift` (cycles of its own, chains, lanes) go in."""
        control, pins = np.zeros((cycles, 3), np.int64), np.zeros((cycles, self._chains, self._lanes), np.uint64)
        control[:, 2] = rst
        control[0, 1] = answer_ready
        if shift is not None:
            pins[: len(shift)] = shift
            control[len(shift) - 1, 0] = sample_valid
        stimulus = np.concatenate([pins, spread(control[:, self._given], self._lanes)], axis=1)
        self.cycles += cycles
        return self._machine.run(self._drive, stimulus, self._watch)

    def offer(self, payload: Words) -> bool:
        """Shifts a payload in and offers it for one cycle; returns whether it was taken."""
        chains = [payload[start : start + CHAIN] for start in range(0, len(payload), CHAIN)]
        shift = np.zeros((max(map(len, chains)), len(chains), self._lanes), np.uint64)
        for k, chain in enumerate(chains):
            shift[len(shift) - len(chain) :, k] = chain[::-1]
        got = self.run(len(shift) + 2, sample_valid=1, shift=shift)
        return bool(got[-1, -1, 0])

    def answer(self) -> Words | None:
        """Takes the payload (width, lanes) that is output, and returns it; None where none is."""
        got = self.run(2)
        if not got[-1, -2, 0]:
            return None
        before, after = got[-2, :-2], got[-1, :-2]  # answer <= (answer << 1) ^ payload, the payload standing still
        self.run(3, answer_ready=1)
        return np.asarray(after ^ np.concatenate([np.zeros_like(before[:1]), before[:-1]]))
