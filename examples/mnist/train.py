"""Trains the network of this folder on MNIST, which is not part of the repository, and writes mnist.onnx.gz.

python examples/mnist/train.py FOLDER     the folder with the four idx files, train-images-idx3-ubyte.gz and so on
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
WIDTHS = (1000, 500)
EPOCHS = 20
TEST_IMAGES = slice(0, 9_900, 33)


def read(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels (N, 784) and labels (N,) of `train` or `t10k`."""
    images = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    return np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784), np.frombuffer(labels, np.uint8, offset=8)


def main() -> None:
    """Train, write, say how good it is."""
    from threshc.train import LookupThresholdClassifier

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    x, y = read(folder, "train")
    test_x, test_y = read(folder, "t10k")
    network = LookupThresholdClassifier(
        WIDTHS, thresholds=[128], epochs=EPOCHS, learning_rate=5e-3, callback=print, random_state=0
    )
    network.fit(x, y)
    print(f"test accuracy {network.score(test_x, test_y):.2%}")
    with tempfile.TemporaryDirectory() as draft:
        network.export_onnx(Path(draft) / "mnist.onnx")
        model = (Path(draft) / "mnist.onnx").read_bytes()
    (HERE / "mnist.onnx.gz").write_bytes(gzip.compress(model, 9, mtime=0))
    np.savez_compressed(HERE / "mnist_test.npz", x=test_x[TEST_IMAGES], true=test_y[TEST_IMAGES])


if __name__ == "__main__":
    main()
