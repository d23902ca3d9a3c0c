"""What mutations put in place of what was there."""

from __future__ import annotations

NAMES = (
    "",
    "x",
    "../../evil",
    "/etc/passwd",
    "module",
    "wire",
    "a b",
    'q"uote',
    "new\nline",
    "$display",
    "\\",
    "é😀",
    "n" * 10_000,
)
NUMBERS = (0, 1, -1, 2, 3, 7, 64, 255, 65536, 2**31 - 1, -(2**31), 2**31, 2**40, 2**62, 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e-30, 1e30, 3.4e38, float("nan"), float("inf"), float("-inf"))
OPS = (
    *(
        "Sign",
        "Relu",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "MatMul",
        "Gemm",
        "Conv",
        "MaxPool",
        "AveragePool",
        "Reshape",
        "Flatten",
    ),
    *(
        "Transpose",
        "Concat",
        "Slice",
        "Split",
        "Pad",
        "Where",
        "Cast",
        "Clip",
        "Round",
        "Neg",
        "Pow",
        "Sqrt",
        "Exp",
        "Abs",
    ),
    *("Softmax", "ArgMax", "TopK", "Quant", "BipolarQuant", "MultiThreshold", "QuantizeLinear", "DequantizeLinear"),
    *("BatchNormalization", "Gather", "Expand", "ConstantOfShape", "Shape", "Size", "Squeeze", "Unsqueeze", "Constant"),
    *("GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceSum", "Greater", "Less", "Equal", "Not", "Identity"),
    *("LSTM", "NonZero", "Loop", "If", "Scan", "Binarizer", "LinearClassifier", "Scaler", "XnorPopcountMatMul", "Max"),
    *(
        "Abs",
        "Flatten",
        "Sum",
        "Min",
        "And",
        "Or",
        "LogSoftmax",
        "Reciprocal",
        "Floor",
        "Ceil",
        "Dropout",
        "DebugMarker",
    ),
)
PLACES = ("weights.bin", "../weights.bin", "/etc/passwd", "/dev/zero", ".", "sub/..", "a\0b", "link", *NAMES)
ATTRIBUTES = (
    *("axis", "group", "pads", "strides", "dilations", "kernel_shape", "perm", "to", "axes", "keepdims", "alpha"),
    *("transA", "transB", "epsilon", "auto_pad", "signed", "narrow", "out_scale", "data_layout", "ceil_mode"),
    *("output_dtype", "block_size", "precision", "saturate", "training_mode", "noop_with_empty_axes", "storage_order"),
    *("round_mode", "select_last_index", "num_outputs", "norm", "post_transform", "classlabels_strings", "out_dtype"),
    *("allowzero", "value", "mode", "split", "k", "largest", "rounding_mode", "coefficients", "count_include_pad"),
)
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "onnx.brevitas", "qonnx.custom_op.general", "com.microsoft", "x" * 300)
SMALL_TYPES = (*range(29), 99)
