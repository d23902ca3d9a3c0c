"""Single kernels of the packed simulator against port peaks and against the same kernels in C, in one process."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.measure import Row, Times, interleave
from bench.native import library
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Input, Output
from threshc.sim.measure.measured import random_layer
from threshc.sim.packed.machine.code import entry
from threshc.sim.packed.planes.driver import execute_plan, linked
from threshc.sim.packed.planes.layout import PACK, ROWS, TRIPLES
from threshc.sim.packed.planes.plan import Plan, plan
from threshc.sim.packed.planes.schedule import place
from threshc.sim.packed.words.layout import GROUP, SIGNS, SUM
from threshc.sim.packed.words.plan import aligned, arguments, word_plan

SHAPES = ((256, 256), (784, 64), (784, 256), (1024, 1024))
BATCH = 1024
"""Samples per call of the word engine, so many that the call itself does not count."""
LANES = 512
TIMES = 8
"""How often a call of the plane engine goes over its 512 samples, so that the call itself does not count."""
TURNS = 20_000


def _address(array: NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _call(run: Callable[[int], object], at: int, *kept: object) -> Callable[[], object]:
    """A call that keeps the memory alive which it works on."""

    def call() -> object:
        assert kept
        return run(at)

    return call


def _xnor(network: Network) -> Callable[[], object]:
    """The word engine's SUM step alone, on `BATCH` samples."""
    found = word_plan(network)
    assert found is not None
    program = np.ascontiguousarray(found.program[np.isin(found.program[:, 0], (SUM, SIGNS))])
    words = np.zeros((GROUP, found.words), np.uint64)
    table = arguments(
        program=program.ctypes.data, steps=len(program), weights=found.weights.ctypes.data,
        tables=found.tables.ctypes.data, limits=found.limits.ctypes.data, x=0, pitch=0, samples=BATCH,
        workspace=words.ctypes.data, words=found.words, group=GROUP, bits=0, bits_row=0, ints=0, ints_row=0,
    )  # fmt: skip
    run, at = entry("words"), int(table.ctypes.data)
    return _call(run, at, program, words, table, found)


def _planes_call(found: Plan, planes: NDArray[np.uint64], steps: NDArray[np.bool_]) -> Callable[[], object]:
    """Some steps of a plan on a block of 512 samples, `TIMES` times."""
    program = linked(found, found.program[steps])
    arrays = (found.starts, found.runs, found.masks, found.tables, found.limits, found.offsets)
    none = np.zeros(8, np.int64)
    table = np.array(
        [
            *place(program), found.lits.ctypes.data, found.lits.itemsize, *(w for a in arrays for w in place(a)),
            0, 0, 0, TIMES * LANES, *place(planes), found.planes, 1, *place(none), *place(none), *place(none), 0,
        ],
        np.int64,
    )  # fmt: skip
    return _call(entry("planes"), int(table.ctypes.data), program, planes, table, found, none)


def _sliced(network: Network) -> dict[str, Callable[[], object]]:
    """The plane engine's steps alone (with the sum that a layer shares) on 512 samples, and its triples in C.

    The C kernel works on the same tables as our kernel of triples; their planes are compared.
    """
    found = plan(network)
    planes = aligned(np.random.default_rng(0).integers(0, 1 << 63, found.planes * 8, np.uint64))
    planes[:16] = np.repeat(np.array([0, (1 << 64) - 1], np.uint64), 8)
    calls = {
        "sliced": _planes_call(found, planes, np.isin(found.program["op"], (ROWS, TRIPLES))),
        "triples": _planes_call(found, planes, found.program["op"] == TRIPLES),
    }
    calls["sliced"]()
    c, step = library(), found.program[found.program["op"] == TRIPLES][0]
    if c is None:
        return calls
    count, levels = int(step["rows"]) // 3, int(step["levels"]) - 1
    slots, out = aligned(np.zeros(8 * 4 * levels, np.uint64)), aligned(np.zeros(8 * 3 * count, np.uint64))
    triples = (
        ctypes.c_long(TIMES), _address(planes), _address(found.lits[found.starts[step["row0"]] :]),
        _address(found.runs[step["run0"] :]),
        ctypes.c_long(count), _address(found.masks[step["mask0"] :]), _address(planes[8 * step["against"] :]),
        _address(slots), _address(out),
    )  # fmt: skip
    native = {9: c.row_triples_9, 11: c.row_triples_11}[levels]
    native(*triples)
    if not np.array_equal(out, planes[8 * step["out"] :][: out.size]):
        raise SystemExit("the triples of C differ from ours, nothing was timed")
    return calls | {"c sliced": _call(lambda _: native(*triples), 0, slots, out)}


def _native(fan_in: int, rows: int) -> dict[str, Callable[[], object]]:
    """C kernels on data of the same size: XNOR, and half of the inputs of every row counted, in runs of 32."""
    c = library()
    if c is None:
        return {}
    words, blocks = -(-fan_in // 64), rows // 8
    x, out = np.zeros((BATCH, words), np.uint64), np.zeros((BATCH, blocks), np.uint8)
    w = aligned(np.zeros(blocks * 8 * (words + 1), np.uint64))
    planes = aligned(np.zeros(8 * fan_in, np.uint64))
    rng = np.random.default_rng(1)
    lists = np.sort(rng.integers(0, fan_in, (rows, 32 * _runs(fan_in))), axis=1).astype(np.uint16) * 8
    against, result = aligned(np.zeros(8 * 12, np.uint64)), aligned(np.zeros(8 * rows, np.uint64))
    n = ctypes.c_long
    first = (_address(x), n(words), n(BATCH), _address(w), n(blocks), _address(out), n(blocks))
    second = (_address(planes), _address(lists), n(_runs(fan_in)), n(rows), _address(against), _address(result))
    return {
        "c xnor": _call(lambda _: c.xnor_layer(*first), 0, x, w, out),
        "c row by row": _call(lambda _: c.sliced_layer(*second), 0, planes, lists, against, result),
    }


def _runs(fan_in: int) -> int:
    return max(1, round(fan_in / 2 / 32))


def kernel_rows(quick: bool) -> list[Row]:
    """Rates in G synapses per second, ratios to the port peak and to C in the same rounds."""
    rows: list[Row] = []
    c = library()
    peaks: dict[str, Callable[[], object]] = {}
    if c is not None:
        lines, turns = aligned(np.zeros(64, np.uint64)), ctypes.c_long(TURNS)
        peaks = {
            "port": lambda: c.port_xnor(turns),
            "adder": lambda: c.port_adder(turns),
            "literal": lambda: c.port_literal(_address(lines), turns),
        }
    for fan_in, count in SHAPES:
        network = random_layer(np.random.default_rng(fan_in), fan_in, count)
        native = _native(fan_in, count)
        calls = {"xnor": _xnor(network), **_sliced(network), **native, **peaks}
        times = interleave(calls, 9 if quick else 41, 0.002, clock=time.thread_time)
        synapses = fan_in * count
        whole = count // 3 * 3  # rows that the C kernel of triples computes
        exact = 64 * _runs(fan_in) * count  # what the lists of the C kernel that goes row by row stand for
        work = {
            "xnor": synapses * BATCH, "c xnor": -(-fan_in // 64) * 64 * count * BATCH,
            "sliced": synapses * LANES * TIMES, "triples": fan_in * whole * LANES * TIMES,
            "c sliced": fan_in * whole * LANES * TIMES, "c row by row": exact * LANES, "port": TURNS * 16 * LANES,
            "adder": TURNS * 8 * LANES, "literal": TURNS * 8 * LANES,
        }  # fmt: skip
        rates = {n: Times(t.seconds / work[n]) for n, t in times.items()}
        name = f"{fan_in} x {count}"

        def row(label: str, ours: str, peer: str, goal: float | None, rates: dict[str, Times] = rates) -> Row:
            ratios = rates[peer].seconds / rates[ours].seconds
            ratio = float(np.median(ratios))
            spread = float((np.percentile(ratios, 75) - np.percentile(ratios, 25)) / 2 / ratio * 100)
            rate = 1e-9 / rates[ours].median
            return Row(label, rate, "GMAC/s", 0.0, peer, ratio, spread, goal, None if goal is None else ratio >= goal)

        if peaks:
            rows.append(row(f"{name} xnor of its port peak", "xnor", "port", 0.90 if fan_in >= 256 else None))
            rows.append(row(f"{name} sliced of that port peak", "sliced", "port", 1.8 if fan_in >= 256 else None))
            rows.append(row(f"{name} xnor of C", "xnor", "c xnor", 0.95))
            rows.append(row(f"{name} sliced of C", "triples", "c sliced", 0.95))
            rows.append(row(f"{name} sliced of C row by row", "sliced", "c row by row", None))
            rows.append(Row(f"{name} port peak of xor, popcount, add", 1e-9 / rates["port"].median, "GMAC/s"))
            rows.append(Row(f"{name} port peak of full adders", 1e-9 / rates["adder"].median, "Ginput/s"))
            rows.append(Row(f"{name} the same with a load each", 1e-9 / rates["literal"].median, "Ginput/s"))
    return rows + packing_rows(quick)


def packing_rows(quick: bool) -> list[Row]:
    """Packing of pixels against reading them, both from a batch of 10,000."""
    c = library()
    if c is None:
        return []
    x = np.random.default_rng(0).integers(0, 256, (10_000, 784), dtype=np.uint8)
    pixels = Network(
        "pixels",
        (Input("x", (784,), parse_encoding("uint8")), Compare(0, np.arange(784), np.full(784, 128))),
        (Output("y", 1, "bits", np.ones(()), np.zeros(())),),
    )
    found = plan(pixels)
    only = replace(found, program=found.program[found.program["op"] == PACK], output_rows=(0, 0), outputs=())
    calls = {
        "pack": lambda: execute_plan(only, x, False, 1),
        "read": lambda: c.read_all(_address(x), ctypes.c_long(x.nbytes)),
    }
    times = interleave(calls, 9 if quick else 41, 0.005, clock=time.thread_time)
    return [times["pack"].row("packing 784 pixels of reading them", 1e5, "ns/sample", ("read", times["read"]), 0.9)]
