"""What the bits of a sample mean in the model's own numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod

import numpy as np

from threshc.compiler.encoding import Affine, Step
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints

SHOWN = 8
"""Comparisons that are listed in words; all of them are in the files for programs."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One bit of the input: it is 1 where feature number `feature` is at least `threshold`, compared in float32.

    at: the feature's indices in a sample of the model's shape.
    """

    bit: int
    feature: int
    at: tuple[int, ...]
    threshold: float

    def __str__(self) -> str:
        where = "" if len(self.at) < 2 else f" (at {list(self.at)})"
        return f"Bit {self.bit} = feature {self.feature}{where} >= {np.float32(self.threshold)!s}"


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """The input of a network.

    features: numbers of a sample, in the row-major order of `shape`, the model's own. encoding: how they become
    integers, or comparisons that make bits of them. feature_bits: of one feature, 0 where bits come from comparisons.
    """

    features: int
    shape: tuple[int, ...]
    encoding: Affine | Step
    feature_bits: int

    @property
    def signed(self) -> bool:
        """Whether features are in two's complement."""
        return isinstance(self.encoding, Affine) and self.encoding.lo < 0

    def comparisons(self) -> list[Comparison]:
        """Returns the comparisons that make the input's bits, bit 0 first; none where features come as integers."""
        if not isinstance(self.encoding, Step):
            return []
        at = np.stack(np.unravel_index(self.encoding.feature, self.shape), axis=1).tolist()
        rows = zip(self.encoding.feature.tolist(), at, self.encoding.threshold.tolist(), strict=True)
        return [Comparison(bit, f, tuple(where), t) for bit, (f, where, t) in enumerate(rows)]

    def words(self) -> list[str]:
        """Returns what goes in, as sentences."""
        order = f"in the row-major order of the model's input [{', '.join(map(str, self.shape))}]"
        match self.encoding:
            case Step() as step:
                count = len(step.feature)
                return [
                    f"A sample has {self.features:,} real features, {order}.",
                    f"Its word has {count:,} bits: comparisons of the model, made in float32 by who feeds the circuit.",
                    *self._comparison_words(step),
                ]
            case Affine() as affine:
                low = f"feature f is bits {self.feature_bits}*f to {self.feature_bits}*f + {self.feature_bits - 1}"
                kind = "two's complement" if self.signed else "unsigned"
                return [
                    f"A sample has {self.features:,} features, {order}.",
                    f"Each is an integer q of {affine.lo}..{affine.hi}, {kind}: {low}, lowest bit first."
                    if self.feature_bits > 1
                    else f"Each is one bit q, {affine.lo} or {affine.hi}: feature f is bit f.",
                    f"The model's real input is {_formula(affine)}, in float32, step by step.",
                ]

    def as_dict(self) -> dict[str, object]:
        """Returns all of it for JSON."""
        found: dict[str, object] = {
            "features": self.features,
            "shape": list(self.shape),
            "order": "row-major",
            "encoding": str(self.encoding),
        }
        if isinstance(self.encoding, Affine):
            limits = {"lowest": self.encoding.lo, "highest": self.encoding.hi}
            return found | {"feature_bits": self.feature_bits, "signed": self.signed} | limits
        made = [asdict(c) | {"threshold": _finite(c.threshold)} for c in self.comparisons()]
        return found | {"comparisons": made}

    def _comparison_words(self, step: Step) -> list[str]:
        made = self.comparisons()
        alike = len(made) > 1 and bool((step.threshold == step.threshold[0]).all())
        if alike and np.array_equal(step.feature, np.arange(self.features)):
            return [f"Bit k = feature k >= {step.threshold[0]!s}."]
        left = len(made) - SHOWN
        more = [f"{left:,} more bits are listed in report.json (`threshc compile` writes it)."] if left > 0 else []
        return [*(f"{c}." for c in made[:SHOWN]), *more]


def samples(network: Network) -> Samples:
    """Returns what the samples of a network are."""
    op, t = network.input, network.types[0]
    steps = isinstance(op.encoding, Step)
    features = op.encoding.features if isinstance(op.encoding, Step) else prod(op.shape)
    bits = 0 if steps else len(plane_weights(t.lo, t.hi)) if isinstance(t, Ints) else 1
    shape = op.model_shape if op.model_shape and prod(op.model_shape) == features else (features,)
    return Samples(features, shape, op.encoding, bits)


def _formula(affine: Affine) -> str:
    """The real value of q, as in the encoding's text; named encodings are written out."""
    text, summed = "q", False
    for move, numbers in affine.steps:
        shown = [repr(float(n)).removesuffix(".0") for n in numbers]
        number = shown[0] if len(shown) == 1 else "[" + ", ".join(shown) + "] (one per channel)"
        if move == "add":
            text = f"{text} - {number[1:]}" if number.startswith("-") else f"{text} + {number}"
        else:
            text = (f"({text})" if summed else text) + (" * " if move == "mul" else " / ") + number
        summed = move == "add"
    return text


def _finite(value: float) -> float | str:
    """JSON has no infinity."""
    return value if np.isfinite(value) else str(value)
