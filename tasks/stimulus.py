"""Samples of a network, made once: as given, as the network and its circuit take them, and what is expected of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.encoding import Affine, Step
from threshc.compiler.ir.network import Network
from threshc.compiler.options import integer
from threshc.sim.inputs import encode, real_features, sample_rows
from threshc.tasks.samples import random_samples

if TYPE_CHECKING:
    from threshc.compiler.frontend.lower import Lowered
    from threshc.hdl.interface import StreamUnit
    from threshc.sim.result import Result


@dataclass(frozen=True, eq=False)
class Stimulus:
    """Samples for a network, encoded once; words and expected answers are made when first asked for, and then kept.

    x: (N, features) or (N, *the model's shape), as the user gave them. encoded: the integers or bits of the network's
    input, (N, n), as `threshc.sim.inputs.encode` makes them. labels: (N,) numbers, the right classes; None where they
    are not known. random: whether the samples were drawn at random.
    """

    network: Network
    x: NDArray[np.generic]
    encoded: NDArray[np.integer]
    labels: NDArray[np.generic] | None = None
    random: bool = False

    def __len__(self) -> int:
        return len(self.x)

    @property
    def kind(self) -> str:
        """The name of the samples in reports."""
        return "random inputs" if self.random else "given inputs"

    @cached_property
    def words(self) -> NDArray[np.uint8]:
        """The words that go into a circuit of the network, (N, bytes), as `threshc.hdl.payload.pack` makes them."""
        from threshc.hdl.payload import pack

        return pack(self.network, self.encoded)

    @cached_property
    def expected(self) -> Result:
        """The answers of the packed simulator, without hidden bits."""
        return self.packed(bits=False)

    def packed(self, *, bits: bool = True) -> Result:
        """Returns what the packed simulator answers, run anew; bits: with every hidden bit."""
        from threshc.sim import packed
        from threshc.sim.result import Result

        return Result(self.network, *packed.evaluate(self.network, self.encoded, bits, None))

    def correct(self) -> int | None:
        """Returns how many labels the expected classes hit; None where there are no labels, or no classes."""
        found = self.expected.labels
        return None if self.labels is None or found is None else int((found == self.labels).sum())

    def first(self, count: int) -> Stimulus:
        """Returns the first `count` samples."""
        labels = None if self.labels is None else self.labels[:count]
        return replace(self, x=self.x[:count], encoded=self.encoded[:count], labels=labels)

    def through(self, network: Network) -> Stimulus:
        """Returns the same samples for a network with the same input, such as the one after passes."""
        return replace(self, network=network)

    def as_model_takes(self, lowered: Lowered) -> NDArray[Any]:
        """Returns the samples as the ONNX model takes them: numbers of its input's type, in its shape.

        lowered: what the front end made of that model, whose network is this one.
        """
        op = self.network.input
        match op.encoding:
            case Affine() as affine:
                real = affine.real(self.encoded)
            case Step() as step:
                real = real_features(step, sample_rows(self.network, self.x)).astype(np.float32)
        dtype = next(iter(lowered.graph.inputs.values())).dtype
        return np.asarray(real.reshape(len(self), *op.model_shape), dtype)


def stimulus(
    network: Network, x: ArrayLike | None, labels: ArrayLike | None = None, *, samples: int = 256, seed: int = 1
) -> Stimulus:
    """Returns the samples that a user gave, or random ones where x is None: `samples` of them, from `seed`.

    x, labels: see `Stimulus`. Raises CompileError for samples that the network's input does not take, for no samples at
    all, and for labels that are not one number per sample.
    """
    if x is None:
        if labels is not None:
            raise fail(
                "there are labels and no samples", where=option("labels"), hint="give the samples that they belong to"
            )
        drawn = random_samples(network, checked_samples(samples), seed)
        return Stimulus(network, drawn, encode(network, drawn), random=True)
    made = given(network, x)
    if not len(made):
        raise fail("there are no samples", where="input data", hint="give at least one")
    return made if labels is None else replace(made, labels=_checked(labels, len(made)))


def checked_samples(samples: object, name: str = "samples") -> int:
    """Returns a number of samples that was given as the option `name`.

    Raises CompileError for what is not an integer, or below 1.
    """
    count = integer(samples, 1)
    if count is None:
        raise fail(f"{samples!r} samples cannot be simulated", where=option(name), hint="at least 1")
    return count


def given(network: Network, x: ArrayLike) -> Stimulus:
    """Returns the samples that a user gave, which may be none. Raises CompileError as `encode` does."""
    array = np.asarray(x)
    return Stimulus(network, array, encode(network, array))


def _checked(labels: ArrayLike, count: int) -> NDArray[np.generic]:
    array = np.asarray(labels)
    if array.shape != (count,) or array.dtype.kind not in "biuf":
        said = f"labels have shape {array.shape} and dtype {array.dtype}"
        raise fail(said, where=option("labels"), why=f"({count},) numbers are needed, the class of each sample")
    return array


def answers(design: StreamUnit, result: Result) -> NDArray[np.uint8]:
    """Returns the words (N, bytes) with which a design answers these results (see `threshc.hdl.payload`)."""
    values = {o.value: v for o, v in zip(result.network.outputs, result.values, strict=True)}
    bits = []
    for f in sorted(design.interface.fields, key=lambda f: f.offset):
        flat = values[f.value].reshape(len(values[f.value]), -1, 1).astype(np.int64)
        bits.append((flat >> np.arange(f.element_width) & 1).astype(np.uint8).reshape(len(flat), -1))
    return np.packbits(np.concatenate(bits, axis=1), axis=1, bitorder="little")
