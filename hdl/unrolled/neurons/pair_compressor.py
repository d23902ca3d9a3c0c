"""Pair-encoded compressors: four 4-input LUTs for every three bits, the fewest of all on LUT4 devices."""

from __future__ import annotations

from typing import ClassVar

from threshc.hdl.unrolled.neurons.lut_neuron import LutArchitecture
from threshc.hdl.unrolled.sharing.pair_compressor import PairColumns
from threshc.hdl.unrolled.sharing.sharing import ColumnCompressor


class PairCompressor(LutArchitecture):
    """Adds up column by column, in tables of four inputs: full adders over the inputs, blocks of a bit and three pairs
    above. The block is the MDFA of Demenkov, Kojevnikov, Kulikov, Yaroslavtsev, Inf. Process. Lett. 110(7), 2010.

    Latency 0 cycles, throughput one sample per cycle. First-level adders are shared between neurons of +-1 weights.
    """

    name: ClassVar[str] = "pairs"

    compressor: ClassVar[type[ColumnCompressor]] = PairColumns
    inputs: ClassVar[int] = 4
