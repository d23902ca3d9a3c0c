"""The netlist of a bare device: the network in its harness, as place and route gets it."""

from __future__ import annotations

import numpy as np

from threshc.hdl.cells.drive import Bytes, Exercised, compare, lanes_for, spread
from threshc.hdl.cells.gates import Gates
from threshc.hdl.cells.machine import Machine
from threshc.hdl.cells.sample_words import from_lanes, to_lanes
from threshc.hdl.interface import Interface
from threshc.hdl.shell.harness import CHAIN


def exercise_harness(gates: Gates, interface: Interface, samples: Bytes, expected: Bytes) -> Exercised:
    """Samples are shifted in at the pins; answers are read where the harness folds them together, in `answer`.

    Up to 512 samples side by side. Raises CompileError naming sample, output and bit where an answer is wrong.
    """
    lanes, samples = lanes_for(samples)
    words = to_lanes(samples, interface.input.bits, lanes)
    chains = [words[start : start + CHAIN] for start in range(0, len(words), CHAIN)]
    shifts, latency = max(map(len, chains)), interface.timing.latency
    cycles = 2 + shifts + latency + 2
    machine = Machine(gates, lanes)
    ports = gates.inputs
    names = ("sample_valid", "answer_ready", "rst")
    control = np.zeros((cycles, 3), np.int64)
    control[:2, 2] = 1
    control[2 + shifts, 0] = 1  # the whole sample stands in its chains; from then on the network's output is stalled
    control[: 2 + shifts + 1, 1] = 1
    pins = np.zeros((cycles, len(chains), lanes), np.uint64)
    for k, chain in enumerate(chains):
        pins[2 + shifts - len(chain) : 2 + shifts, k] = chain[::-1]
    given = [k for k, name in enumerate(names) if name in ports]
    drive = machine.nets([*ports["shift_in"], *(ports[names[k]][0] for k in given)])
    stimulus = np.concatenate([pins, spread(control[:, given], lanes)], axis=1)
    watch = machine.nets([*gates.names["answer"], *gates.outputs["answer_valid"]])
    got = machine.run(drive, stimulus, watch)
    before, after = got[-2, :-1], got[-1, :-1]  # answer <= (answer << 1) ^ payload, the payload standing still
    payload = after ^ np.concatenate([np.zeros_like(before[:1]), before[:-1]])
    compare(interface, gates, from_lanes(payload, len(samples)), expected[: len(samples)], 0)
    return Exercised("with its harness, at the pins", len(samples), cycles, len(gates.cells))
