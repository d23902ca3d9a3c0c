"""Linear classifiers of scikit-learn: one layer of thresholded features, and the label of its largest score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.frontend.context import ClassIndex, Context, Known, Softmaxed, constant, lowers, symbolic
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import Array, Kernel, Kind, find_kernel
from threshc.compiler.frontend.kernels.sklearn import classifier_parameters
from threshc.compiler.frontend.lowerings.dense import dense_layer
from threshc.compiler.frontend.symbolic import Expr, apply


@lowers("ai.onnx.ml:LinearClassifier")
def linear_classifier(context: Context, node: Node, args: Sequence[Known | None]) -> list[Known | None]:
    """Returns the label and scores; the post_transform (softmax, logistic) keeps the order of the scores."""
    coefficients, intercepts, labels = classifier_parameters(node)
    want_plain_labels(node, np.asarray(labels))
    total = dense_layer(context, node, symbolic(node, args, 0), coefficients.T)
    bias = Node("Add", "", node.name, (), node.outputs, {}, node.opset)
    kernel = find_kernel(bias)
    assert kernel is not None
    scores = apply(bias, kernel, (total, intercepts), node.outputs[-1])
    plain = str(node.attrs.get("post_transform", "NONE")) == "NONE"
    return [ClassIndex(scores), scores if plain else Softmaxed(scores)]


@lowers("ai.onnx.ml:ArrayFeatureExtractor")
def array_feature_extractor(context: Context, node: Node, args: Sequence[Known | None]) -> Known:
    """Columns of a tensor, or the label of a class index (of two classes it may be the bit `score > 0` itself)."""
    first, index = args[0], args[1] if len(args) > 1 else None
    if isinstance(first, Expr):
        kernel = find_kernel(node)
        assert kernel is not None
        move = Kernel(kernel.compute, Kind.STRUCTURE, kernel.direction)
        return apply(node, move, (first, constant(node, args, 1, "list of columns")), node.outputs[0])
    if not isinstance(index, ClassIndex) and not (isinstance(index, Expr) and index.stepped):
        hint = "index with the class of the largest score"
        raise fail("ArrayFeatureExtractor with computed columns is not supported", where=node.where, hint=hint)
    want_plain_labels(node, constant(node, args, 0, "list of classes"))
    return index


@lowers("ai.onnx.ml:Normalizer", "ai.onnx.ml:ZipMap")
def probabilities(context: Context, node: Node, args: Sequence[Known | None]) -> Softmaxed:
    """Probabilities keep the order of the scores, and the scores stand for them."""
    scores = args[0]
    return scores if isinstance(scores, Softmaxed) else Softmaxed(symbolic(node, args, 0))


def want_plain_labels(node: Node, labels: Array) -> None:
    """Refuses class labels other than 0, 1, 2, ..., which hardware would not output."""
    if not np.array_equal(labels.ravel(), np.arange(labels.size)):
        shown = ", ".join(str(v) for v in labels.ravel()[:6])
        raise fail(
            "the class labels are not 0, 1, 2, ...",
            where=node.where,
            why=f"they are {shown}; the circuit outputs the index of the class",
            hint="train on labels 0..n-1 (sklearn.preprocessing.LabelEncoder) and keep the names outside the model",
        )
