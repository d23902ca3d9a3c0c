"""Trains sparse threshold networks on scikit-learn's digits, writes one of them to digits.onnx (a minute).

Needs: pip install "threshc[train]".
"""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from threshc.train import RVSCGDClassifier, rvscgd_path

HERE = Path(__file__).parent

LAMBDAS = (1e-3, 2e-3, 3e-3, 4e-3)
LOSE = 0.015
"""Accuracy that may be lost for sparsity."""


def data():
    """8 x 8 pixels of 0 to 16, (N, 64), and labels (N,): 1347 to train with, 450 to test with."""
    x, y = load_digits(return_X_y=True)
    return train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)


def path(x, y):
    """Networks by their price of a weight; accuracies are of a quarter of the training samples that is held back."""
    classifier = RVSCGDClassifier(
        (64,), penalty="l1", beta=0.1, epochs=40, refit_epochs=20, batch_size=16, weights="int4", levels=4
    )
    x, held_x, y, held_y = train_test_split(x, y, test_size=0.25, random_state=1, stratify=y)
    return rvscgd_path(classifier, x, y, LAMBDAS, (held_x, held_y), print)


if __name__ == "__main__":
    x_train, x_test, y_train, y_test = data()
    points = path(x_train, y_train)
    enough = max(point.accuracy for point in points) - LOSE
    chosen = max((point for point in points if point.accuracy >= enough), key=lambda point: point.sparsity)
    print(f"chosen: {chosen.nonzero} weights are left; test accuracy {chosen.classifier.score(x_test, y_test):.2%}")
    chosen.classifier.export_onnx(HERE / "digits.onnx")
