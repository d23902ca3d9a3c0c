"""Importing this module fills the table of kernels."""

from threshc.compiler.frontend.kernels import (
    activations,
    channels_last,
    contraction,
    elementwise,
    integers,
    linear,
    logic,
    quant,
    quantize,
    resize,
    sklearn,
    smooth,
    spatial,
    structure,
)

__all__ = [
    "activations",
    "channels_last",
    "contraction",
    "elementwise",
    "integers",
    "linear",
    "logic",
    "quant",
    "quantize",
    "resize",
    "sklearn",
    "smooth",
    "spatial",
    "structure",
]
