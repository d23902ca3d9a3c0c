"""One sample at a time with everything prepared: what a control loop would call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.encoding import Affine
from threshc.compiler.ir.network import Network
from threshc.sim.inputs import encode
from threshc.sim.packed.machine.code import entry
from threshc.sim.packed.words.plan import arguments, word_plan, workspace
from threshc.sim.result import Result


class Single:
    """Classes of single samples, in about a microsecond for a small network. Not for several threads at once.

    Networks that the word engine does not cover, and samples of other types, take the way of `run` (`packed.run`).
    """

    def __init__(self, network: Network, run: Callable[..., Result]) -> None:
        self._network, self._any = network, run
        self._size = -1  # features, once everything is prepared
        self._dtype: np.dtype[np.generic] | None = None
        plan = word_plan(network)
        column = next((k for k, o in enumerate(network.outputs) if o.kind == "class" and not o.offset.any()), None)
        if plan is None or column is None:
            return
        encoding = network.input.encoding
        features = int(np.prod(network.input.shape))
        info = np.iinfo(plan.dtype)  # type: ignore[type-var]
        direct = isinstance(encoding, Affine) and (encoding.lo, encoding.hi) == (info.min, info.max)
        self._dtype = plan.dtype if direct else None
        raw = np.zeros((1, plan.width), np.uint8)
        self._x = raw[:, : features * plan.dtype.itemsize].view(plan.dtype)
        bits = np.empty((1, max(1, plan.bit_columns[0])), np.uint8)
        ints = np.empty((1, plan.int_columns), np.int64)
        words, group = workspace(plan, 1)
        first = plan.outputs[column].first
        self._label = ints[0, first : first + 1]
        self._table = arguments(
            program=plan.program.ctypes.data, steps=plan.steps, weights=plan.weights.ctypes.data,
            tables=plan.tables.ctypes.data, limits=plan.limits.ctypes.data, x=raw.ctypes.data, pitch=plan.width,
            samples=1, workspace=words.ctypes.data, words=plan.words, group=group, bits=bits.ctypes.data,
            bits_row=bits.shape[1], ints=ints.ctypes.data, ints_row=8 * plan.int_columns,
        )  # fmt: skip
        self._kept = plan, raw, bits, ints, words
        self._address, self._run = int(self._table.ctypes.data), entry("words")
        self._size = features

    def __call__(self, x: NDArray[np.generic]) -> NDArray[np.integer]:
        """The class (1,) of a sample (features,), (1, features) or (1, *model_shape); see `encode` for its dtype."""
        if x.dtype is not self._dtype or x.size != self._size:
            return self._other(x)
        try:
            self._x[...] = x  # (features,) or (1, features); nothing else fits
        except ValueError:
            return self._other(x)
        self._run(self._address)
        label: NDArray[np.integer] = self._label.copy()
        return label

    def _other(self, x: NDArray[np.generic]) -> NDArray[np.integer]:
        """A sample of another type or shape, or several, or of a network that is not prepared."""
        if self._size < 0:
            return self._labels(x)
        encoded = encode(self._network, x if x.ndim > 1 else x[None])
        if len(encoded) != 1:
            return self._labels(x)
        self._x[...] = encoded
        self._run(self._address)
        label: NDArray[np.integer] = self._label.copy()
        return label

    def _labels(self, x: NDArray[np.generic]) -> NDArray[np.integer]:
        labels = self._any(self._network, x if x.ndim > 1 else x[None], bits=False).labels
        assert labels is not None
        return labels
