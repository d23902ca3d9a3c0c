"""Where integer arithmetic cannot leave its type: only there is the direction of an operator a proof.

ONNX's integers wrap around: 100 + 100 is -56 in int8. Add never falls as one of its inputs rises, but for the place
where it wraps. Over a range of inputs in which an operator moves one way only, its exact results lie between those at
both ends; where these two fit the type, nothing wraps in between.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.frontend.dtypes import fits, is_integer
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kernel

_EXACT = 2.0**53


def cannot_wrap(
    node: Node, kernel: Kernel, ends: Sequence[Sequence[Array | None]], results: Sequence[Array]
) -> NDArray[np.bool_] | bool:
    """Elements of a result whose direction holds: all of them where the kernel has no integers that can wrap.

    ends: the arguments at the least and at the greatest integers of their leaf; results: what the kernel makes of both.
    """
    dtype = np.asarray(results[0]).dtype
    if kernel.exact is None or not is_integer(dtype):
        return True
    sure: NDArray[np.bool_] = np.ones(np.shape(results[0]), bool)
    for args in ends:
        wide = [None if a is None else np.asarray(a).astype(np.float64) for a in args]
        with np.errstate(all="ignore"):
            sure &= fits(np.asarray(kernel.exact(node, wide), np.float64), dtype)
        for a in wide:
            if a is not None:
                sure &= np.broadcast_to(np.abs(a) < _EXACT, sure.shape)
    return sure
