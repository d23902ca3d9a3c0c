"""The engines compiled for AVX2 and for any x86-64, against the ones for this processor, in one process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from bench.measure import Row, interleave
from bench.native import library
from bench.networks import DENSE, dense_network, layers
from threshc.compiler.ir.network import Network
from threshc.sim import packed
from threshc.sim.packed.machine import code, image
from threshc.sim.packed.planes import driver
from threshc.sim.packed.planes.plan import plan
from threshc.sim.packed.words import driver as words_driver

PROCESSORS = {
    "AVX2": ("haswell", "+avx,+avx2,+bmi,+bmi2,+popcnt,+fma", 1 / 3),
    "any x86-64": ("x86-64", "", None),
}
"""LLVM's name, features, and the least share of the speed with AVX-512 that is wanted."""
Addresses = dict[str, int]
"""Where the engines and kernels for a processor are, by name (see `compile.NAMES`)."""


def addresses(cpu: str, features: str, names: Iterable[str]) -> Addresses:
    """Machine code for another processor, from the user's cache (a process of its own puts it there)."""
    stated = {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features}
    build = f"from threshc.sim.packed.machine.code import address\nfor name in {list(names)}: address(name)"
    subprocess.run([sys.executable, "-c", build], env={**os.environ, **stated}, check=True)
    with _environment(stated):
        found = {name: image.load(name) for name in names}
    return {name: address for name, address in found.items() if address is not None}


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


def _use(address: Callable[[str], int]) -> None:
    vars(driver)["address"] = address
    vars(driver)["entry"] = vars(words_driver)["entry"] = lambda name: code._PROTOTYPE(address(name))


def _call(network: Network, x: NDArray[np.uint8], found: Addresses) -> Callable[[], NDArray[np.integer]]:
    """A run of a network that nobody else runs: the steps of its plan keep the addresses of their kernels."""

    def call() -> NDArray[np.integer]:
        _use(found.__getitem__)
        try:
            labels = packed.run(network, x, bits=False, threads=1).labels
        finally:
            _use(code.address)
        assert labels is not None
        return labels

    return call


def processor_rows(quick: bool) -> list[Row]:
    """Both engines of the dense networks; labels are compared first."""
    if library() is None:  # the processor has no AVX-512
        return []
    plans = [plan(dense_network(name, layers(sizes))) for name, sizes in DENSE.items()]
    names = {"words", "planes"}.union(*(driver.kernels(found, found.program) for found in plans))
    codes = {"AVX-512": {name: code.address(name) for name in names}}
    codes |= {name: addresses(cpu, features, names) for name, (cpu, features, _) in PROCESSORS.items()}
    rows = []
    for network_name, sizes in DENSE.items():
        networks = {name: dense_network(network_name, layers(sizes)) for name in codes}
        for engine, count in (("planes", 10_000), ("words", 64)):
            x = np.random.default_rng(1).integers(0, 256, (count, sizes[0]), dtype=np.uint8)
            calls = {name: _call(networks[name], x, codes[name]) for name in codes}
            want = calls["AVX-512"]()
            if any(not np.array_equal(call(), want) for call in calls.values()):
                raise SystemExit(f"{network_name}: the processors' classes differ, nothing was timed")
            times = interleave(calls, 5 if quick else 15, 0.01, clock=time.thread_time)
            for name, (_, _, goal) in PROCESSORS.items():
                label = f"{network_name} {engine}, compiled for {name}"
                peer = ("AVX-512", times["AVX-512"])
                rows.append(times[name].row(label, 1e9 / count, "ns/sample", peer, goal))
    return rows
