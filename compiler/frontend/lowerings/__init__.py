"""One function per ONNX operator that is more than element by element; importing this package registers them all."""

from threshc.compiler.frontend.lowerings import (
    addition,
    classes,
    contraction,
    conv,
    dense,
    integers,
    join,
    pool,
    sklearn,
)

__all__ = ["addition", "classes", "contraction", "conv", "dense", "integers", "join", "pool", "sklearn"]
