"""da4ml and alkaid on one matrix: sums as Verilog. Run by `bench.circuits` with the Python that has them installed.

    python bench/circuits_peers.py da4ml|alkaid|alkaid-plain MATRIX.npz FOLDER

Writes FOLDER/sums.v (module `da`) and FOLDER/sums.json: seconds, the ports' names, and (width, signed) of every output.
`alkaid-plain` is alkaid without tables over packed binary inputs and without ternary adders. Circuits of more than
900 weights get registers every three adders: Yosys takes tens of minutes for such a one in a single piece.
Registers cost the peers about a tenth more LUTs where it was tried (64x8).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

_ONE_PIECE = 900
_REGISTERS_EVERY = 3  # adders, as da4ml and alkaid count their depth


def main(tool: str, matrix: Path, folder: Path) -> None:
    """One run of one tool."""
    weights = np.load(matrix)["w"].astype(np.float64)
    start = time.perf_counter()
    formats: list[Any] = list(
        _da4ml(weights, folder) if tool == "da4ml" else _alkaid(weights, folder, tool == "alkaid")
    )
    seconds = time.perf_counter() - start
    sources = sorted(folder.glob("da/src/**/*.v"))
    texts = [p.read_text() for p in sources if "wrapper" not in p.name]
    text = "\n".join(t for t in texts if "$readmem" not in t)  # an unused template with a file name to be filled in
    (folder / "sums.v").write_text(text)
    fields = [(int(k) + int(i) + int(f), bool(k)) for k, i, f in formats]
    (folder / "sums.json").write_text(json.dumps({"seconds": seconds, "fields": fields}))


def _da4ml(weights: np.ndarray[Any, Any], folder: Path) -> Any:
    # As its users call it. The Verilog of what `da4ml.cmvm.solve` returns adds up wrong for some matrices (0.6.0).
    from da4ml.codegen import VerilogModel
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace

    x = FixedVariableArrayInput((weights.shape[1],), hwconf=HWConfig(1, -1, -1)).quantize(0, 1, 0)
    logic = comb_trace(x, x @ weights.T)
    VerilogModel(logic, "da", folder / "da", print_latency=False, latency_cutoff=_cutoff(weights)).write()
    return logic.out_kifs.T


def _alkaid(weights: np.ndarray[Any, Any], folder: Path, everything: bool) -> Any:
    from alkaid.codegen import RTLModel
    from alkaid.trace import FVArrayInput, trace

    options = None if everything else {"binary_lut": False}
    x = FVArrayInput((weights.shape[1],), solver_options=options).quantize(0, 1, 0)
    logic = trace(x, x @ weights.T)
    cutoff = _cutoff(weights)
    RTLModel(logic, folder / "da", "da", latency_cutoff=cutoff, print_latency=False, ternary_fuse=everything).write()
    return logic.out_kifs.T


def _cutoff(weights: np.ndarray[Any, Any]) -> float:
    return _REGISTERS_EVERY if np.count_nonzero(weights) > _ONE_PIECE else -1


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
