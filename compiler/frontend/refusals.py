"""What to say of operators that are refused: why, and what would work."""

from __future__ import annotations

from collections.abc import Sequence

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
}
_BY_DOMAIN = (
    (
        "finn.custom_op.fpgadataflow",
        "it is a hardware layer that FINN has already chosen",
        "give the model as it was before FINN's conversion to hardware (HLS, RTL) layers",
    ),
    ("com.microsoft", "it is an operator that onnxruntime's optimizer writes", "give the model before optimization"),
    (
        "ai.onnx.ml",
        "of scikit-learn's operators, linear classifiers on thresholded features are read",
        "docs/reference/onnx.md",
    ),
)


def unsupported(node: Node) -> Diagnostic:
    """Returns the refusal of an operator that the front end does not know."""
    what = f"operator {node.op!r} of domain {node.stated or node.domain or 'ai.onnx'!r} is not supported"
    why, hint = _BY_OP.get(node.op, ("", ""))
    hardware = (
        node.attrs.get("backend") == "fpgadataflow"
    )  # as the files of 2019 and 2020, whose domain is finn, say it
    home = _BY_DOMAIN[0][0] if hardware else node.domain
    for prefix, because, instead in _BY_DOMAIN:
        if not why and home.startswith(prefix):
            why, hint = because, instead
    if not why:
        why = "threshc compiles layers of weighted sums with steps between them"
        hint = "docs/reference/onnx.md lists the operators; new ones go into compiler/frontend/"
    return Diagnostic(what, node.where, why, hint)


FACTOR = (
    "the mean of |x| that XNOR-Net multiplies its sums with (K, or alpha per sample) is another number for each input",
    "omit it: before a Sign a positive factor changes nothing; or train one constant scale per channel, as "
    "XNOR-Net++ and Bi-Real Net do, which is exact",
)


def two_sums_meet(node: Node, ways: Sequence[tuple[str, bool, Sequence[str]]]) -> Diagnostic:
    """Returns the refusal of an operator on two different sums. ways: per operand its sum, whether a step lies behind
    it, and the operators since."""
    what = "two different sums meet before a step"
    why = f"it combines values of {ways[0][0]!r} and {next((w[0] for w in ways if w[0] != ways[0][0]), ways[0][0])!r}"
    hint = "put a step before the operator"
    if node.op in ("Mul", "Div"):
        what = "two tensors that depend on the input are multiplied"
        if any("Abs" in ops for *_, ops in ways):
            why, hint = FACTOR
        elif any(stepped for _, stepped, _ in ways):
            why = (
                f"{why}: a spiking neuron that is reset to zero, u * (1 - spike), or a gate as in "
                "squeeze-and-excitation; the product of a sum and an activation is not a weighted sum"
            )
            hint = (
                "for a spiking neuron over several steps, reset by subtraction, u - spike, with a decay of 1 or 1/2 is "
                "exact, and so is a single step; omit a gate, or make it a constant scale per channel"
            )
    return Diagnostic(what, node.where, why, hint)
