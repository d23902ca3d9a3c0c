"""Pair-encoded compressors (MDFA): four 4-input LUTs for every three bits, the fewest of all on LUT4 devices."""

from __future__ import annotations

from typing import ClassVar

from threshc.hdl.unrolled.neurons.lut_neuron import LutArchitecture
from threshc.hdl.unrolled.sharing.pair_compressor import Pairs
from threshc.hdl.unrolled.sharing.sharing import Compressor


class Mdfa(LutArchitecture):
    """Column by column: full adders over the inputs, blocks of a bit and three pairs above. Only tables of four inputs.

    Latency 0 cycles, throughput one sample per cycle. First-level adders are shared between neurons of +-1 weights.
    """

    name: ClassVar[str] = "mdfa"

    compressor: ClassVar[type[Compressor]] = Pairs
    inputs: ClassVar[int] = 4
