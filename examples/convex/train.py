"""Trains a threshold network on scikit-learn's breast_cancer and writes breast.onnx (seconds).

Needs: pip install "threshc[train]".
"""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from threshc.train import ConvexThresholdClassifier

HERE = Path(__file__).parent


def data():
    """30 real features (N, 30) and labels (N,), 0 malignant, 1 benign: 426 to train with, 143 to test with."""
    x, y = load_breast_cancer(return_X_y=True)
    return train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)


def classifier():
    """Few small units: at most 4 weights of -1 or +1 each, at most 5 comparisons per feature, 5-bit output weights."""
    return ConvexThresholdClassifier(0.03, levels=5, columns=2000, fan_in=4, max_weight=1, output_bits=5)


if __name__ == "__main__":
    x_train, x_test, y_train, y_test = data()
    trained = classifier().fit(x_train, y_train)
    print(trained.certificate_)
    print(f"accuracy: {trained.score(x_train, y_train):.2%} training, {trained.score(x_test, y_test):.2%} test")
    trained.export_onnx(HERE / "breast.onnx")
