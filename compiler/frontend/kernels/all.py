"""Importing this module fills the table of kernels."""

from threshc.compiler.frontend.kernels import activations, elementwise, linear, quant, sklearn, spatial, structure

__all__ = ["activations", "elementwise", "linear", "quant", "sklearn", "spatial", "structure"]
