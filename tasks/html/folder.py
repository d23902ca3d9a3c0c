"""The material of a page: the report of a folder that threshc made, and its network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.bounded import read_file, read_json
from threshc.compiler.diagnostics import fail
from threshc.compiler.ir.layers import layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Compare, Sum
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.hdl.interface import Beats
from threshc.hdl.payload import from_beats, from_ints
from threshc.sim import reference
from threshc.tasks.folder import report_of
from threshc.tasks.read_network import load_network, thresh_of

SAMPLES = 256
"""Samples that activity is looked at over."""


@dataclass(frozen=True, slots=True, eq=False)
class Folder:
    """path: of the folder; report: what report.json holds; network: that of model.thresh."""

    path: Path
    report: dict[str, Any]
    network: Network

    @property
    def title(self) -> str:
        """The model's name."""
        return str(self.report["model"])

    @property
    def built(self) -> dict[str, Any]:
        """The report of `build`; empty where nothing was built."""
        return self.report.get("built") or {}

    @property
    def figures(self) -> dict[str, tuple[str, str]]:
        """Every figure of the whole with where it comes from."""
        return {f["name"]: (f["value"], f["source"]) for f in self.report["figures"]}

    @property
    def places(self) -> dict[str, list[list[int]]]:
        """The column and row of every cell by layer, from nextpnr; empty where they are not known."""
        name = f"{self.report['design']['module']}.places.json"
        if name not in self.report.get("files", ()):
            return {}
        found: dict[str, list[list[int]]] = read_json(self.path / name, "places of cells")["places"]
        return found

    def thresholds(self) -> dict[str, NDArray[np.int64]]:
        """Returns the integer thresholds of every layer that has some, by the layer's name: biases are taken off."""
        found: dict[str, NDArray[np.int64]] = {}
        for layer in layers(self.network):
            for v in layer.readers:
                op, of = self.network.ops[v], self.network.ops[layer.value]
                if isinstance(op, Compare):
                    bias = of.bias[op.row] if isinstance(of, Sum) else 0
                    found[layer.name] = op.threshold - bias
        return found

    def activity(self) -> dict[str, NDArray[np.float64]]:
        """Returns, of every layer with thresholds, in which share of the testbench's samples each of its bits is 1."""
        x = self._samples()
        values = reference.evaluate(self.network, x)
        found: dict[str, NDArray[np.float64]] = {}
        for layer in layers(self.network):
            for v in layer.readers:
                if isinstance(self.network.ops[v], Compare):
                    found[layer.name] = values[v].reshape(len(x), -1).mean(axis=0)
        return found

    def _samples(self) -> NDArray[np.int64]:
        """The samples of the testbench, encoded, (N, n)."""
        given, t = self.report["contract"]["input"], self.network.types[0]
        name = f"{self.report['design']['module']}_in.hex"
        lines = read_file(self.path / name, what="file of samples").decode("ascii").split()
        beats = Beats(given["bits"], given["beat_bits"])
        words = from_beats(from_ints([int(line, 16) for line in lines[: SAMPLES * beats.count]], beats.width), beats)
        bits = np.unpackbits(words, axis=1, bitorder="little")[:, : beats.bits].astype(np.int64)
        weights = plane_weights(t.lo, t.hi) if isinstance(t, Ints) else np.ones(1, np.int64)
        found: NDArray[np.int64] = bits.reshape(len(bits), -1, len(weights)) @ np.asarray(weights)
        return found


def read_folder(path: str | Path) -> Folder:
    """Reads a folder that `compile` or `build` made. Raises CompileError where it is none, or its report is damaged."""
    home = Path(path)
    if not home.is_dir():
        raise fail("there is no such folder", where=str(path), hint="a folder that compile or build made")
    report = report_of(home)
    try:
        found = Folder(home, report, load_network(thresh_of(home)))
        needed = found.title, found.figures, report["design"]["module"], report["counted"]["layers"]
    except (KeyError, TypeError, AttributeError) as error:
        raise fail("the folder's report cannot be read", where=str(home), why=f"{error} is missing") from None
    if not all(needed):
        raise fail("the folder's report cannot be read", where=str(home), why="it has no figures")
    return found
