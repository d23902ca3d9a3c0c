"""The packed simulator against its peers, on uint8 pixels to class: networks, calls, kernels, packing, threads.

    python -m bench.simulator [--quick] [--json FILE]

Random +-1 weights and thresholds: TFC (784-64-64-64-10), SFC (3 x 256), LFC (3 x 1024), CNV (32 x 32 x 3 pixels), and a
ternary network with eight inputs per neuron (784-1000-1000-1000-10), as the IR and as the ONNX models that a user would
run. Labels are compared before anything is timed. One thread and its own CPU time unless stated.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench import simulator_peers as peers
from bench.measure import Row, arguments, best, interleave, report
from bench.networks import DENSE, cnv_layers, cnv_network, dense_network, layers, sparse_layers, sparse_network
from bench.simulator_kernels import kernel_rows
from bench.simulator_processors import processor_rows
from bench.simulator_start import start_rows
from threshc.compiler.ir.network import Network
from threshc.compiler.processors import cores
from threshc.sim import packed, reference
from threshc.sim.packed.planes.activity import Activity

SAMPLES = 10_000
CALL = "batch 1"
GOALS = {
    ("TFC", "float32"): 35, ("SFC", "float32"): 27, ("LFC", "float32"): 27, ("CNV", "float32"): 30,
    ("TFC", "int8"): 4, ("SFC", "int8"): 2.5, ("LFC", "int8"): 2.5,
    ("TFC", CALL): 7, ("SFC", CALL): 15, ("LFC", CALL): 100,
    ("sparse", "float32"): 400, ("sparse", "scipy"): 80,
}  # fmt: skip
NANO = 1e9 / SAMPLES


def agree(name: str, network: Network, x: NDArray[np.uint8], calls: dict[str, peers.Call]) -> None:
    """Labels of every contender on the first samples are those of the reference; the two engines agree in all."""
    some = x[: 200 if len(network.ops) < 20 else 20]
    want = reference.run(network, some).labels
    whole, short = packed.run(network, x, bits=False).labels, packed.run(network, some, bits=False).labels
    assert want is not None
    assert whole is not None
    assert short is not None
    found = {"packed": whole[: len(some)], "packed, few": short} | {n: call(some) for n, call in calls.items()}
    wrong = [n for n, labels in found.items() if not np.array_equal(labels, want)]
    if wrong:
        raise SystemExit(f"{name}: {', '.join(wrong)} disagree with the reference, nothing was timed")


def whole(name: str, network: Network, x: NDArray[np.uint8], calls: dict[str, peers.Call], quick: bool) -> list[Row]:
    """Rows of one network at batch 10,000; slow peers (more than 20 us a sample) are timed on 1,000 samples."""
    agree(name, network, x, calls)
    contenders: dict[str, Callable[[], object]] = {"packed": lambda: packed.run(network, x, bits=False, threads=1)}
    scale: dict[str, float] = {"packed": 1.0}
    for label, call in calls.items():
        start = time.perf_counter()
        call(x[:500])
        part = x if (time.perf_counter() - start) / 500 < 20e-6 else x[:1000]
        contenders[label] = lambda call=call, part=part: call(part)  # type: ignore[misc]
        scale[label] = len(x) / len(part)
    times = interleave(contenders, 5 if quick else 15, 0.02, clock=time.thread_time)
    times = {n: type(t)(t.seconds * scale[n]) for n, t in times.items()}
    rows = []
    for kind in ("float32", "int8", "numpy", "scipy", "torch", "numba"):
        of_kind = {n: t for n, t in times.items() if kind in n}
        if of_kind:
            peer = best(of_kind)
            rows.append(times["packed"].row(f"{name} packed", NANO, "ns/sample", peer, GOALS.get((name, kind))))
    return rows + [times[n].row(f"{name} {n}", NANO, "ns/sample") for n in calls]


def with_chunks(calls: dict[str, peers.Call | None]) -> dict[str, peers.Call]:
    """Each peer fed at once and in parts."""
    found: dict[str, peers.Call] = {}
    for name, call in calls.items():
        if call is not None:
            found |= {name: call, f"{name} by {peers.CHUNK}": peers.chunked(call)}
    return found


def one_call(name: str, network: Network, x: NDArray[np.uint8], ort: peers.Call, quick: bool) -> list[Row]:
    """A call with one sample, Python included."""
    single, first = packed.single(network), x[:1].copy()
    if any(single(x[k : k + 1])[0] != ort(x[k : k + 1])[0] for k in range(50)):
        raise SystemExit(f"{name}: single samples disagree")
    calls = {
        "single": lambda: single(first),
        "run": lambda: packed.run(network, first, bits=False),
        "float32": lambda: ort(first),
    }
    times = interleave(calls, 9 if quick else 41, 0.005, clock=time.thread_time)
    peer = ("onnxruntime float32", times["float32"])
    return [
        times["single"].row(f"{name} packed.single, batch 1", 1e6, "us", peer, GOALS.get((name, CALL))),
        times["run"].row(f"{name} packed.run, batch 1", 1e6, "us", peer),
    ]


def threads(name: str, network: Network, x: NDArray[np.uint8], quick: bool) -> list[Row]:
    """Wall time with two threads against one thread: shown without a goal, since other users' work changes it."""
    if cores() < 2:
        return []
    calls = {n: (lambda n=n: packed.run(network, x, bits=False, threads=n)) for n in (1, 2)}
    times = interleave({str(n): call for n, call in calls.items()}, 9 if quick else 41, 0.02)
    return [times["2"].row(f"{name} two threads, wall", NANO, "ns/sample", ("one thread", times["1"]))]


def activity(name: str, network: Network, x: NDArray[np.uint8], quick: bool) -> list[Row]:
    """Counting ones and changes of every neuron against not counting."""
    counted = Activity(network)
    calls = {
        "plain": lambda: packed.run(network, x, bits=False, threads=1),
        "counted": lambda: packed.run(network, x, bits=False, threads=1, activity=counted),
    }
    times = interleave(calls, 9 if quick else 41, 0.02, clock=time.thread_time)
    goal = None if name == "LFC" else 1 / 1.08
    return [times["counted"].row(f"{name} packed with activity", NANO, "ns/sample", ("without", times["plain"]), goal)]


def small_batches(name: str, network: Network, x: NDArray[np.uint8], quick: bool) -> list[Row]:
    """Both engines around the crossover."""
    from threshc.sim.packed.planes.driver import execute_plan
    from threshc.sim.packed.planes.plan import plan
    from threshc.sim.packed.words.driver import execute_word_plan
    from threshc.sim.packed.words.plan import word_plan

    words, planes = word_plan(network), plan(network)
    assert words is not None
    rows = []
    for count in (64, 192, 256, 512):
        part = x[:count]
        calls = {
            "words": lambda part=part: execute_word_plan(words, part, False),
            "planes": lambda part=part: execute_plan(planes, part, False, 1),
        }
        times = interleave(calls, 5 if quick else 15, 0.005, clock=time.thread_time)
        peer = ("bit planes", times["planes"])
        rows.append(times["words"].row(f"{name} word engine, batch {count}", 1e9 / count, "ns/sample", peer))
    return rows


def dense(name: str, quick: bool) -> list[Row]:
    made = layers(DENSE[name])
    network = dense_network(name, made)
    x = np.random.default_rng(1).integers(0, 256, (SAMPLES, DENSE[name][0]), dtype=np.uint8)
    ort = peers.onnxruntime(peers.dense_float32(made))
    calls = with_chunks({
        "onnxruntime float32": ort,
        "onnxruntime int8": peers.onnxruntime(peers.dense_int8(made)),
        "numpy": peers.numpy_float32(made),
        "torch": peers.torch_float32(made),
    })  # fmt: skip
    calls["numba, plain loops"] = peers.naive_numba(made)
    rows = whole(name, network, x, calls, quick)
    rows += one_call(name, network, x, ort, quick)
    rows += activity(name, network, x, quick)
    return rows + small_batches(name, network, x, quick) + threads(name, network, x, quick)


def cnv(quick: bool) -> list[Row]:
    made = cnv_layers()
    x = np.random.default_rng(1).integers(0, 256, (SAMPLES, 3072), dtype=np.uint8)
    ort = peers.onnxruntime(peers.cnv_float32(made))
    calls = {f"onnxruntime float32 by {n}": peers.images(ort, n) for n in (8, 100)}
    return whole("CNV", cnv_network(made), x, calls, True)


def sparse(quick: bool) -> list[Row]:
    made = sparse_layers()
    x = np.random.default_rng(1).integers(0, 256, (SAMPLES, 784), dtype=np.uint8)
    calls = with_chunks({
        "onnxruntime float32": peers.onnxruntime(peers.sparse_float32(made)),
        "scipy": peers.scipy_csr(made),
    })  # fmt: skip
    return whole("sparse", sparse_network(made), x, calls, quick)


def main() -> int:
    options = arguments(__doc__)
    rows = start_rows(options.quick) + kernel_rows(options.quick)
    for name in DENSE:
        rows += dense(name, options.quick)
    rows += cnv(options.quick) + sparse(options.quick) + processor_rows(options.quick)
    title = f"batch {SAMPLES}, uint8 pixels to class, CPU time of one thread unless stated; labels equal; medians"
    return report(title, rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
