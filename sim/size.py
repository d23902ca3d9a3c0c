"""How much memory a simulation takes, known from the network and the number of samples before any is asked for."""

from __future__ import annotations

import math

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import Sum
from threshc.compiler.memory import want

_TABLES = 50
"""Bytes per weight, and per element of a value, while the tables of the packed engine are made. Measured: 48 for dense
layers of 1024 and 2048, 16 to 50 for convolutions (November 2026)."""
_WORD = 8


def elements(network: Network) -> int:
    """Elements of all values of a network, for one sample."""
    return sum(math.prod(t.shape) for t in network.types)


def want_tables(network: Network) -> None:
    """Raises CompileError where the packed engine's tables of a network take more memory than there is."""
    weights = sum(op.weights.size for op in network.ops if isinstance(op, Sum))
    size = elements(network)
    where = f"packed simulator, {weights:,} weights and {size:,} values per sample"
    hint = "a smaller network, or a machine with more memory"
    want(_TABLES * (weights + size), "its tables take", where=where, hint=hint)


def want_results(samples: int, need: int) -> None:
    """Raises CompileError where the results of a batch, of so many bytes, take more memory than there is."""
    hint = "fewer samples at a time, or `threshc sim`, whose packed engine takes files block by block"
    want(need, "their results take", where=f"packed simulator, {samples:,} samples", hint=hint)


def want_values(network: Network, samples: int) -> None:
    """Raises CompileError where all values of a batch, which the reference keeps, take more memory than there is."""
    size = elements(network)
    where = f"reference simulator, {samples:,} samples of {size:,} values"
    want(_WORD * size * samples, "they take", where=where, hint="fewer samples, or the packed engine")
