"""Evaluators of ONNX models that are not ours, for a second opinion."""
