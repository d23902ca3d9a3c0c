"""The one-layer network in integers, and as ONNX: one neuron shared by all patches, and a population count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.diagnostics import fail
from threshc.train.onnx_draft import EXACT, checked_model

if TYPE_CHECKING:
    import onnx

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """It counts sum_j 1{encode(Z)_j u > 0}, integers all.

    u: (d,) integers. step: the real value of an input's integer 1. dtype: the type of the input's integers.
    """

    u: Ints
    step: float
    dtype: str

    @staticmethod
    def of(u: Floats, z: Floats, weight_bits: int, input_bits: int) -> Patches:
        """Returns u (d,) rounded to `weight_bits` bits with the steps of its inputs.

        Inputs z (n, k, d) that are whole numbers stay; others get steps so that `input_bits` bits reach the largest.
        """
        top = float(np.abs(u).max(initial=0.0)) or 1.0
        whole = np.rint(u / top * (2 ** (weight_bits - 1) - 1)).astype(np.int64)
        reach = float(np.abs(z).max(initial=0.0))
        if reach < 1 << 15 and (z == np.rint(z)).all():
            return Patches(whole, 1.0, "int8" if reach < 1 << 7 else "int16")
        return Patches(whole, reach / (2 ** (input_bits - 1) - 1), "int8" if input_bits <= 8 else "int16")

    def encode(self, z: Floats) -> NDArray[np.integer]:
        """Returns the circuit's integers of real inputs (..., d), clipped to their range."""
        info = np.iinfo(self.dtype)
        return np.clip(np.rint(z / self.step), info.min, info.max).astype(self.dtype)

    def counts(self, z: Floats) -> Ints:
        """Returns counts (n,) of real inputs (n, k, d)."""
        sums = self.encode(z).astype(np.float64) @ self.u  # exact: integers below 2**53
        return np.asarray((sums > 0).sum(axis=1), np.int64)


def write_patches(network: Patches, path: str | Path, k: int) -> None:
    """Writes the model for k patches, whole or not at all. Raises CompileError as `as_onnx` does, and where the file
    cannot be written."""
    from threshc.train.model_file import write_model

    write_model(as_onnx(network, k), path)


def as_onnx(network: Patches, k: int) -> onnx.ModelProto:
    """Returns the model from x (N, k * d) integers to counts (N, 1). Raises CompileError if u is 0 or float32 would
    round sums."""
    from onnx import TensorProto, helper

    if not network.u.any():
        why = "every entry of w is below the penalty's threshold"
        raise fail("no weights are left", why=why, hint="a smaller lam, a larger beta, or more steps")
    reach = int(np.abs(network.u).sum()) * (int(np.iinfo(network.dtype).max) + 1)
    if reach >= EXACT:
        why = f"they reach {reach:,}"
        raise fail("the sums do not fit the integers of float32", why=why, hint="fewer weight_bits or input_bits")
    d = len(network.u)
    constants = {
        "row": np.array([-1, 1, k * d]),
        "u": network.u.astype(np.float32).reshape(1, 1, d),
        "zero": np.zeros((), np.float32),
        "flat": np.array([-1, k]),
        "axes": np.array([1]),
    }
    nodes = [
        helper.make_node("Cast", ["x"], ["real"], "encode", to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["real", "row"], ["patches"], "patches"),
        helper.make_node("Conv", ["patches", "u"], ["sums"], "shared", kernel_shape=[d], strides=[d]),
        helper.make_node("Greater", ["sums", "zero"], ["fires"], "step"),
        helper.make_node("Cast", ["fires"], ["bits"], "bits", to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["bits", "flat"], ["hidden"], "hidden"),
        helper.make_node("ReduceSum", ["hidden", "axes"], ["count"], "count", keepdims=1),
    ]
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(network.dtype))
    return checked_model(nodes, constants, (dtype, (k * d,)), {"count": 1}, {"input_step": repr(network.step)})
