"""One function per ONNX operator that is more than element by element; importing this package registers them all."""

from threshc.compiler.frontend.lowerings import classes, conv, dense, join, pool, sklearn

__all__ = ["classes", "conv", "dense", "join", "pool", "sklearn"]
