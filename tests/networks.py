"""Networks made by hand or at random, straight in the IR: inputs for the tests of every room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Encoding, Step, parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Loc, Op, Output, Reduce, Sum, Window
from threshc.compiler.ir.shapes import row_bounds

ONE_SCALE, NO_OFFSET = np.ones(()), np.zeros(())


def xor() -> Network:
    """y = a xor b, as two thresholds on one sum and a second neuron."""
    return Network(
        "xor",
        (
            Input("x", (2,), parse_encoding("bit")),
            Bitplanes(0),
            Sum(1, np.array([[1, 1]], np.int8), np.zeros(1, np.int64)),
            Compare(2, np.array([0, 0]), np.array([1, 2])),
            Sum(3, np.array([[1, -2]], np.int8), np.zeros(1, np.int64)),
            Compare(4, np.array([0]), np.array([1])),
        ),
        (Output("y", 5, "bits", ONE_SCALE, NO_OFFSET),),
    )


def random_weights(rng: np.random.Generator, rows: int, columns: int, kind: str) -> NDArray[np.int8]:
    """(rows, columns) weights: `pm1`, `ternary`, `sparse` (about 4 nonzero per row), `int` (-7..7)."""
    shape = (rows, columns)
    match kind:
        case "pm1":
            return rng.choice(np.array([-1, 1], np.int8), shape)
        case "ternary":
            return rng.integers(-1, 2, shape).astype(np.int8)
        case "sparse":
            return (rng.integers(-1, 2, shape) * (rng.random(shape) < 6 / columns)).astype(np.int8)
        case _:
            return rng.integers(-7, 8, shape).astype(np.int8)


def random_dense(
    rng: np.random.Generator,
    sizes: tuple[int, ...],
    kind: str = "pm1",
    encoding: str | Encoding = "bit",
    outputs: str = "class",
    compare_input: bool = False,
) -> Network:
    """A dense network; `outputs`: `class` (scores and class) or `bits`; `compare_input` thresholds the features first.

    encoding "step" makes a Step input. Thresholds lie where the sums do, some of them beyond reach on purpose.
    """
    n = sizes[0]
    ops: list[Op]
    if encoding == "step":
        ops = [Input("x", (n,), Step(n, np.arange(n), rng.normal(size=n).astype(np.float32)))]
    else:
        enc = parse_encoding(encoding) if isinstance(encoding, str) else encoding
        ops = [Input("x", (n,), enc)]
        if compare_input:
            t = ops[0].encoding  # type: ignore[union-attr]
            ops.append(Compare(0, np.arange(n), rng.integers(t.lo, t.hi + 2, n)))  # type: ignore[union-attr]
        else:
            ops.append(Bitplanes(0))
    width = n if compare_input or encoding == "step" else 0
    for k, size in enumerate(sizes[1:]):
        if not width:
            probe = Network("probe", tuple(ops), (Output("p", len(ops) - 1, "bits", ONE_SCALE, NO_OFFSET),))
            width = probe.types[-1].shape[-1]
        last = k == len(sizes) - 2
        w = random_weights(rng, size, width, kind)
        total = Sum(len(ops) - 1, w, rng.integers(-3, 4, size), Loc(f"fc{k}", f"s{k}"))
        ops.append(total)
        if last and outputs == "class":
            ops.append(ArgMax(len(ops) - 1))
            scores = Output("scores", len(ops) - 2, "scores", ONE_SCALE, NO_OFFSET)
            return Network("random", tuple(ops), (scores, Output("class", len(ops) - 1, "class", ONE_SCALE, NO_OFFSET)))
        lo, hi = row_bounds(total)
        middle, spread = (lo + hi) / 2, (hi - lo) / 8 + 1
        thresholds = np.clip(np.rint(rng.normal(middle, spread)), lo, hi + 1).astype(np.int64)
        ops.append(Compare(len(ops) - 1, np.arange(size), thresholds, Loc(f"sign{k}", f"b{k}")))
        width = size
    return Network("random", tuple(ops), (Output("y", len(ops) - 1, "bits", ONE_SCALE, NO_OFFSET),))


def random_conv(
    rng: np.random.Generator, size: int = 8, channels: tuple[int, int] = (3, 4), kind: str = "pm1"
) -> Network:
    """Padded convolution, max pooling, a second convolution, flatten and a dense classifier on {0,1} images."""
    c1, c2 = channels
    n = size * size
    w1 = random_weights(rng, c1, 9 + 9, kind)  # the last 9 columns weigh the is_pad bits
    w2 = random_weights(rng, c2, 4 * c1, kind)
    half = (size // 2 - 2) // 2 + 1
    flat = half * half * c2
    ops: tuple[Op, ...] = (
        Input("image", (n,), parse_encoding("bit"), (1, size, size)),
        Bitplanes(0),
        Gather((1,), np.arange(n).reshape(size, size, 1)),
        Window(2, (3, 3), pads=(1, 1, 1, 1), is_pad=True),
        Sum(3, w1, rng.integers(-1, 2, c1)),
        Compare(4, np.arange(c1), rng.integers(-1, 3, c1)),
        Window(5, (2, 2), (2, 2)),
        Reduce(6, "or", 4),
        Window(7, (2, 2), (2, 2)),
        Sum(8, w2, np.zeros(c2, np.int64)),
        Compare(9, np.arange(c2), rng.integers(-1, 3, c2)),
        Gather((10,), np.arange(flat)),
        Sum(11, random_weights(rng, 3, flat, kind), np.zeros(3, np.int64)),
        ArgMax(12),
    )
    outputs = (Output("scores", 12, "scores", ONE_SCALE, NO_OFFSET), Output("class", 13, "class", ONE_SCALE, NO_OFFSET))
    return Network("conv", ops, outputs)


def random_samples(rng: np.random.Generator, network: Network, count: int) -> NDArray[np.generic]:
    """Samples that the network's encoding takes, (count, n)."""
    enc = network.input.encoding
    if isinstance(enc, Step):
        return rng.normal(size=(count, enc.features)).astype(np.float32)
    return rng.integers(enc.lo, enc.hi + 1, (count, network.input.shape[0]))
