"""Full adders in the lowest column, 6:3 counters above: the fewest 6-input LUTs."""

from __future__ import annotations

from typing import ClassVar

from threshc.hdl.unrolled.neurons.lut_neuron import LutArchitecture
from threshc.hdl.unrolled.sharing.counter_compressor import CounterColumns
from threshc.hdl.unrolled.sharing.sharing import ColumnCompressor


class CounterCompressor(LutArchitecture):
    """Adds up column by column: full adders over the lowest one, which neurons of +-1 weights share, then 6:3 counters.

    Latency 0 cycles, throughput one sample per cycle.
    """

    name: ClassVar[str] = "counters"

    compressor: ClassVar[type[ColumnCompressor]] = CounterColumns
    inputs: ClassVar[int] = 6
