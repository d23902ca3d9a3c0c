"""Importing this module fills the table of kernels."""

from threshc.compiler.frontend.kernels import elementwise, linear, quant, spatial, structure

__all__ = ["elementwise", "linear", "quant", "spatial", "structure"]
