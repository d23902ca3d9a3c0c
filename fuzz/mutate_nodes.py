"""Mutations of a model's graph: nodes, attributes, names, what is connected to what."""

from __future__ import annotations

import random

import numpy as np
import onnx
from onnx import AttributeProto, NodeProto

from fuzz.material import ATTRIBUTES, DOMAINS, FLOATS, NAMES, NUMBERS, OPS, SMALL_TYPES


def _node(rng: random.Random, model: onnx.ModelProto) -> NodeProto | None:
    return rng.choice(model.graph.node) if model.graph.node else None


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


def insert_cast(rng: random.Random, model: onnx.ModelProto) -> None:
    """Another type between a tensor and one of its readers."""
    reader = _node(rng, model)
    if reader is None or not reader.input:
        return
    k, made = rng.randrange(len(reader.input)), f"cast{len(model.graph.node)}"
    model.graph.node.insert(0, onnx.helper.make_node("Cast", [reader.input[k]], [made], to=rng.choice(SMALL_TYPES)))
    reader.input[k] = made


def retype(rng: random.Random, model: onnx.ModelProto) -> None:
    """A whole graph in another type: constants, the input, and what casts say."""
    number = rng.choice((1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 16))
    dtype = onnx.helper.tensor_dtype_to_np_dtype(number)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and rng.random() < 0.95:
            try:
                with np.errstate(all="ignore"):
                    array = onnx.numpy_helper.to_array(tensor).astype(dtype)
            except Exception:  # an earlier mutation has broken it
                continue
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    if rng.random() < 0.3:
        for info in model.graph.input:
            info.type.tensor_type.elem_type = number
        return
    names = {i.name for i in model.graph.input}
    for node in model.graph.node:
        for k, name in enumerate(node.input):
            if name in names:
                node.input[k] = f"{name}_retyped"
    for name in names:
        model.graph.node.insert(0, onnx.helper.make_node("Cast", [name], [f"{name}_retyped"], to=number))


def quantized(rng: random.Random, model: onnx.ModelProto) -> None:
    """A quantizer between a tensor and one of its readers."""
    reader = _node(rng, model)
    if reader is None or not reader.input:
        return
    k, made = rng.randrange(len(reader.input)), f"quantized{len(model.graph.node)}"
    scale = onnx.numpy_helper.from_array(np.float32(rng.choice((1.0, 0.5, -2.0, 0.1, 0.0))), f"{made}_scale")
    model.graph.initializer.append(scale)
    attrs = {"output_dtype": rng.choice(SMALL_TYPES), "block_size": rng.choice((0, 0, 0, 2, -1))}
    attrs = {key: value for key, value in attrs.items() if rng.random() < 0.7}
    down = onnx.helper.make_node("QuantizeLinear", [reader.input[k], scale.name], [f"{made}_q"], **attrs)
    up = onnx.helper.make_node("DequantizeLinear", [f"{made}_q", scale.name], [made])
    reader.input[k] = made
    model.graph.node.extend([down, up])


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


def _replace(model: onnx.ModelProto, nodes: list[NodeProto]) -> None:
    copies = []
    for node in nodes:
        copy = NodeProto()
        copy.CopyFrom(node)
        copies.append(copy)
    del model.graph.node[:]
    model.graph.node.extend(copies)
