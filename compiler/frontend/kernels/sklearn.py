"""The ai.onnx.ml operators that skl2onnx writes for linear classifiers on thresholded features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, sign


@kernel("ai.onnx.ml:Binarizer", direction=lambda node, args, k, shape: 1, types=("fdi",), reads=("threshold",))
def binarizer(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """1 where x > threshold, else 0"""
    x = need(args, 0)
    threshold = float(np.float32(node.attrs.get("threshold", 0.0)))
    return [(x.astype(np.float64) > threshold).astype(x.dtype)]


def _scales(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array:
    return sign(np.asarray(node.attrs.get("scale", [1.0])))


@kernel("ai.onnx.ml:Scaler", direction=_scales, types=("f",), reads=("offset", "scale"))
def scaler(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """(x - offset) * scale, per feature"""
    offset, scale = (np.asarray(node.attrs.get(key, [d]), np.float32) for key, d in (("offset", 0.0), ("scale", 1.0)))
    return [(need(args, 0).astype(np.float32) - offset) * scale]


def classifier_parameters(node: Node) -> tuple[Array, Array, list[int]]:
    """Coefficients (classes, features) float32, intercepts (classes,) float32, class labels of a LinearClassifier."""
    intercepts = np.asarray(node.attrs.get("intercepts") or [0.0], np.float32)
    labels = [int(v) for v in node.attrs.get("classlabels_ints") or range(len(intercepts))]
    coefficients = np.asarray(node.attrs["coefficients"], np.float32).reshape(len(intercepts), -1)
    if len(labels) != len(intercepts):
        raise ValueError(f"{len(intercepts)} rows of coefficients for {len(labels)} classes")
    return coefficients, intercepts, labels


@kernel(
    "ai.onnx.ml:LinearClassifier",
    kind=Kind.LINEAR,
    types=("fi",),
    reads=("coefficients", "intercepts", "classlabels_ints"),
    void=("multi_class",),
    fixed={"post_transform": ("NONE", "SOFTMAX", "LOGISTIC")},
)
def linear_classifier(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Label of the largest score, lowest index first; scores before any post_transform, which keeps their order."""
    coefficients, intercepts, labels = classifier_parameters(node)
    exact = need(args, 0).astype(np.float64) @ coefficients.T.astype(np.float64)
    scores = exact.astype(np.float32) + intercepts
    return [np.asarray(labels)[scores.argmax(axis=-1)], scores]


@kernel("ai.onnx.ml:ArrayFeatureExtractor", kind=Kind.OTHER, types=("*", "i"))
def array_feature_extractor(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """x[..., index]"""
    return [need(args, 0)[..., need(args, 1).astype(np.int64).ravel()]]


@kernel(
    "ai.onnx.ml:Normalizer",
    "ai.onnx.ml:ZipMap",
    kind=Kind.OTHER,
    types=("fd",),
    void=("classlabels_int64s", "classlabels_strings"),
    fixed={"norm": ("MAX", "L1", "L2")},
)
def keeps_scores(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Probabilities from scores: here the scores themselves, whose order they keep."""
    return [need(args, 0)]
