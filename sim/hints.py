"""What looks as if samples and a model's input did not belong together: said, never acted on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.affine import Affine
from threshc.compiler.diagnostics import CompileError, option
from threshc.compiler.encoding import Step
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.types import Ints
from threshc.sim.inputs import encode, sample_rows

MOST = 256
"""Samples that are looked at."""
_FEWEST = 32  # different samples, below which nothing can be said
_LABELS = 50
_SPELLINGS = ("uint8", "uint8/255", "uint8/127.5-1", "(uint8/255-MEAN)/STD")


def hints(
    network: Network, x: NDArray[np.generic], labels: NDArray[np.int64] | None = None, right: int | None = None
) -> list[str]:
    """Sentences for a user: that the samples make the first neurons see few patterns, or that the accuracy is that of
    guessing, each with the spellings of `--input` that are worth a try; or that labels are none of the model's classes.

    x: the first samples, up to MOST of which are evaluated. labels: of all samples, of which `right` were hit.
    """
    found = [*_patterns(network, x[:MOST])]
    strange = None if labels is None else label_note(network, labels)
    if strange is not None:
        found.append(strange)
    elif labels is not None and right is not None and len(labels) >= _LABELS:
        _, counts = np.unique(labels, return_counts=True)
        common = float(counts.max()) / len(labels)
        accuracy = right / len(labels)
        if len(counts) > 1 and accuracy < common + 0.2 * (1 - common):
            said = f"an accuracy of {accuracy:.2%} is near that of guessing (the commonest class has {common:.2%})"
            found.append(f"{said}: {_advice(network, x)}")
    return found


def label_note(network: Network, labels: NDArray[np.int64]) -> str | None:
    """Returns a sentence where labels are none of the classes that the model counts, from the number that it starts
    with."""
    classes = _classes(network)
    if classes is None or not len(labels) or (labels.min() >= classes[0] and labels.max() <= classes[1]):
        return None
    first, last = classes
    said = f"labels {labels.min()}..{labels.max()}, the model's classes are {first}..{last}"
    lacking = int(((labels < first) | (labels > last)).sum())
    return f"{said}: {lacking} of {len(labels)} labels are none of them, and count as wrong"


def _classes(network: Network) -> tuple[int, int] | None:
    """The first and the last number that `Result.labels` may hold; None for a single score, which states no class."""
    label, scores = network.output("class"), network.output("scores")
    if label is not None:
        known, first = network.types[label.value], int(label.offset.flat[0])
        assert isinstance(known, Ints)
        return known.lo + first, known.hi + first
    value = scores or network.output("bits")
    assert value is not None  # the verifier wants at least one output
    count = int(np.prod(network.types[value.value].shape))
    if count == 1:
        return None if scores is not None else (0, 1)
    return 0, count - 1


def _patterns(network: Network, x: NDArray[np.generic]) -> list[str]:
    from threshc.sim import packed

    try:
        encoded = encode(network, x)
    except CompileError:
        return []
    different = len(np.unique(sample_rows(network, x), axis=0))
    if different < _FEWEST:
        return []
    first = encoded  # of a Step input: what its comparisons give
    if isinstance(network.input.encoding, Affine):
        bits = packed.run(network, x).bits
        if not bits:
            return []
        first = bits[0].reshape(len(x), int(np.prod(bits[0].shape[1:])))
    seen = len(np.unique(first, axis=0))
    if seen >= max(2, min(different, 2 ** min(first.shape[1], 30)) // 8):
        return []
    return [f"the first layer sees {seen} different patterns in {different} different samples: {_advice(network, x)}"]


def _advice(network: Network, x: NDArray[np.generic]) -> str:
    """What may be the matter, and what to try."""
    encoding = network.input.encoding
    lowest, highest = x.min(), x.max()
    if isinstance(encoding, Step):
        known = encoding.threshold[np.isfinite(encoding.threshold)]
        least, most = (f"{v:g}" for v in (known.min(), known.max())) if known.size else ("?", "?")
        return (
            f"the model compares its inputs with {least}..{most}, the samples lie in {lowest:g}..{highest:g}; are they "
            "scaled as in training?"
        )
    return f"is {_stated(encoding)} how the model was trained? Worth a try: {', '.join(_others(encoding))}"


def _stated(encoding: Affine) -> str:
    return option("input", str(encoding))


def _others(encoding: Affine) -> list[str]:
    if encoding.hi <= 1:
        return [s for s in ("bit", "bipolar") if s != str(encoding)] + ["uint8/255"]
    base = str(Affine(encoding.lo, encoding.hi))
    spellings = [s.replace("uint8", base) for s in _SPELLINGS]
    if base != "uint8":
        spellings = [s.replace("255", str(encoding.hi)).replace("127.5", f"{encoding.hi / 2:g}") for s in spellings]
    first, *rest = (s for s in spellings if s != str(encoding))
    return [option("input", first), *rest]
