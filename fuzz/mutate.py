"""Mutations of ONNX models, each a small damage of the kind that broken exporters, bit rot and attackers make.

All draw from one `random.Random`, so that a case is its seed - or Hypothesis's own, which then shrinks it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

from fuzz import mutate_nodes as nodes
from fuzz import mutate_tensors as tensors
from fuzz.damage import damaged

__all__ = ["MUTATIONS", "damaged", "mutated", "write_case"]

Mutation = Callable[[random.Random, onnx.ModelProto], None]

MUTATIONS: tuple[Mutation, ...] = (
    *(
        nodes.swap_nodes,
        nodes.delete_node,
        nodes.bypass_node,
        nodes.duplicate_node,
        nodes.insert_node,
        nodes.insert_node,
        nodes.change_op,
        nodes.change_domain,
    ),
    *(
        nodes.rewire,
        nodes.rewire,
        nodes.inputs_count,
        nodes.outputs_count,
        nodes.rename,
        nodes.rename_node,
        nodes.change_attribute,
        nodes.change_attribute,
        nodes.attributes,
    ),
    *(
        tensors.tensor_dims,
        tensors.reshaped,
        tensors.reshaped,
        tensors.tensor_type,
        tensors.tensor_values,
        tensors.tensor_values,
        tensors.tensor_bytes,
        tensors.external,
        nodes.input_shape,
    ),
    *(nodes.graph_ends, nodes.opset, nodes.opset, tensors.initializers),
    *(nodes.insert_cast, nodes.insert_cast, nodes.retype, nodes.retype, nodes.quantized),
)


def mutated(rng: random.Random, model: onnx.ModelProto, most: int = 4) -> onnx.ModelProto:
    """A copy of a model with one or a few mutations; those that a model has no place for do nothing."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for _ in range(rng.randint(1, most)):
        rng.choice(MUTATIONS)(rng, copy)
    return copy


def write_case(folder: Path, data: bytes) -> Path:
    """A case as a file, beside a data file that it may name and a link that leads out of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.bin").write_bytes(np.ones(64, np.float32).tobytes())
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to("/etc/passwd")
    path = folder / "case.onnx"
    path.write_bytes(data)
    return path
