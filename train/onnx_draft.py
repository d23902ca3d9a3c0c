"""An ONNX model while it is put together: nodes and constants in turn, float32 throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threshc.train.encoders import Encoder, Thermometer

if TYPE_CHECKING:
    import onnx

EXACT = 1 << 24
"""Sums of integers below this are exact in float32, in any order."""


@dataclass(slots=True, eq=False)
class Draft:
    """A draft holds nodes in order, constants by name, and the type of the input `x`. Names must be new each time."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    dtype: int = 1

    def node(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Adds a node and returns the name of its output."""
        from onnx import helper

        self.nodes.append(helper.make_node(op, list(inputs), [output], output, **attributes))
        return output

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Adds a float32 constant of exact integers and returns its name."""
        self.constants[name] = np.asarray(value).astype(np.float32)
        return name

    def cast(self, value: str, output: str) -> str:
        """Adds a cast to float32 and returns the name of its output."""
        return self.node("Cast", [value], output, to=1)

    def encoded(self, encode: Encoder, used: NDArray[np.bool_]) -> str:
        """Adds the encoder and returns the name of its integers (N, bits).

        used: (bits,), which of a thermometer's comparisons are needed; the others are left out.
        """
        from onnx import helper

        if not isinstance(encode, Thermometer):
            self.dtype = helper.np_dtype_to_tensor_dtype(np.dtype(encode.dtype))
            return self.cast("x", "bits")
        self.constants["feature"] = encode.feature[used]
        x = "x"
        if encode.pixels is not None:
            self.dtype = helper.np_dtype_to_tensor_dtype(np.dtype(encode.pixels))
            x = self.cast("x", "real")
        wide = self.node("Gather", [x, "feature"], "wide", axis=1)
        return self.cast(
            self.node("GreaterOrEqual", [wide, self.constant("level", encode.threshold[used])], "over"), "bits"
        )

    def model(self, shape: Sequence[int], outputs: int, about: dict[str, str]) -> onnx.ModelProto:
        """Returns the checked model of input `x` (N, *shape) and output `scores` (N, outputs). about: metadata."""
        return checked_model(self.nodes, self.constants, (self.dtype, shape), {"scores": outputs}, about)


def checked_model(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    x: tuple[int, Sequence[int]],
    outputs: Mapping[str, int],
    about: Mapping[str, str],
) -> onnx.ModelProto:
    """Returns the model of these nodes and constants, checked by ONNX.

    x: ONNX's type and the shape of a sample of the input `x` (N, ..). outputs: the width n of every output (N, n),
    float32, by name. about: metadata.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    dtype, shape = x
    graph = helper.make_graph(
        list(nodes),
        "threshc_train",
        [helper.make_tensor_value_info("x", dtype, ["N", *shape])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", n]) for name, n in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="threshc train")
    helper.set_model_props(model, dict(about))
    onnx.checker.check_model(model)
    return model
