"""Kernels of ONNX operators; every file here is read for `@kernel`."""
