"""Lowerings of ONNX operators that are more than element by element; every file here is read for `@lowers`."""
