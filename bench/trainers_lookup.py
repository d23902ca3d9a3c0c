"""Networks of look-up tables on MNIST: test accuracy against the LUTs of the whole circuit, pixels to class.

    python -m bench.trainers_lookup MNIST_DIR [--quick] [--json FILE]

About ten minutes per network of the larger ones. LUTs are Yosys' for Xilinx, the comparisons of the pixels included.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.circuits_synthesis import count, synthesize
from bench.measure import Row, report
from bench.trainers_ftprop import mnist

WIDTHS = ((300, 150), (1000, 500), (2000, 700))
Array = NDArray[Any]
PUBLISHED = "TreeLUT 96.6 % at 4,478, NeuraLUT-Assemble 97.9 % at 5,070, DWN 97.8 % at 2,092 without its encoder"


def rows(folder: Path, quick: bool = False) -> list[Row]:
    """Accuracy and LUTs of each network. folder: with MNIST's four idx files."""
    (x, y), (test_x, test_y) = mnist(folder)
    train, test = (images.reshape(len(images), -1) for images in (x, test_x))
    chosen, epochs = (WIDTHS[:1], 8) if quick else (WIDTHS, 20)
    return [row for widths in chosen for row in _measured(widths, epochs, train, y, test, test_y)]


def _measured(widths: tuple[int, ...], epochs: int, x: Array, y: Array, test: Array, test_y: Array) -> list[Row]:
    import threshc
    from threshc.hdl.options import CircuitOptions
    from threshc.hdl.unrolled.build import build_design
    from threshc.hdl.unrolled.mapped import mapped_verilog
    from threshc.train import LookupThresholdClassifier

    estimator = LookupThresholdClassifier(widths, thresholds=[128], epochs=epochs, learning_rate=5e-3).fit(x, y)
    with tempfile.TemporaryDirectory() as scratch:
        estimator.export_onnx(Path(scratch) / "m.onnx")
        network = threshc.load(Path(scratch) / "m.onnx")
    labels = threshc.simulate(network, test).labels
    if labels is None or not np.array_equal(estimator.classes_[labels], estimator.predict(test)):
        raise AssertionError("the compiled network's labels are not the estimator's")
    text = mapped_verilog(build_design(network, CircuitOptions(family="xilinx")), "xilinx")
    cells = synthesize(re.sub(r"\bmodule \w+", "module top", text, count=1), "xilinx").cells
    name = f"lookup {'-'.join(map(str, widths))}, {epochs} epochs"
    accuracy = 100 * float((estimator.classes_[labels] == test_y).mean())
    return [
        Row(f"{name}: test accuracy", accuracy, "%", peer="published: " + PUBLISHED),
        Row(f"{name}: LUTs", count(cells, "xilinx")[0], "LUT"),
    ]


def main() -> int:
    """The command."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="the smallest network only, 8 epochs")
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    return report("Networks of look-up tables on MNIST", rows(chosen.folder, chosen.quick), chosen.json)


if __name__ == "__main__":
    sys.exit(main())
