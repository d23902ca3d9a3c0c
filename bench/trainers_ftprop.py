"""FTPROP and straight-through training on MNIST: target B1, and what integer weights cost (about 10 minutes).

Needs PyTorch, scikit-learn and MNIST's four idx files. Everything is measured on MNIST's 10,000 test images.

    python -m bench.trainers_ftprop MNIST_DIR [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.measure import Row, report
from threshc.sim.data.whole import read_labels, read_samples

NAMES = {"soft_hinge": "FTP-SH", "saturated": "SSTE", "straight_through": "STE"}

Images = tuple[NDArray[Any], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Accuracies:
    """Test accuracies, one per seed: of the network with real weights (nan if not trained so), and of its integers."""

    real: NDArray[np.float64]
    integer: NDArray[np.float64]


def mnist(folder: Path) -> tuple[Images, Images]:
    """Training and test images (n, 28, 28) with labels (n,)."""
    read = [
        (read_samples(folder / f"{part}-images-idx3-ubyte.gz"), read_labels(folder / f"{part}-labels-idx1-ubyte.gz"))
        for part in ("train", "t10k")
    ]
    return read[0], read[1]


def accuracies(train: Images, test: Images, seeds: Sequence[int], **options: Any) -> Accuracies:
    """Of the network 784-256-256-10, sign, Adam 1e-3, batch 128, 5 epochs, rate times 0.1 at epoch 3.

    options: of `FTPROPClassifier`, in place of these."""
    from threshc.train import FTPROPClassifier

    settings = {"hidden": (256, 256), "epochs": 5, "batch_size": 128, "schedule": "step", **options}
    real, integer = [], []
    for seed in seeds:
        classifier = FTPROPClassifier(**settings, random_state=seed).fit(*train)
        integer.append(classifier.score(*test))
        real.append(_real(classifier, test) if classifier.quantize_from > 0 else np.nan)
        print(f"{options} seed {seed}: real {real[-1]:.4f}, integer {integer[-1]:.4f}", file=sys.stderr, flush=True)
    return Accuracies(np.array(real), np.array(integer))


def rows(folder: Path, quick: bool = False) -> list[Row]:
    """The rows of target B1. folder: of MNIST. quick: one seed, two epochs, no variants and no goals."""
    train, test = mnist(folder)
    seeds = [0] if quick else [0, 1]
    made: list[Row] = []
    found = {}
    for loss, name in NAMES.items():
        few = {"epochs": 2} if quick else {}
        a = found[name] = accuracies(train, test, seeds, loss=loss, quantize_from=1.0, weights="int8", **few)
        made += [_row(f"MLP {name}, real weights", a.real), _row(f"MLP {name}, rounded to int8", a.integer)]
    if quick:
        return made
    for kind in ("real", "integer"):
        sh, saturated, plain = (float(getattr(found[n], kind).mean()) for n in NAMES.values())
        made += [
            _goal(f"FTP-SH, {kind}", sh, 0.97, at_least=True),
            _goal(f"FTP-SH to SSTE, {kind}", abs(sh - saturated), 0.005, at_least=False),
            _goal(f"FTP-SH - STE, {kind}", sh - plain, 0.03, at_least=True),
            _goal(f"SSTE - STE, {kind}", saturated - plain, 0.03, at_least=True),
        ]
    for name, options in _VARIANTS.items():
        made.append(_row(f"MLP FTP-SH, {name}", accuracies(train, test, seeds, **options).integer))
    return made


_VARIANTS: dict[str, dict[str, Any]] = {
    "int8 all along": {"weights": "int8"},
    "int3 all along": {"weights": "int3"},
    "ternary all along": {"weights": "ternary"},
    "binary all along": {"weights": "binary"},
    "ternary, BatchNorm": {"weights": "ternary", "batch_norm": True},
    "binary, BatchNorm": {"weights": "binary", "batch_norm": True},
    "staircase3, int8": {"activation": "staircase3"},
    "staircase5, int8": {"activation": "staircase5"},
    "unscaled, int8": {"scale_gradients": False},
}


def _real(classifier: Any, test: Images) -> float:
    import torch

    from threshc.train.deep.loop import accuracy

    network, (x, y) = classifier.module_, test
    network.quantized = False
    found = accuracy(network, torch.from_numpy(np.array(x).reshape(len(x), -1)), torch.from_numpy(y))
    network.quantized = True
    return found


def _row(name: str, values: NDArray[np.float64]) -> Row:
    spread = float(np.ptp(values) / 2 / values.mean() * 100)
    return Row(name, float(values.mean() * 100), "%", spread)


def _goal(name: str, value: float, target: float, *, at_least: bool) -> Row:
    ratio = value / target if at_least else target / max(value, 1e-9)
    peer = f"{'at least' if at_least else 'at most'} {target:.2%}"
    return Row(name, value * 100, "points", 0.0, peer, ratio, 0.0, 1.0, ratio >= 1.0)


def main() -> int:
    """The command."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of MNIST's idx files")
    parser.add_argument("--quick", action="store_true", help="one seed, two epochs, no variants, no goals")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows as a JSON list")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    return report("FTPROP on MNIST, test accuracy", rows(chosen.folder, chosen.quick), chosen.json)


if __name__ == "__main__":
    sys.exit(main())
