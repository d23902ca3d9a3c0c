# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""The inner loop of the simulation of netlists."""

from __future__ import annotations

import numpy as np
from numba import njit

_ALL, _NONE = ~np.uint64(0), np.uint64(0)


@njit(nogil=True, error_model="numpy")
def select(words, w, address, a0, a1, base, addresses):
    """Finds where every sample of a machine word reads or writes. Returns whether all do at the same place,
    which is then addresses[0]."""
    at = base
    for a in range(a0, a1):
        value = words[address[a, 0], w]
        if value == _ALL:
            at += address[a, 1]
        elif value != 0:
            break
    else:
        addresses[0] = at
        return True
    for s in range(64):
        addresses[s] = base
    for a in range(a0, a1):
        value = words[address[a, 0], w]
        for s in range(64):
            if (value >> np.uint64(s)) & np.uint64(1):
                addresses[s] += address[a, 1]
    return False


@njit(nogil=True, error_model="numpy")
def read_all(phase, words, addresses, reads, read_bits, address, rom, ram):
    """Does the readings of a phase; addresses: 64 places of its own."""
    for p in range(len(reads)):
        when, written, base, a0, a1, d0, d1 = reads[p]
        if when != phase:
            continue
        for w in range(words.shape[1]):
            same = select(words, w, address, a0, a1, base, addresses)
            for d in range(d0, d1):
                at, place = read_bits[d]
                if same and written:
                    words[at, w] = ram[addresses[0] + place, w]
                elif same:
                    words[at, w] = _ALL if rom[addresses[0] + place] else _NONE
                else:
                    found = _NONE
                    for s in range(64):
                        bit = np.uint64(1) << np.uint64(s)
                        here = addresses[s] + place
                        if (ram[here, w] & bit) != 0 if written else rom[here]:
                            found |= bit
                    words[at, w] = found


@njit(nogil=True, error_model="numpy")
def write_all(words, addresses, writes, write_bits, address, ram):
    """Does all writing."""
    for p in range(len(writes)):
        base, a0, a1, d0, d1 = writes[p]
        for w in range(words.shape[1]):
            same = select(words, w, address, a0, a1, base, addresses)
            for d in range(d0, d1):
                at, place, enable = write_bits[d]
                value, taken = words[at, w], words[enable, w]
                if same:
                    here = addresses[0] + place
                    ram[here, w] = (ram[here, w] & ~taken) | (value & taken)
                elif taken != 0:
                    for s in range(64):
                        bit = np.uint64(1) << np.uint64(s)
                        if taken & bit:
                            here = addresses[s] + place
                            ram[here, w] = (ram[here, w] & ~bit) | (value & bit)


@njit(nogil=True, error_model="numpy")
def run(words, program, ends, first, q, d, drive, stimulus, watch, out, memories):
    """Runs cycle by cycle: stimulus, selections and readings in phases, what is watched, then the clock's edge."""
    reads, read_bits, writes, write_bits, address, rom, ram = memories
    lanes = words.shape[1]
    addresses = np.zeros(64, np.int64)
    state = np.empty((len(q), lanes), np.uint64)
    for cycle in range(len(stimulus)):
        for k in range(len(drive)):
            for w in range(lanes):
                words[drive[k], w] = stimulus[cycle, k, w]
        start = 0
        for phase in range(len(ends)):
            for k in range(start, ends[phase]):
                select, one, zero = program[k, 0], program[k, 1], program[k, 2]
                for w in range(lanes):
                    other = words[zero, w]
                    words[first + k, w] = other ^ (words[select, w] & (other ^ words[one, w]))
            start = ends[phase]
            read_all(phase, words, addresses, reads, read_bits, address, rom, ram)
        for k in range(len(watch)):
            for w in range(lanes):
                out[cycle, k, w] = words[watch[k], w]
        for k in range(len(q)):
            for w in range(lanes):
                state[k, w] = words[d[k], w]
        write_all(words, addresses, writes, write_bits, address, ram)
        for k in range(len(q)):
            for w in range(lanes):
                words[q[k], w] = state[k, w]
