"""The engines compiled for AVX2 and for any x86-64, against the ones for this processor, in one process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from bench.measure import Row, interleave
from bench.native import library
from bench.networks import DENSE, dense_network, layers
from threshc.compiler.ir.network import Network
from threshc.sim import packed
from threshc.sim.packed import driver, image, machine, words_driver

PROCESSORS = {
    "AVX2": ("haswell", "+avx,+avx2,+bmi,+bmi2,+popcnt,+fma", 1 / 3),
    "any x86-64": ("x86-64", "", None),
}
"""LLVM's name, features, and the least share of the speed with AVX-512 that is wanted."""
ENGINES = ("words", "planes_16")
_BUILD = f"from threshc.sim.packed.machine import entry\nfor name in {ENGINES}: entry(name)"


def entries(cpu: str, features: str) -> dict[str, machine.Entry]:
    """The engines for another processor, from the user's cache (a process of its own puts them there)."""
    stated = {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features}
    subprocess.run([sys.executable, "-c", _BUILD], env={**os.environ, **stated}, check=True)
    with _environment(stated):
        found = {name: image.load(name) for name in ENGINES}
    return {name: machine._PROTOTYPE(address) for name, address in found.items() if address is not None}


@contextmanager
def _environment(stated: dict[str, str]) -> Iterator[None]:
    """Images are keyed by the processor that Numba is told to compile for."""
    before = dict(os.environ)
    os.environ.update(stated)
    image._key.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        image._key.cache_clear()


def _use(entry: Callable[[str], machine.Entry]) -> None:
    vars(driver)["entry"] = vars(words_driver)["entry"] = entry


def _call(network: Network, x: NDArray[np.uint8], found: dict[str, machine.Entry]) -> Callable[[], NDArray[np.integer]]:
    def call() -> NDArray[np.integer]:
        _use(found.__getitem__)
        try:
            labels = packed.run(network, x, bits=False, threads=1).labels
        finally:
            _use(machine.entry)
        assert labels is not None
        return labels

    return call


def processor_rows(quick: bool) -> list[Row]:
    """Both engines of the dense networks; labels are compared first."""
    if library() is None:  # the processor has no AVX-512
        return []
    made = {name: entries(cpu, features) for name, (cpu, features, _) in PROCESSORS.items()}
    native = {name: machine.entry(name) for name in ENGINES}
    rows = []
    for network_name, sizes in DENSE.items():
        network = dense_network(network_name, layers(sizes))
        for engine, count in (("planes", 10_000), ("words", 64)):
            x = np.random.default_rng(1).integers(0, 256, (count, sizes[0]), dtype=np.uint8)
            calls = {name: _call(network, x, found) for name, found in {"AVX-512": native, **made}.items()}
            want = calls["AVX-512"]()
            if any(not np.array_equal(call(), want) for call in calls.values()):
                raise SystemExit(f"{network_name}: the processors' classes differ, nothing was timed")
            times = interleave(calls, 5 if quick else 15, 0.01, clock=time.thread_time)
            for name, (_, _, goal) in PROCESSORS.items():
                label = f"{network_name} {engine}, compiled for {name}"
                peer = ("AVX-512", times["AVX-512"])
                rows.append(times[name].row(label, 1e9 / count, "ns/sample", peer, goal))
    return rows
