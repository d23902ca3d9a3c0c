"""Trains a ternary threshold network on scikit-learn's digits by FTPROP and writes digits.onnx (a minute).

Needs: pip install "threshc[train]".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from threshc.train import FTPROPClassifier

HERE = Path(__file__).parent


def data():
    """Images (N, 8, 8) of pixels 0 to 16 and labels (N,): 1347 to train with, 450 to test with."""
    x, y = load_digits(return_X_y=True)
    return train_test_split(x.reshape(-1, 8, 8).astype(np.uint8), y, test_size=0.25, random_state=0, stratify=y)


def classifier():
    """Two hidden layers, ternary weights all along, soft hinge losses, BatchNorm (it becomes thresholds)."""
    return FTPROPClassifier((64, 32), weights="ternary", batch_norm=True, epochs=40, learning_rate=3e-3)


if __name__ == "__main__":
    x_train, x_test, y_train, y_test = data()
    trained = classifier().fit(x_train, y_train)
    print(f"accuracy: {trained.score(x_train, y_train):.2%} training, {trained.score(x_test, y_test):.2%} test")
    print(f"neurons: {trained.network_.neurons}, weights that are 0: {trained.network_.sparsity:.2%}")
    trained.export_onnx(HERE / "digits.onnx")
