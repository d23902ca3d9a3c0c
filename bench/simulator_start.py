"""`threshc sim` as a whole process on a warm installation, against a process that only imports numpy."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.measure import Row, cpu_seconds, interleave
from bench.networks import DENSE, layers
from bench.simulator_peers import dense_float32

GOAL = 1 / 3
SAMPLES = 10_000


def start_rows(quick: bool) -> list[Row]:
    """TFC from an ONNX file (its network, machine code and bytecode are cached by a first run), 10,000 images, CPU."""
    with tempfile.TemporaryDirectory() as folder:
        model, data = Path(folder, "tfc.onnx"), Path(folder, "x.npy")
        model.write_bytes(dense_float32(layers(DENSE["TFC"])))
        np.save(data, np.random.default_rng(1).integers(0, 256, (SAMPLES, 784), dtype=np.uint8))
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        sim = ("-m", "threshc.cli.main", "sim", str(model), "--input", "uint8", "--data", str(data), "--quiet")

        def process(*arguments: str) -> Callable[[], object]:
            command = [sys.executable, *arguments]
            return lambda: subprocess.run(command, env=environment, check=True, capture_output=True)

        calls = {"sim": process(*sim), "help": process("-m", "threshc.cli.main", "--help")}
        calls |= {"numpy": process("-c", "import numpy"), "onnx": process("-c", "import onnx")}
        times = interleave(calls, 5 if quick else 15, 0, clock=cpu_seconds)
    peer = ("import numpy", times["numpy"])
    return [
        times["sim"].row("threshc sim, TFC, 10,000 images, process", 1e3, "ms", peer, GOAL),
        times["help"].row("threshc --help, process", 1e3, "ms", peer),
        times["onnx"].row("import onnx, process", 1e3, "ms", peer),
    ]
