"""What the scripts beside this file build in real frameworks, and what threshc is to make of each.

Standard library only: scripts run in the Python of their framework, test and table (docs/reference/onnx.md) in ours.
"""

from __future__ import annotations

from dataclasses import dataclass

SCRIPTS = {
    "PyTorch": "from_pytorch.py",
    "Brevitas": "from_brevitas.py",
    "Larq": "from_larq.py",
    "QKeras": "from_qkeras.py",
}
"""The script of each framework."""
VERSIONS = {
    "PyTorch": "2.13.0",
    "Brevitas": "0.13.4",
    "Larq": "0.13.3 (TensorFlow 2.15.1, tf2onnx 1.16.1)",
    "QKeras": "0.9.0 (TensorFlow 2.15.1, tf2onnx 1.16.1)",
}
"""The versions that the table was last made with; the test takes what is installed."""
SAMPLES = 256


@dataclass(frozen=True)
class Case:
    """A network of one framework through one or more exporters.

    input, snap: of `threshc.load`. refused: the beginning of the message where it is refused, "" where its labels
    are the framework's. rtl: every hidden bit is compared too, with an evaluator that is not ours and with the emitted
    Verilog.
    """

    framework: str
    network: str
    idiom: str
    exporters: tuple[str, ...]
    input: str = "uint8"
    snap: int | None = None
    refused: str = ""
    rtl: bool = False

    def names(self) -> tuple[str, ...]:
        """The files of the case, without an ending."""
        return tuple(f"{self.network}-{exporter}" for exporter in self.exporters)


_TORCH = ("TorchScript", "dynamo")
_BREVITAS = ("QONNX", "QCDQ")
_KERAS = ("tf2onnx",)


def _torch(network: str, idiom: str, **more: object) -> Case:
    return Case("PyTorch", network, idiom, _TORCH, **more)  # type: ignore[arg-type]


def _brevitas(network: str, idiom: str, exporters: tuple[str, ...] = _BREVITAS, **more: object) -> Case:
    return Case("Brevitas", network, idiom, exporters, "uint8/255", **more)  # type: ignore[arg-type]


def _keras(framework: str, network: str, idiom: str, **more: object) -> Case:
    return Case(framework, network, idiom, _KERAS, **more)  # type: ignore[arg-type]


CASES = (
    _torch("function", "sign as an autograd.Function; BatchNorm1d"),
    _torch("detach", "x + (sign(x) - x).detach()"),
    _torch("hardtanh", "(sign(x) - hardtanh(x)).detach() + hardtanh(x)"),
    _torch("hardtanh_sign", "Hardtanh, then torch.sign"),
    _torch("cast", "(x > 0).float()"),
    _torch("dorefa", "DoReFa, 2 bits: round(3 clamp(x, 0, 1)) / 3"),
    _torch("prelu", "PReLU before the step"),
    _torch("elu", "ELU before the step"),
    _torch("rsign", "a learned threshold per channel (ReActNet's RSign), ReLU6 head"),
    _torch("ternary", "ternary weights with a scale per output"),
    _torch("xnor_alpha", "weights alpha * sign(w), alpha per output (XNOR-Net)"),
    _torch("ste_weights", "weights (alpha * sign(w) - clamp(w)) + clamp(w) (Bi-Real-Net)", snap=512),
    _torch("pool_first", "MaxPool before BatchNorm2d"),
    _torch("pool_last", "BatchNorm2d, sign, MaxPool"),
    _torch("normalize", "(x / 255 - mean[c]) / std[c] in the graph"),
    _torch("softmax", "a softmax tail"),
    _torch("log_softmax_argmax", "LogSoftmax, ArgMax"),
    _torch("real_head", "a last layer with real weights and biases"),
    _torch("DenseNet", "BinaryDenseNet: real maps are concatenated"),
    _torch("ShuffleNet", "channel shuffle of real maps, two poolings"),
    _torch("ResNet", "a residual block with padded shortcut"),
    _torch("MobileNet", "depthwise and 1 x 1 without a step between; global average pooling"),
    _torch("LongResNet", "ternary activations added over two layers"),
    _torch("relu", "ReLU between layers", refused="a layer's input is not binary"),
    _torch(
        "real_shortcut",
        "real numbers on the shortcut (Bi-Real-Net)",
        refused="a tensor that is added is neither an integer sum nor an activation",
    ),
    _brevitas("fc_w1a1", "SignedBinaryWeight, SignedBinaryAct; BatchNorm1d", exporters=("QONNX",)),
    _brevitas("fc_w2a2", "weights of 2 bits, QuantReLU of 2 bits, learned scales"),
    _brevitas("fc_w2a2_signed", "QuantIdentity of 2 bits, signed"),
    _brevitas("fc_ternary", "ternary weights"),
    _brevitas("fc_per_channel", "weights of 4 bits, a scale per channel; QuantReLU of 3 bits"),
    _brevitas("fc_power_of_two", "scales that are powers of two"),
    _brevitas("fc_input_quantizer", "QuantIdentity of 8 bits in front"),
    _brevitas("fc_tanh", "QuantTanh of 2 bits"),
    _brevitas("fc_sigmoid", "QuantSigmoid of 2 bits"),
    _brevitas("fc_hardtanh", "QuantHardTanh of 2 bits"),
    _brevitas("cnn_input_quantizer", "QuantIdentity of 8 bits in front of a convolution"),
    _brevitas("cnn_pool_first", "MaxPool before QuantReLU; global average pooling"),
    _brevitas("cnn_pool_last", "MaxPool behind QuantReLU"),
    _brevitas("cnn_bias_head", "a head with Int32Bias"),
    _brevitas("cnn_trunc_pool", "TruncAvgPool2d"),
    _brevitas("resnet_w1a1", "three residual blocks, W1A1", exporters=("QONNX",)),
    _brevitas("resnet_w2a2", "three residual blocks, W2A2, one quantizer for both sides of each addition"),
    _brevitas("mobilenet_w2a2", "depthwise and 1 x 1, W2A2, a scale per channel"),
    _brevitas("tiny_resnet_w1a1", "a residual block on 2 x 2 places, W1A1", exporters=("QONNX",), rtl=True),
    _brevitas("tiny_resnet_w2a2", "a residual block on 2 x 2 places, W2A2", exporters=("QONNX",), rtl=True),
    _brevitas("tiny_mobilenet_w2a2", "depthwise and 1 x 1 on 2 x 2 places, W2A2", exporters=("QONNX",), rtl=True),
    _keras("Larq", "larq_dense", "QuantDense, SteSign on weights and activations; a softmax tail"),
    _keras("Larq", "larq_approx_sign", "ApproxSign"),
    _keras("Larq", "larq_swish_sign", "SwishSign"),
    _keras("Larq", "larq_dorefa", "DoReFa of 2 bits"),
    _keras("Larq", "larq_ternary", "SteTern weights"),
    _keras("Larq", "larq_magnitude", "MagnitudeAwareSign weights"),
    _keras("Larq", "larq_pool_first", "QuantConv2D padded with ones; MaxPool before BatchNormalization"),
    _keras("Larq", "larq_valid", "QuantConv2D without padding"),
    _keras("Larq", "larq_separable", "QuantDepthwiseConv2D, 1 x 1; global average pooling"),
    _keras("Larq", "larq_densenet", "BinaryDenseNet: real maps are concatenated"),
    _keras("QKeras", "qkeras_binary", "binary weights and activations, quantized bias"),
    _keras("QKeras", "qkeras_auto_alpha", "binary(alpha='auto')", snap=64),
    _keras("QKeras", "qkeras_ternary", "ternary weights, quantized_relu of 2 bits"),
    _keras("QKeras", "qkeras_bits", "quantized_bits of 3 bits for weights and activations"),
    _keras("QKeras", "qkeras_tanh", "quantized_tanh; a softmax tail"),
    _keras("QKeras", "qkeras_bits_auto", "quantized_bits(alpha='auto_po2'), quantized_relu of 3 bits"),
    _keras("QKeras", "qkeras_cnn", "QConv2D, MaxPool before BatchNormalization"),
)
