"""Sums that are compared with several thresholds each, against the Compare of the network that they are claimed to be.

What a layer's state proof leaves to this: neuron r answers with T bits, the first of which is its sum's sign; for the
others a number is added to the sum, which reaches a power of two or not. Which bit of the Compare each of these is, the
claim says; that need not be trusted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.ops import Compare
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_memory import FoldedLayerClaim
from threshc.hdl.proof.folded_stream import ANY, ZERO

Integers = NDArray[np.int64]


def check_levels(
    part: FoldedLayerClaim, compare: Compare, weights: Integers, bias: Integers, held: Integers, start: Integers
) -> Integers:
    """Returns (rows, T) which bit of the Compare each bit of a row is, ZERO where it is 0 for every sample and ANY
    where it is nobody's.

    weights, bias: of the network's sums, (its rows, columns) and (its rows,); held, start: of the part's rows, read
    back from its memory. Raises Unproved, with the row, where a bit is another one than the claim says.
    """
    rows, levels = held.shape[0], len(part.elements[0]) if part.elements else 0
    needs = np.zeros((rows, levels), np.int64)
    elements = np.full((rows, levels), ANY, np.int64)
    shape = {len(row) for row in part.elements} | {len(row) + 1 for row in part.added}
    if shape != {levels} or len(part.added) != rows or not 0 <= rows - len(part.elements) < part.pe:
        raise Unproved(f"it has {rows} rows, and thresholds or bits for another number of them")
    half, added = 1 << (part.bits - 1), np.array(part.added, np.int64).reshape(rows, levels - 1)
    if (added < 0).any() or (added > 2 * half).any():
        raise Unproved("numbers that are added to sums do not compare them")
    needs[:, 1:] = half - added  # sum + half + added >= 2 * half, the highest bit inverted being half more
    elements[: len(part.elements)] = part.elements
    if sorted(elements[elements >= 0].tolist()) != list(range(len(compare.row))):
        raise Unproved(f"it does not answer with each of the {len(compare.row)} bits of the network's Compare once")
    low = start + np.minimum(held, 0).sum(axis=1)
    high = start + np.maximum(held, 0).sum(axis=1)
    for r in range(rows):
        for t in range(levels):
            j = int(elements[r, t])
            if j < 0:
                if needs[r, t] > high[r]:
                    elements[r, t] = ZERO
                elif r < len(part.elements):
                    raise Unproved(f"a bit of row {r} that should be 0 may be 1")
                continue
            row = int(compare.row[j])
            scale = max(int(np.abs(weights[row]).sum()) // max(int(np.abs(held[r]).sum()), 1), 1)
            if (weights[row] != scale * held[r]).any():
                raise Unproved(f"the memory has other weights in row {r}")
            # With s = start + held x: scale * (s - start) + bias >= threshold where s >= want.
            want = int(start[r]) - (int(bias[row]) - int(compare.threshold[j])) // scale
            reach = int(low[r]), int(high[r]) + 1
            if np.clip(want, *reach) != np.clip(int(needs[r, t]), *reach):
                raise Unproved(f"row {r} has another threshold {t}")
    return elements
