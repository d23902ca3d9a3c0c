"""threshc: trained binary-activation networks, from ONNX to exact thresholds, simulation and hardware."""

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.version import __version__

__all__ = ["CompileError", "Network", "__version__"]
