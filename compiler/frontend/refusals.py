"""What to say of operators that are refused: why, and what would work."""

from __future__ import annotations

from threshc.compiler.diagnostics import Diagnostic
from threshc.compiler.frontend.graph import Node

_WHERE = "in PyTorch write torch.where(x >= 0, 1.0, -1.0) instead of x[x >= 0] = 1 and export again"
_MASK = "assigning to a mask is exported as indices that depend on the data", _WHERE
_RECURRENT = "recurrent layers carry state from sample to sample", "use dense and convolutional layers"
_CONTROL = "what is computed would depend on the data", "export a model without branches and loops (torch.jit.trace)"
_MIXED = (
    "each of its results depends on several sums at once, through their mean and variance",
    "use BatchNormalization in eval mode, whose constants belong to one channel each",
)
_PRODUCTS = "it multiplies values that depend on the input with each other", "use layers with constant weights"

_BY_OP: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("NonZero", "ScatterND", "ScatterElements", "Scatter", "Compress", "GatherND"), _MASK),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _RECURRENT),
    **dict.fromkeys(("If", "Loop", "Scan"), _CONTROL),
    **dict.fromkeys(("LayerNormalization", "InstanceNormalization", "GroupNormalization", "LpNormalization"), _MIXED),
    **dict.fromkeys(("RMSNormalization", "LRN", "MeanVarianceNormalization"), _MIXED),
    "Attention": _PRODUCTS,
    "TruthTable": (
        "the neuron is a table already, not a weighted sum",
        "give the network as it was before its neurons were turned into tables",
    ),
    "ConvTranspose": ("its windows overlap in the output", "use Conv"),
    "MatMulInteger": ("its operands are integers with zero points", "export MatMul on dequantized or bipolar values"),
}
_BY_DOMAIN = (
    (
        "finn.custom_op.fpgadataflow",
        "it is a hardware layer that FINN has already chosen",
        "give the model as it was before FINN's conversion to hardware (HLS, RTL) layers",
    ),
    ("com.microsoft", "it is an operator that onnxruntime's optimizer writes", "give the model before optimization"),
    ("ai.onnx.ml", "of scikit-learn's operators, linear classifiers on thresholded features are read", "docs/onnx.md"),
)


def unsupported(node: Node) -> Diagnostic:
    """The refusal of an operator that the front end does not know."""
    what = f"operator {node.op!r} of domain {node.stated or node.domain or 'ai.onnx'!r} is not supported"
    why, hint = _BY_OP.get(node.op, ("", ""))
    for prefix, because, instead in _BY_DOMAIN:
        if not why and node.domain.startswith(prefix):
            why, hint = because, instead
    if not why:
        why = "threshc compiles layers of weighted sums with steps between them"
        hint = "docs/onnx.md lists the operators; new ones go into compiler/frontend/"
    return Diagnostic(what, node.where, why, hint)
