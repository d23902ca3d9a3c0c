"""scikit-learn's linear classifiers on thresholded features, through skl2onnx: every label equal to `predict`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import threshc

skl2onnx = pytest.importorskip("skl2onnx", reason="needs skl2onnx (pip install skl2onnx)")

from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine  # noqa: E402
from sklearn.linear_model import LogisticRegression, Perceptron  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import Binarizer, StandardScaler  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("data", [load_iris, load_digits, load_breast_cancer, load_wine])
@pytest.mark.parametrize("classifier", [Perceptron, LinearSVC, LogisticRegression])
def test_labels(data: Callable[..., Any], classifier: Callable[..., Any]) -> None:
    x, y = data(return_X_y=True)
    x = x.astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # convergence and deprecations are scikit-learn's affair
        last = classifier()
        model = make_pipeline(StandardScaler(), Binarizer(), last).fit(x, y)
        options = {id(last): {"raw_scores": False}} if classifier is LinearSVC else None  # its defaults do not convert
        proto = skl2onnx.to_onnx(model, x[:1], options=options)
        expected = model.predict(x)
    result = threshc.simulate(threshc.load(proto), x)
    assert result.labels is not None
    assert np.array_equal(result.labels, expected)
