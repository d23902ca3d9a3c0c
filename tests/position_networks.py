"""Random convolutional networks for circuits of one position after the other, and choices for their layers."""

from __future__ import annotations

import networks
import numpy as np
from folded_shifts import random_scan

from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Gather, Input, Op, Output, Reduce, Sum, Window

BITS = {"bit": 1, "uint4": 4, "int4": 4}


def random_maps(seed: int) -> tuple[Network, str]:
    """A network of one to three convolutions and poolings, of any windows, of bits or of integers, which ends with the
    bits of all positions or with a dense layer; and its fold, every layer of maps by positions."""
    rng = np.random.default_rng(seed)
    scan, encoding = random_scan(rng), str(rng.choice(sorted(BITS)))
    channels = int(rng.integers(1, 4))
    shape = (scan.height, scan.width, channels)
    count = int(np.prod(shape))
    ops: list[Op] = [Input("x", (count,), parse_encoding(encoding)), Bitplanes(0)]
    planes = np.arange(count * BITS[encoding]).reshape(*shape[:2], -1)
    ops.append(Gather((1,), planes))
    channels *= BITS[encoding]
    size, folds = shape[:2], list[str]()
    for k in range(int(rng.integers(1, 4))):
        while k and (scan := random_scan(rng)):
            reach = [(n - 1) * d for n, d in zip(scan.kernel, scan.dilation, strict=True)]
            top, left, bottom, right = scan.pads
            if size[0] + top + bottom > reach[0] and size[1] + left + right > reach[1]:
                break
        is_pool = k > 0 and rng.random() < 0.4
        is_pad = bool(rng.random() < 0.5) and not is_pool
        fill = int(rng.integers(2))
        size_before, last = size, len(ops) - 1
        window = Window(last, scan.kernel, scan.stride, scan.pads, scan.dilation, fill, is_pad)
        pointwise = k > 0 and not is_pool and rng.random() < 0.25
        if not pointwise:
            ops.append(window)
            reach = [(n - 1) * d for n, d in zip(scan.kernel, scan.dilation, strict=True)]
            size = tuple(  # type: ignore[assignment]
                (n + scan.pads[a] + scan.pads[a + 2] - reach[a] - 1) // scan.stride[a] + 1
                for a, n in enumerate(size_before)
            )
        taps = 1 if pointwise else scan.taps
        if is_pool:
            ops.append(Reduce(len(ops) - 1, str(rng.choice(["or", "and"])), taps))  # type: ignore[arg-type]
        else:
            columns, rows = taps * channels + (taps if is_pad and not pointwise else 0), int(rng.integers(1, 6))
            weights = rng.choice([[-1, 1, 1], [-1, 0, 1], [-3, 0, 2]][int(rng.integers(3))], (rows, columns))
            ops.append(Sum(len(ops) - 1, weights.astype(np.int8), rng.integers(-2, 3, rows)))
            of = np.sort(rng.integers(0, rows, rows + 1))
            ops.append(Compare(len(ops) - 1, of, rng.integers(-2, 3, len(of))))
            channels = len(of)
        folds.append("position")
    if rng.random() < 0.5:
        return Network("maps", tuple(ops), (_output("bits", len(ops) - 1),)), ",".join(folds)
    count = int(np.prod(size)) * channels
    ops += [
        Gather((len(ops) - 1,), np.arange(count)),
        Sum(len(ops), rng.choice([-1, 1], (3, count)).astype(np.int8), np.zeros(3, np.int64)),
        ArgMax(len(ops) + 1),
    ]
    folds.append(str(rng.choice(["unrolled", f"1x{count}"])))
    return Network("maps", tuple(ops), (_output("class", len(ops) - 1),)), ",".join(folds)


def _output(kind: str, value: int) -> Output:
    return Output("y", value, kind, networks.ONE_SCALE, networks.NO_OFFSET)  # type: ignore[arg-type]
