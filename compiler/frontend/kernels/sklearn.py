"""The ai.onnx.ml operators that skl2onnx writes for linear classifiers on thresholded features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.activations import sigmoid
from threshc.compiler.frontend.kernels.linear import softmax
from threshc.compiler.frontend.kernels.registry import Array, Kind, kernel, need, sign


@kernel("ai.onnx.ml:Binarizer", direction=lambda node, args, k, shape: 1, types=("fdi",), reads=("threshold",))
def binarizer(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Computes 1 where x > threshold, else 0"""
    x = need(args, 0)
    threshold = float(np.float32(node.attrs.get("threshold", 0.0)))
    return [(x.astype(np.float64) > threshold).astype(x.dtype)]


def _scales(node: Node, args: Sequence[Array | None], k: int, shape: tuple[int, ...]) -> Array:
    return sign(np.asarray(node.attrs.get("scale", [1.0])))


@kernel("ai.onnx.ml:Scaler", direction=_scales, types=("f",), reads=("offset", "scale"))
def scaler(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Computes (x - offset) * scale, per feature"""
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
    reads=("coefficients", "intercepts", "classlabels_ints", "post_transform"),
    void=("multi_class",),
)
def linear_classifier(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns the label of the largest score, lowest index first, and the scores behind the post_transform."""
    coefficients, intercepts, labels = classifier_parameters(node)
    exact = need(args, 0).astype(np.float64) @ coefficients.T.astype(np.float64)
    scores = exact.astype(np.float32) + intercepts
    label = np.asarray(labels)[scores.argmax(axis=-1)]
    match str(node.attrs.get("post_transform", "NONE")):
        case "NONE":
            return [label, scores]
        case "SOFTMAX":
            return [label, *softmax(Node("Softmax", "", "", (), (), {"axis": -1}, 13), [scores])]
        case "LOGISTIC":
            return [label, *sigmoid(node, [scores])]
        case other:
            raise ValueError(f"post_transform {other!r} is not supported")


@kernel("ai.onnx.ml:ArrayFeatureExtractor", kind=Kind.OTHER, types=("*", "i"))
def array_feature_extractor(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns x[..., index]; of a vector, one row"""
    x, index = need(args, 0), need(args, 1).astype(np.int64).ravel()
    return [np.atleast_2d(x[..., index])]


@kernel("ai.onnx.ml:Normalizer", kind=Kind.OTHER, types=("fd",), reads=("norm",))
def normalizer(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns every row over its largest element, the sum of its sizes, or its length."""
    x, norm = need(args, 0), str(node.attrs.get("norm", "MAX"))
    wide = x.astype(np.float64)
    match norm:
        case "MAX":
            size = wide.max(axis=-1, keepdims=True)
        case "L1":
            size = np.abs(wide).sum(axis=-1, keepdims=True)
        case "L2":
            size = np.sqrt((wide * wide).sum(axis=-1, keepdims=True))
        case _:
            raise ValueError(f"norm {norm!r} is not supported")
    return [(wide / np.where(size == 0, 1, size)).astype(np.float32)]


@kernel("ai.onnx.ml:ZipMap", kind=Kind.OTHER, types=("fd",), void=("classlabels_int64s", "classlabels_strings"))
def zip_map(node: Node, args: Sequence[Array | None]) -> list[Array]:
    """Returns a map from labels to scores for each sample: here the scores themselves."""
    return [need(args, 0)]
