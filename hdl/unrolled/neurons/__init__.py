"""Neuron architectures, one file each. `ARCHITECTURES` is the registry that `--neuron` and the tests use."""

from __future__ import annotations

from threshc.hdl.unrolled.neurons.base import Architecture, Estimate
from threshc.hdl.unrolled.neurons.compressor import Compressor
from threshc.hdl.unrolled.neurons.compressor63 import Compressor63
from threshc.hdl.unrolled.neurons.counter_compressor import CounterCompressor
from threshc.hdl.unrolled.neurons.pair_compressor import PairCompressor
from threshc.hdl.unrolled.neurons.table import Table
from threshc.hdl.unrolled.neurons.tree import AdderTree

ARCHITECTURES: dict[str, Architecture] = {
    a.name: a for a in (AdderTree(), Compressor(), Compressor63(), Table(), PairCompressor(), CounterCompressor())
}

FORMER_NAMES = {"mdfa": "pairs", "fa63": "counters"}
"""Names that architectures had before: `CircuitOptions` takes them still, so that scripts and old folders go on."""

__all__ = ["ARCHITECTURES", "FORMER_NAMES", "Architecture", "Estimate"]
