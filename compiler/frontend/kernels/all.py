"""Importing this module fills the table of kernels."""

from threshc.compiler.frontend.kernels import elementwise, linear, quant, sklearn, spatial, structure

__all__ = ["elementwise", "linear", "quant", "sklearn", "spatial", "structure"]
