"""Importing this module fills the table of kernels."""

from threshc.compiler.frontend.kernels import (
    activations,
    elementwise,
    linear,
    logic,
    quant,
    quantize,
    resize,
    sklearn,
    spatial,
    structure,
)

__all__ = [
    "activations",
    "elementwise",
    "linear",
    "logic",
    "quant",
    "quantize",
    "resize",
    "sklearn",
    "spatial",
    "structure",
]
