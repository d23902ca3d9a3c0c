"""What the packed simulator is compared with: onnxruntime in float32 and int8, numpy, PyTorch where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.networks import CONVOLUTIONS, POOLED, Layers, groups

Labels = NDArray[np.int64]
Call = Callable[[NDArray[np.uint8]], Labels]

CHUNK = 500
"""Peers are fed all samples at once and so many at a time; the quicker way counts."""


class _Graph:
    """Collects nodes and constants of an ONNX model."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: NDArray[np.generic]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), f"c{len(self.constants)}"))
        return f"c{len(self.constants) - 1}"

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(op, inputs, [f"v{len(self.nodes)}"], **attributes))
        return f"v{len(self.nodes) - 1}"

    def model(self, shape: tuple[int, ...], last: str) -> bytes:
        from onnx import TensorProto, helper

        self.nodes.append(helper.make_node("ArgMax", [last], ["class"], axis=1, keepdims=0))
        x = helper.make_tensor_value_info("x", TensorProto.UINT8, ["n", *shape])
        y = helper.make_tensor_value_info("class", TensorProto.INT64, ["n"])
        graph = helper.make_graph(self.nodes, "g", [x], [y], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        content: bytes = model.SerializeToString()
        return content


def dense_float32(made: Layers) -> bytes:
    """Cast, Sub, Sign, then Gemm, Sign per layer; thresholds lie between integers, so there are no ties."""
    from onnx import TensorProto

    g = _Graph()
    x = g.add("Cast", "x", to=TensorProto.FLOAT)
    x = g.add("Sign", g.add("Sub", x, g.constant(np.array(127.5, np.float32))))
    for w, t in made[:-1]:
        x = g.add("Gemm", x, g.constant(w.T.astype(np.float32)), g.constant((0.5 - t).astype(np.float32)))
        x = g.add("Sign", x)
    x = g.add("MatMul", x, g.constant(made[-1][0].T.astype(np.float32)))
    return g.model((made[0][0].shape[1],), x)


def dense_int8(made: Layers) -> bytes:
    """Bits as uint8, weights as int8: MatMulInteger and a comparison per layer."""
    from onnx import TensorProto

    g = _Graph()
    x = g.add("Cast", g.add("Greater", "x", g.constant(np.array(127, np.uint8))), to=TensorProto.UINT8)
    for w, t in made[:-1]:
        s = g.add("MatMulInteger", x, g.constant(w.T))
        limits = -(-(t + w.sum(axis=1, dtype=np.int64)) // 2)
        x = g.add("Cast", g.add("GreaterOrEqual", s, g.constant(limits.astype(np.int32))), to=TensorProto.UINT8)
    w = made[-1][0]
    s = g.add("MatMulInteger", x, g.constant(w.T))
    twice = g.add("Add", s, s)
    return g.model((made[0][0].shape[1],), g.add("Sub", twice, g.constant(w.sum(axis=1, dtype=np.int32))))


def cnv_float32(made: Layers) -> bytes:
    """Conv, Sign, MaxPool, Gemm on pixels (n, 32, 32, 3)."""
    from onnx import TensorProto

    g = _Graph()
    x = g.add("Transpose", g.add("Cast", "x", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    for k, (w, t) in enumerate(made[: len(CONVOLUTIONS)]):
        kernel = w.reshape(len(w), 3, 3, -1).transpose(0, 3, 1, 2).astype(np.float32)
        x = g.add("Sign", g.add("Conv", x, g.constant(kernel), g.constant((0.5 - t).astype(np.float32))))
        if k in POOLED:
            x = g.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = g.add("Flatten", x)
    for w, t in made[len(CONVOLUTIONS) : -1]:
        x = g.add("Gemm", x, g.constant(w.T.astype(np.float32)), g.constant((0.5 - t).astype(np.float32)))
        x = g.add("Sign", x)
    return g.model((32, 32, 3), g.add("MatMul", x, g.constant(made[-1][0].T.astype(np.float32))))


def onnxruntime(model: bytes) -> Call:
    """The model on one thread."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(x: NDArray[np.uint8]) -> Labels:
        labels: Labels = session.run(None, {"x": x})[0]
        return labels

    return run


def numpy_float32(made: Layers) -> Call:
    """Dense layers as float32 matrix products."""
    prepared = [(np.ascontiguousarray(w.T.astype(np.float32)), (t - 0.5).astype(np.float32)) for w, t in made]

    def run(x: NDArray[np.uint8]) -> Labels:
        a = np.where(x > 127, np.float32(1), np.float32(-1))
        for w, t in prepared[:-1]:
            a = np.where(a @ w > t, np.float32(1), np.float32(-1))
        labels: Labels = (a @ prepared[-1][0]).argmax(axis=1)
        return labels

    return run


def torch_float32(made: Layers) -> Call | None:
    """Dense layers in PyTorch on one thread, None where it is not installed."""
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    torch.set_num_threads(1)
    prepared = [
        (torch.from_numpy(w.astype(np.float32)), torch.from_numpy((0.5 - t).astype(np.float32))) for w, t in made
    ]

    def run(x: NDArray[np.uint8]) -> Labels:
        with torch.inference_mode():
            a = torch.where(torch.from_numpy(x) > 127, 1.0, -1.0)
            for w, t in prepared[:-1]:
                a = torch.sign(torch.nn.functional.linear(a, w, t))
            labels: Labels = torch.nn.functional.linear(a, prepared[-1][0]).argmax(dim=1).numpy()
        return labels

    return run


def naive_numba(made: Layers) -> Call:
    """Plain loops over packed words with a SWAR popcount, as one would write them in Numba first."""
    from numba import njit

    @njit(nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
    def layer(a: Any, w: Any, n: int, limits: Any, out: Any, scores: Any) -> None:
        for m in range(a.shape[0]):
            for j in range(w.shape[0]):
                differ = 0
                for k in range(w.shape[1]):
                    v = a[m, k] ^ w[j, k]
                    v = v - ((v >> np.uint64(1)) & np.uint64(0x5555555555555555))
                    v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
                    v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
                    differ += (v * np.uint64(0x0101010101010101)) >> np.uint64(56)
                scores[m, j] = n - 2 * differ
                if n - 2 * differ >= limits[j]:
                    out[m, j >> 6] |= np.uint64(1) << np.uint64(j & 63)

    def words(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
        padded = np.zeros((len(bits), -(-bits.shape[1] // 64) * 64), np.uint8)
        padded[:, : bits.shape[1]] = bits
        packed: NDArray[np.uint64] = np.packbits(padded, axis=1, bitorder="little").view(np.uint64)
        return packed

    prepared = [(words(w > 0), t) for w, t in made]

    def run(x: NDArray[np.uint8]) -> Labels:
        a = words(x > 127)
        scores = np.zeros((len(x), 1), np.int64)
        for (w, t), (weights, _) in zip(prepared, made, strict=True):
            out = np.zeros((len(x), -(-len(w) // 64)), np.uint64)
            scores = np.empty((len(x), len(w)), np.int64)
            layer(a, w, weights.shape[1], t, out, scores)
            a = out
        labels: Labels = scores.argmax(axis=1)
        return labels

    return run


def chunked(call: Call) -> Call:
    """The same, some samples at a time."""
    return lambda x: np.concatenate([call(x[k : k + CHUNK]) for k in range(0, len(x), CHUNK)])


def images(call: Call, at_once: int) -> Call:
    """The same on rows of pixels, shaped (32, 32, 3), some images at a time."""
    return lambda x: np.concatenate(
        [call(x[k : k + at_once].reshape(-1, 32, 32, 3)) for k in range(0, len(x), at_once)]
    )


def sparse_float32(made: Layers) -> bytes:
    """The sparse network with dense float32 matrices: bits from comparisons."""
    from onnx import TensorProto

    g = _Graph()
    x = g.add("Cast", g.add("Greater", "x", g.constant(np.array(127, np.uint8))), to=TensorProto.FLOAT)
    for w, t in made:
        x = g.add("Gemm", x, g.constant(w.T.astype(np.float32)), g.constant((0.5 - t).astype(np.float32)))
        x = g.add("Cast", g.add("Greater", x, g.constant(np.array(0, np.float32))), to=TensorProto.FLOAT)
    return g.model((784,), g.add("MatMul", x, g.constant(groups().T.astype(np.float32))))


def scipy_csr(made: Layers) -> Call | None:
    """The sparse network with SciPy's sparse matrices times dense bits, None where it is not installed."""
    try:
        from scipy.sparse import csr_matrix  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return None
    prepared = [(csr_matrix(w.astype(np.float32)), (t - 0.5).astype(np.float32)[:, None]) for w, t in made]
    last = csr_matrix(groups().astype(np.float32))

    def run(x: NDArray[np.uint8]) -> Labels:
        a = np.ascontiguousarray((x > 127).T.astype(np.float32))
        for w, t in prepared:
            a = (w @ a > t).astype(np.float32)
        labels: Labels = (last @ a).argmax(axis=0)
        return labels

    return run
