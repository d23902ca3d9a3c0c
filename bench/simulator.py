"""The packed simulator against onnxruntime and numpy in float32, on uint8 pixels to class, one thread each.

    python -m bench.simulator [--quick] [--json FILE]

Binarized networks with random +-1 weights and thresholds: TFC (784-64-64-64-10) and SFC (784-256-256-256-10), as the IR
and as the float32 ONNX model that a user would run. Labels are compared before anything is timed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.measure import Row, arguments, best, interleave, report
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Compare, Input, Op, Output, Sum
from threshc.sim import packed, reference

NETWORKS = {"TFC": (784, 64, 64, 64, 10), "SFC": (784, 256, 256, 256, 10)}
SAMPLES, CHUNK = 10_000, 500
GOAL = {"TFC": 5.0}  # times onnxruntime float32, whichever way of feeding it is quickest

Layers = list[tuple[NDArray[np.int8], NDArray[np.int64]]]


def layers(sizes: tuple[int, ...], seed: int = 5) -> Layers:
    """Random +-1 weights (n, k) and thresholds (n,): neuron j fires iff sum_i w_ji x_i >= t_j, x in -1, +1."""
    rng = np.random.default_rng(seed)
    made = []
    for k, n in pairwise(sizes):
        spread = int(k**0.5)
        made.append((rng.choice(np.array([-1, 1], np.int8), (n, k)), rng.integers(-spread, spread + 1, n)))
    return made


def as_network(name: str, made: Layers) -> Network:
    """Pixels above 127, then the layers on bits b: sum w (2b - 1) >= t is sum w b >= ceil((t + sum w) / 2)."""
    pixels = made[0][0].shape[1]
    ops: list[Op] = [
        Input("x", (pixels,), parse_encoding("uint8")),
        Compare(0, np.arange(pixels), np.full(pixels, 128)),
    ]
    for w, t in made[:-1]:
        ops.append(Sum(len(ops) - 1, w, np.zeros(len(w), np.int64)))
        ops.append(Compare(len(ops) - 1, np.arange(len(w)), -(-(t + w.sum(axis=1, dtype=np.int64)) // 2)))
    w = made[-1][0]
    ops += [Sum(len(ops) - 1, 2 * w, -w.sum(axis=1, dtype=np.int64)), ArgMax(len(ops))]
    one, zero = np.ones(()), np.zeros(())
    scores = Output("scores", len(ops) - 2, "scores", one, zero)
    return Network(name, tuple(ops), (scores, Output("class", len(ops) - 1, "class", one, zero)))


def as_onnx(made: Layers) -> bytes:
    """The same in float32: Cast, Sub, Sign, then MatMul, Sub, Sign per layer (thresholds between integers: no ties)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def constant(name: str, value: NDArray[np.float32]) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    constants: list[onnx.TensorProto] = []
    nodes = [
        helper.make_node("Cast", ["x"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["pixels", constant("half", np.array(127.5, np.float32))], ["centred"]),
        helper.make_node("Sign", ["centred"], ["a0"]),
    ]
    for k, (w, t) in enumerate(made[:-1]):
        weights = constant(f"w{k}", np.ascontiguousarray(w.T.astype(np.float32)))
        nodes.append(helper.make_node("MatMul", [f"a{k}", weights], [f"s{k}"]))
        nodes.append(helper.make_node("Sub", [f"s{k}", constant(f"t{k}", (t - 0.5).astype(np.float32))], [f"d{k}"]))
        nodes.append(helper.make_node("Sign", [f"d{k}"], [f"a{k + 1}"]))
    last = constant("w", np.ascontiguousarray(made[-1][0].T.astype(np.float32)))
    nodes.append(helper.make_node("MatMul", [f"a{len(made) - 1}", last], ["scores"]))
    nodes.append(helper.make_node("ArgMax", ["scores"], ["class"], axis=1, keepdims=0))
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, ["n", made[0][0].shape[1]])
    y = helper.make_tensor_value_info("class", TensorProto.INT64, ["n"])
    graph = helper.make_graph(nodes, "g", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def session(model: bytes) -> Any:
    """onnxruntime on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def numpy_float32(made: Layers) -> Callable[[NDArray[np.uint8]], NDArray[np.int64]]:
    """The layers as float32 matrix products."""
    prepared = [(np.ascontiguousarray(w.T.astype(np.float32)), (t - 0.5).astype(np.float32)) for w, t in made]

    def run(x: NDArray[np.uint8]) -> NDArray[np.int64]:
        a = np.where(x > 127, np.float32(1), np.float32(-1))
        for w, t in prepared[:-1]:
            a = np.where(a @ w > t, np.float32(1), np.float32(-1))
        labels: NDArray[np.int64] = (a @ prepared[-1][0]).argmax(axis=1)
        return labels

    return run


def chunks(call: Callable[[NDArray[np.uint8]], NDArray[np.int64]], x: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The labels of x, 500 samples at a time."""
    return np.concatenate([call(x[k : k + CHUNK]) for k in range(0, len(x), CHUNK)])


def compare(name: str, quick: bool) -> list[Row]:
    """All rows of one network."""
    made = layers(NETWORKS[name])
    network, ort, matmul = as_network(name, made), session(as_onnx(made)), numpy_float32(made)
    x = np.random.default_rng(1).integers(0, 256, (SAMPLES, NETWORKS[name][0]), dtype=np.uint8)
    start = time.perf_counter()
    packed.run(network, x[:1])
    first = time.perf_counter() - start

    def run_ort(samples: NDArray[np.uint8]) -> NDArray[np.int64]:
        labels: NDArray[np.int64] = ort.run(None, {"x": samples})[0]
        return labels

    want = reference.run(network, x)
    got = packed.run(network, x)
    equal = all(np.array_equal(a, b) for a, b in zip(want.values + want.bits, got.values + got.bits, strict=True))
    labels = want.labels
    assert labels is not None
    if not equal or not all(np.array_equal(labels, other) for other in (run_ort(x), chunks(run_ort, x), matmul(x))):
        raise SystemExit(f"{name}: the contenders do not agree, nothing was timed")

    peers = {
        "onnxruntime f32": lambda: run_ort(x),
        f"onnxruntime f32 by {CHUNK}": lambda: chunks(run_ort, x),
        "numpy f32": lambda: matmul(x),
        f"numpy f32 by {CHUNK}": lambda: chunks(matmul, x),
    }
    ours = {
        "packed": lambda: packed.run(network, x, bits=False),
        "packed, hidden bits too": lambda: packed.run(network, x),
        "packed, 2 threads": lambda: packed.run(network, x, bits=False, threads=2),
    }
    times = interleave({**ours, **peers}, 5 if quick else 21, 0.02 if quick else 0.05)
    peer = best({n: t for n, t in times.items() if n.startswith("onnx")})
    nano = 1e9 / SAMPLES
    rows = [times["packed"].row(f"{name} packed", nano, "ns/sample", peer, GOAL.get(name))]
    rows += [times[n].row(f"{name} {n}", nano, "ns/sample", peer) for n in list(ours)[1:]]
    rows.append(times["packed"].row(f"{name} packed", nano, "ns/sample", best({n: times[n] for n in list(peers)[2:]})))
    rows += [times[n].row(f"{name} {n}", nano, "ns/sample") for n in peers]
    some = x[:1000]
    slow = interleave(
        {"reference": lambda: reference.run(network, some), "packed": lambda: packed.run(network, some)}, 3, 0.02
    )
    rows.append(slow["packed"].row(f"{name} packed, 1000 samples", 1e6, "ns/sample", ("reference", slow["reference"])))
    single = interleave(
        {"packed": lambda: packed.run(network, x[:1], bits=False), "onnxruntime": lambda: run_ort(x[:1])},
        5 if quick else 21,
        0.01,
    )
    rows.append(single["packed"].row(f"{name} packed, batch 1", 1e6, "us", ("onnxruntime f32", single["onnxruntime"])))
    rows.append(Row(f"{name} first call, machine code compiled or read from cache", first, "s"))
    return rows


def main() -> int:
    options = arguments(__doc__)
    rows = [row for name in NETWORKS for row in compare(name, options.quick)]
    title = f"batch {SAMPLES}, uint8 pixels to class, one thread unless stated; labels equal; medians"
    return report(title, rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
