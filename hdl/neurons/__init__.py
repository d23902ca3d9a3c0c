"""Neuron architectures, one file each. `ARCHITECTURES` is the registry that `--neuron` and the tests use."""

from __future__ import annotations

from threshc.hdl.neurons.base import Architecture, Estimate
from threshc.hdl.neurons.compressor import Compressor
from threshc.hdl.neurons.compressor63 import Compressor63
from threshc.hdl.neurons.fa63 import Fa63
from threshc.hdl.neurons.mdfa import Mdfa
from threshc.hdl.neurons.table import Table
from threshc.hdl.neurons.tree import Tree

ARCHITECTURES: dict[str, type[Architecture]] = {a.name: a for a in (Tree, Compressor, Compressor63, Table, Mdfa, Fa63)}

__all__ = ["ARCHITECTURES", "Architecture", "Estimate"]
