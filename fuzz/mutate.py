"""Mutations of ONNX models, each a small damage of the kind that broken exporters, bit rot and attackers make.

All draw from one `random.Random`, so that a case is its seed - or Hypothesis's own, which then shrinks it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import AttributeProto, NodeProto, TensorProto, numpy_helper

Mutation = Callable[[random.Random, onnx.ModelProto], None]

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
    *("allowzero", "value", "mode", "split", "k", "largest", "rounding_mode", "coefficients", "count_include_pad"),
)
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "onnx.brevitas", "qonnx.custom_op.general", "com.microsoft", "x" * 300)
SMALL_TYPES = (*range(27), 99)


def mutated(rng: random.Random, model: onnx.ModelProto, most: int = 4) -> onnx.ModelProto:
    """A copy of a model with one or a few mutations; those that a model has no place for do nothing."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for _ in range(rng.randint(1, most)):
        rng.choice(MUTATIONS)(rng, copy)
    return copy


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Bytes with flips, cuts, repeats, insertions, or nothing of the original left."""
    raw = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at, kind = rng.randrange(len(raw) + 1), rng.randrange(6)
        match kind:
            case 0 if at < len(raw):
                raw[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(raw):
                raw[at] = rng.randrange(256)
            case 2:
                del raw[at:]
            case 3:
                end = min(len(raw), at + rng.randint(1, 64))
                raw[at:at] = raw[at:end]
            case 4:
                del raw[at : at + rng.randint(1, 64)]
            case _:
                raw[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 32)))
    return bytes(raw)


def _node(rng: random.Random, model: onnx.ModelProto) -> NodeProto | None:
    return rng.choice(model.graph.node) if model.graph.node else None


def _tensor(rng: random.Random, model: onnx.ModelProto) -> TensorProto | None:
    held = [a.t for n in model.graph.node for a in n.attribute if a.type == AttributeProto.TENSOR]
    pool = [*model.graph.initializer, *held]
    return rng.choice(pool) if pool else None


def _names(model: onnx.ModelProto) -> list[str]:
    graph = model.graph
    made = [t for n in graph.node for t in (*n.input, *n.output)]
    return [*made, *(i.name for i in graph.initializer), *(i.name for i in graph.input), "", "nowhere"]


def swap_nodes(rng: random.Random, model: onnx.ModelProto) -> None:
    nodes = list(model.graph.node)
    if len(nodes) > 1:
        a, b = rng.sample(range(len(nodes)), 2)
        nodes[a], nodes[b] = nodes[b], nodes[a]
        _replace(model, nodes)


def delete_node(rng: random.Random, model: onnx.ModelProto) -> None:
    if model.graph.node:
        del model.graph.node[rng.randrange(len(model.graph.node))]


def bypass_node(rng: random.Random, model: onnx.ModelProto) -> None:
    """Delete a node and let its readers read its first input."""
    node = _node(rng, model)
    if node is None or not node.input or not node.output:
        return
    old, new = node.output[0], node.input[0]
    model.graph.node.remove(node)
    for other in model.graph.node:
        for k, name in enumerate(other.input):
            if name == old:
                other.input[k] = new
    for out in model.graph.output:
        if out.name == old:
            out.name = new


def duplicate_node(rng: random.Random, model: onnx.ModelProto) -> None:
    node = _node(rng, model)
    if node is not None:
        model.graph.node.add().CopyFrom(node)


def insert_node(rng: random.Random, model: onnx.ModelProto) -> None:
    """A random operator between a tensor and one of its readers."""
    reader = _node(rng, model)
    if reader is None or not reader.input:
        return
    k = rng.randrange(len(reader.input))
    extra = [rng.choice(_names(model)) for _ in range(rng.randint(0, 2))]
    made = f"inserted{len(model.graph.node)}"
    node = onnx.helper.make_node(rng.choice(OPS), [reader.input[k], *extra], [made], domain=rng.choice(DOMAINS[:5]))
    reader.input[k] = made
    model.graph.node.insert(0, node)


def change_op(rng: random.Random, model: onnx.ModelProto) -> None:
    node = _node(rng, model)
    if node is not None:
        node.op_type = rng.choice((*OPS, *NAMES))


def change_domain(rng: random.Random, model: onnx.ModelProto) -> None:
    node = _node(rng, model)
    if node is not None:
        node.domain = rng.choice(DOMAINS)


def rewire(rng: random.Random, model: onnx.ModelProto) -> None:
    """An input of a node reads another tensor: cycles, wrong shapes, undefined names."""
    node = _node(rng, model)
    if node is not None and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(_names(model))


def inputs_count(rng: random.Random, model: onnx.ModelProto) -> None:
    node = _node(rng, model)
    if node is None:
        return
    if node.input and rng.random() < 0.6:
        del node.input[rng.randrange(len(node.input))]
    else:
        node.input.append(rng.choice(_names(model)))


def outputs_count(rng: random.Random, model: onnx.ModelProto) -> None:
    node = _node(rng, model)
    if node is None:
        return
    if node.output and rng.random() < 0.5:
        del node.output[rng.randrange(len(node.output))]
    else:
        node.output.append(rng.choice(_names(model)))


def rename(rng: random.Random, model: onnx.ModelProto) -> None:
    """One name, everywhere or in one place, becomes a hostile one."""
    old, new = rng.choice(_names(model)), rng.choice(NAMES)
    once = rng.random() < 0.3
    for node in model.graph.node:
        for names in (node.input, node.output):
            for k, name in enumerate(names):
                if name == old:
                    names[k] = new
                    if once:
                        return
    for thing in (*model.graph.initializer, *model.graph.input, *model.graph.output):
        if thing.name == old:
            thing.name = new


def rename_node(rng: random.Random, model: onnx.ModelProto) -> None:
    node = _node(rng, model)
    if node is not None:
        node.name = rng.choice(NAMES)


def change_attribute(rng: random.Random, model: onnx.ModelProto) -> None:
    node = _node(rng, model)
    if node is None or not node.attribute:
        return
    a = rng.choice(node.attribute)
    match a.type:
        case AttributeProto.INT:
            a.i = rng.choice(NUMBERS)
        case AttributeProto.FLOAT:
            a.f = rng.choice(FLOATS)
        case AttributeProto.STRING:
            a.s = rng.choice(NAMES).encode()[:100]
        case AttributeProto.INTS if a.ints and rng.random() < 0.7:
            a.ints[rng.randrange(len(a.ints))] = rng.choice(NUMBERS)
        case AttributeProto.INTS:
            a.ints[:] = [rng.choice(NUMBERS[:8]) for _ in range(rng.randint(0, 6))]
        case AttributeProto.FLOATS if a.floats:
            a.floats[rng.randrange(len(a.floats))] = rng.choice(FLOATS)
    if rng.random() < 0.15:
        a.type = rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 11))


def attributes(rng: random.Random, model: onnx.ModelProto) -> None:
    """Delete, rename or add an attribute that some operator reads."""
    node = _node(rng, model)
    if node is None:
        return
    if node.attribute and rng.random() < 0.5:
        del node.attribute[rng.randrange(len(node.attribute))]
        return
    key = rng.choice(ATTRIBUTES)
    if key in [a.name for a in node.attribute]:
        return
    value = rng.choice(
        (rng.choice(NUMBERS), rng.choice(FLOATS), [rng.choice(NUMBERS) for _ in range(rng.randint(1, 4))], "SAME_UPPER")
    )
    node.attribute.append(onnx.helper.make_attribute(key, value))


def tensor_dims(rng: random.Random, model: onnx.ModelProto) -> None:
    tensor = _tensor(rng, model)
    if tensor is None:
        return
    if tensor.dims and rng.random() < 0.6:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(NUMBERS)
    else:
        tensor.dims[:] = [rng.choice(NUMBERS) for _ in range(rng.randint(0, 5))]


def reshaped(rng: random.Random, model: onnx.ModelProto) -> None:
    """A tensor with the same data in another shape."""
    tensor = _tensor(rng, model)
    if tensor is None:
        return
    dims = list(tensor.dims)
    match rng.randrange(4):
        case 0:
            rng.shuffle(dims)
        case 1:
            dims.insert(rng.randrange(len(dims) + 1), 1)
        case 2:
            dims = [int(np.prod(dims, dtype=object)) if all(0 <= d < 2**31 for d in dims) else 1]
        case _ if len(dims) > 1:
            dims = [dims[0] * dims[1], *dims[2:]]
    tensor.dims[:] = [d for d in dims if -(2**63) <= d < 2**63]


def tensor_type(rng: random.Random, model: onnx.ModelProto) -> None:
    tensor = _tensor(rng, model)
    if tensor is not None:
        tensor.data_type = rng.choice(SMALL_TYPES)


def tensor_values(rng: random.Random, model: onnx.ModelProto) -> None:
    """Other numbers in place of some or all, in the same shape and type where possible."""
    tensor = _tensor(rng, model)
    if tensor is None:
        return
    try:
        array = numpy_helper.to_array(tensor).copy()
    except Exception:  # an earlier mutation has broken it
        return
    if not array.size or array.dtype.kind not in "fiu" or array.size > 10**6:
        return
    pool = np.array(FLOATS if array.dtype.kind == "f" else [n for n in NUMBERS if abs(n) < 100])
    with np.errstate(all="ignore"):
        pool = pool.astype(array.dtype)
    flat = array.reshape(-1)
    for _ in range(rng.choice((1, 1, 3, 20))):
        flat[rng.randrange(flat.size)] = pool[rng.randrange(len(pool))]
    if rng.random() < 0.1:
        flat[:] = pool[rng.randrange(len(pool))]
    if array.dtype.kind == "f" and rng.random() < 0.2:
        with np.errstate(all="ignore"):
            array = (array * array.dtype.type(rng.choice((1e-30, 1e30, 0.1, 3.0)))).astype(array.dtype)
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(array, name))


def tensor_bytes(rng: random.Random, model: onnx.ModelProto) -> None:
    tensor = _tensor(rng, model)
    if tensor is not None:
        tensor.raw_data = damaged(rng, tensor.raw_data or b"\0" * 8)


def external(rng: random.Random, model: onnx.ModelProto) -> None:
    tensor = _tensor(rng, model)
    if tensor is None:
        return
    tensor.data_location = TensorProto.EXTERNAL
    if rng.random() < 0.7:
        tensor.ClearField("raw_data")
    for _ in range(rng.randint(0, 4)):
        places = (
            "weights.bin",
            "../weights.bin",
            "/etc/passwd",
            "/dev/zero",
            ".",
            "",
            "sub/..",
            "a\0b",
            "link",
            "fifo",
            *NAMES,
        )
        value = rng.choice((rng.choice(places), str(rng.choice(NUMBERS)), "zero", "1e3", "٣", " 0 "))
        tensor.external_data.add(key=rng.choice(("location", "location", "offset", "length", "checksum")), value=value)


def input_shape(rng: random.Random, model: onnx.ModelProto) -> None:
    infos = [*model.graph.input, *model.graph.output]
    if not infos:
        return
    dims = rng.choice(infos).type.tensor_type.shape.dim
    if dims and rng.random() < 0.7:
        dims[rng.randrange(len(dims))].dim_value = rng.choice(NUMBERS)
    elif dims and rng.random() < 0.5:
        del dims[rng.randrange(len(dims))]
    else:
        dims.add().dim_value = rng.choice(NUMBERS)


def graph_ends(rng: random.Random, model: onnx.ModelProto) -> None:
    """More or fewer graph inputs and outputs, other names for them."""
    infos = rng.choice((model.graph.input, model.graph.output))
    match rng.randrange(3):
        case 0 if infos:
            del infos[rng.randrange(len(infos))]
        case 1:
            infos.add().name = rng.choice(_names(model))
        case _ if infos:
            infos[rng.randrange(len(infos))].name = rng.choice(_names(model))


def opset(rng: random.Random, model: onnx.ModelProto) -> None:
    match rng.randrange(3):
        case 0 if model.opset_import:
            rng.choice(model.opset_import).version = rng.choice((*NUMBERS, *range(1, 26)))
        case 1:
            del model.opset_import[:]
        case _:
            model.ir_version = rng.choice((0, 1, 3, 99, -1, 2**62))


def initializers(rng: random.Random, model: onnx.ModelProto) -> None:
    tensors = model.graph.initializer
    if not tensors:
        return
    match rng.randrange(4):
        case 0:
            del tensors[rng.randrange(len(tensors))]
        case 1:
            tensors.add().CopyFrom(rng.choice(tensors))
        case 2:
            model.graph.sparse_initializer.add().dims.append(3)
        case _:
            a, b = rng.choice(tensors), rng.choice(tensors)
            a.name, b.name = b.name, a.name


def _replace(model: onnx.ModelProto, nodes: list[NodeProto]) -> None:
    copies = []
    for node in nodes:
        copy = NodeProto()
        copy.CopyFrom(node)
        copies.append(copy)
    del model.graph.node[:]
    model.graph.node.extend(copies)


MUTATIONS: tuple[Mutation, ...] = (
    *(swap_nodes, delete_node, bypass_node, duplicate_node, insert_node, insert_node, change_op, change_domain),
    *(rewire, rewire, inputs_count, outputs_count, rename, rename_node, change_attribute, change_attribute, attributes),
    *(tensor_dims, reshaped, reshaped, tensor_type, tensor_values, tensor_values, tensor_bytes, external, input_shape),
    *(graph_ends, opset, initializers),
)


def write_case(folder: Path, data: bytes) -> Path:
    """A case as a file, beside a data file that it may name and a link that leads out of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.bin").write_bytes(np.ones(64, np.float32).tobytes())
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to("/etc/passwd")
    path = folder / "case.onnx"
    path.write_bytes(data)
    return path
