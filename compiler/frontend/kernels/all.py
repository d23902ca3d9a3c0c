"""Importing this module fills the table of kernels."""

from threshc.compiler.frontend.kernels import elementwise, linear, quant, structure

__all__ = ["elementwise", "linear", "quant", "structure"]
