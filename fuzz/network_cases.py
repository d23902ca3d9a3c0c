"""Random networks by number: dense, convolutions, tangles of every operation, and models of the front end."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from fuzz.seeds import TESTS
from threshc.compiler.encoding import Affine, Encoding
from threshc.compiler.frontend.load import load
from threshc.compiler.ir.network import Network
from threshc.tasks.samples import random_samples

MOST_SAMPLES = 4097
SIZES = (0, 1, 2, 63, 64, 65, 511, 512, 513, 4097)
"""Batches around the limits of words, blocks and parts; 0, 1, 64 and 513 of every network, the others of some."""

_KINDS = ("pm1", "ternary", "sparse", "int")
_ENCODINGS = (
    *("bit", "bipolar", "uint8", "uint8/255", "int8", "uint5", "int12", "uint16", "int32", "uint32", "step"),
    *("uint1", "int2", "uint3*0.25", "int4*0.1", "uint7/127"),
)
_CHANCES = {"tangled": 0.4, "dense": 0.3, "conv": 0.1, "wide": 0.05, "heavy": 0.1, "onnx": 0.05}


@dataclass(frozen=True)
class Case:
    """A network and what it is put before: samples (MOST_SAMPLES or fewer, n), and sizes of batches of them."""

    kind: str
    network: Network
    samples: NDArray[np.generic]
    sizes: tuple[int, ...]


def case(seed: int) -> Case:
    """The case of a number. Raises CompileError where its network is refused."""
    rng = np.random.default_rng([seed, 11])
    kind = str(rng.choice(list(_CHANCES), p=list(_CHANCES.values())))
    network = _network(rng, kind)
    large = rng.random() < (0.2 if cost(network) < 20_000 else 0.02)
    sizes = tuple(n for n in SIZES if n in (0, 1, 64, 513) or (rng.random() < 0.5 and n < MOST_SAMPLES))
    sizes += (MOST_SAMPLES,) if large else (int(rng.integers(3, 700)),)
    return Case(kind, network, samples_for(rng, network, max(sizes)), sizes)


def cost(network: Network) -> int:
    """Weights times positions: what a sample takes, and about the size of a circuit."""
    work = 0
    for v, op in enumerate(network.ops):
        work += int(np.prod(network.types[v].shape))
        if hasattr(op, "weights"):
            work += int(np.prod(network.types[v].shape)) * op.weights.shape[1]
    return work


def samples_for(rng: np.random.Generator, network: Network, count: int) -> NDArray[np.generic]:
    """Random samples; for integers a third of them only of the smallest and the largest, some mostly one of these."""
    x = np.asarray(random_samples(network, count, int(rng.integers(2**31))))
    encoding = network.input.encoding
    if isinstance(encoding, Affine):
        third = x[count // 3 : 2 * count // 3]
        density = rng.random((len(third), *(1,) * (x.ndim - 1)))
        third[...] = np.where(rng.random(third.shape) < density, encoding.hi, encoding.lo)
    return x


def _network(rng: np.random.Generator, kind: str) -> Network:
    networks = _tests("networks")
    weights, encoding = str(rng.choice(_KINDS)), str(rng.choice(_ENCODINGS))
    compare = encoding != "step" and rng.random() < 0.5
    outputs = "class" if rng.random() < 0.5 else "bits"
    made: Network
    match kind:
        case "tangled":
            made = _tests("tangled").tangled(rng)
        case "dense":
            sizes = tuple(rng.integers(1, int(rng.choice([6, 20, 90])), int(rng.integers(2, 6))).tolist())
            made = networks.random_dense(rng, sizes, weights, encoding, outputs, compare)
        case "conv":
            channels = int(rng.integers(1, 10)), int(rng.integers(1, 10))
            made = networks.random_conv(rng, int(rng.integers(4, 10)), channels, weights)
        case "wide":
            sizes = (int(rng.integers(200, 1500)), int(rng.integers(1, 200)), int(rng.integers(1, 20)))
            made = networks.random_dense(rng, sizes, weights, str(rng.choice(["bit", "uint8", "int8"])), outputs, True)
        case "heavy":
            made = _heavy(rng, encoding)
        case _:
            made = load(_model(rng))
    return made


def _heavy(rng: np.random.Generator, encoding: str | Encoding) -> Network:
    """Few neurons with large weights, biases and thresholds, several thresholds per sum."""
    from threshc.compiler.ir.ops import Compare, Loc, Op, Output, Sum

    networks = _tests("networks")
    head = networks.random_dense(rng, (int(rng.integers(1, 9)), 3), "int", encoding, "bits")
    ops: list[Op] = list(head.ops[: next(v for v, op in enumerate(head.ops) if isinstance(op, Sum))])
    for layer in range(int(rng.integers(1, 4))):
        source = len(ops) - 1
        width = Network("", tuple(ops), (Output("y", source, "bits", np.ones(()), np.zeros(())),)).types[-1].shape[-1]
        rows, most = int(rng.integers(1, 6)), int(2 ** rng.integers(1, 31))
        w = rng.integers(-most, most + 1, (rows, width)) * (rng.random((rows, width)) < rng.random())
        bias = rng.integers(-most, most + 1, rows)
        lo = bias + np.minimum(w, 0).sum(axis=1)
        hi = bias + np.maximum(w, 0).sum(axis=1)
        row = rng.integers(0, rows, int(rng.integers(1, 9)))
        ops.append(Sum(source, w, bias, Loc(f"fc{layer}", f"s{layer}")))
        if rng.random() < 0.2:
            return Network("heavy", tuple(ops), (Output("s", len(ops) - 1, "scores", np.ones(()), np.zeros(())),))
        ops.append(Compare(len(ops) - 1, row, rng.integers(lo[row] - 1, hi[row] + 3), Loc(f"sign{layer}", f"b{layer}")))
    return Network("heavy", tuple(ops), (Output("y", len(ops) - 1, "bits", np.ones(()), np.zeros(())),))


def _model(rng: np.random.Generator) -> bytes:
    """A small ONNX model."""
    models = _tests("onnx_models")
    head = str(rng.choice(["scores", "argmax", "topk", "softmax", "step"]))
    sizes = rng.integers(2, 9, int(rng.integers(3, 5))).tolist()
    kind = str(rng.choice(["pm1", "ternary", "int", "scaled", "latent"]))
    spelling = str(rng.choice(list(models.STEP_SPELLINGS)))
    model = models.random_mlp(
        int(rng.integers(2**31)), sizes, kind, spelling, rng.random() < 0.5, rng.random() < 0.5, head
    )
    data: bytes = model.SerializeToString()
    return data


def _tests(name: str) -> ModuleType:
    """A module of the tests' folder."""
    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))
    return import_module(name)
