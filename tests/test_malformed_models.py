"""Files that say a thing twice, or two things that disagree: refused by name, where one of the two would be ignored."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper
from onnx_models import random_mlp

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.load import load

Damage = Callable[[onnx.ModelProto], object]


def first_float(model: onnx.ModelProto) -> onnx.TensorProto:
    return next(t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT and t.raw_data)


def both(model: onnx.ModelProto) -> None:
    tensor = first_float(model)
    tensor.float_data.extend(np.frombuffer(tensor.raw_data, np.float32).tolist())


def external(model: onnx.ModelProto) -> None:
    tensor = first_float(model)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.append(onnx.StringStringEntryProto(key="location", value="weights"))


def shorter(model: onnx.ModelProto) -> None:
    tensor = first_float(model)
    tensor.raw_data = tensor.raw_data[:-4]


def narrow(type_: int, value: int) -> Damage:
    return lambda model: model.graph.initializer.append(
        TensorProto(name="n", data_type=type_, dims=[1], int32_data=[value])
    )


def attribute(**fields: object) -> Damage:
    def damage(model: onnx.ModelProto) -> None:
        model.graph.node[0].attribute.append(AttributeProto(name="axis", **fields))  # type: ignore[arg-type]

    return damage


def output_type(type_: int) -> Damage:
    def damage(model: onnx.ModelProto) -> None:
        name = model.graph.output[0].name
        model.graph.output[0].CopyFrom(helper.make_tensor_value_info(name, type_, None))

    return damage


def cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = model.graph.node[-1].output[0]


def branch(model: onnx.ModelProto) -> None:
    """An If whose branches read a tensor of the graph around them."""
    end = model.graph.output[0].name
    inner = helper.make_graph(
        [helper.make_node("Identity", [end], ["inner"])], "b", [], [onnx.ValueInfoProto(name="inner")]
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(True), "yes"))
    model.graph.node.append(helper.make_node("If", ["yes"], ["end"], then_branch=inner, else_branch=inner))
    model.graph.output[0].name = "end"


CASES: dict[str, tuple[Damage, str]] = {
    "two opsets": (lambda m: m.opset_import.append(helper.make_opsetid("", 11)), "two opsets of one domain"),
    "two opsets, two names": (
        lambda m: m.opset_import.append(helper.make_opsetid("ai.onnx", 11)),
        "two opsets of one domain.*'ai.onnx'.*versions 17 and 11",
    ),
    "values twice": (both, "holds its values twice.*raw_data and float_data"),
    "values inside and outside": (external, "holds its values twice.*raw_data and external_data"),
    "fewer values than the shape": (shorter, "data does not fit its shape"),
    "negative dimension": (lambda m: first_float(m).dims.append(-6), "negative dimensions"),
    "uint8 of 300": (narrow(TensorProto.UINT8, 300), "values that its type does not have.*UINT8 0 to 255"),
    "int8 of -129": (narrow(TensorProto.INT8, -129), "values that its type does not have"),
    "bool of 7": (narrow(TensorProto.BOOL, 7), "values that its type does not have"),
    "float16 of 17 bits": (narrow(TensorProto.FLOAT16, 1 << 16), "values that its type does not have"),
    "initializer twice": (lambda m: m.graph.initializer.append(first_float(m)), "a tensor is defined twice"),
    "input twice": (lambda m: m.graph.input.append(m.graph.input[0]), "a graph input is defined twice"),
    "node twice": (lambda m: m.graph.node.append(m.graph.node[0]), "a tensor is defined twice"),
    "cycle": (cycle, "the graph has a cycle"),
    "branches": (branch, "If"),
    "attribute twice": (
        lambda m: [m.graph.node[-1].attribute.append(helper.make_attribute("axis", k)) for k in (0, 1)],
        "is defined twice.*'axis'",
    ),
    "attribute of two values": (attribute(type=AttributeProto.INT, i=1, f=2.0), "holds more than its type.*INT.* f"),
    "attribute of another value": (attribute(type=AttributeProto.INT, ints=[1, 2]), "holds more than its type.* ints"),
    "attribute of a function": (attribute(type=AttributeProto.INT, ref_attr_name="a"), "holds more than its type"),
    "output stated as int64": (
        output_type(TensorProto.INT64),
        "not of the type that the model states.*states int64, and float32 is computed",
    ),
    "output stated as bool": (output_type(TensorProto.BOOL), "states bool, and float32 is computed"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_disagrees_is_refused(name: str) -> None:
    model = random_mlp(0, (6, 5, 4), "pm1", "where", False, False)
    assert load(model).outputs
    damage, message = CASES[name]
    damage(model)
    with pytest.raises(CompileError) as error:
        load(model)
    assert re.search(message, str(error.value), re.DOTALL), error.value


@pytest.mark.parametrize(("stated", "fine"), [(TensorProto.INT64, True), (TensorProto.FLOAT, False)])
def test_the_type_of_a_class_is_int64(stated: int, fine: bool) -> None:
    model = random_mlp(3, (4, 3, 2), "int", "where", False, True, "argmax")
    output_type(stated)(model)
    if fine:
        assert load(model).outputs
        return
    with pytest.raises(CompileError, match="states float32, and int64 is computed"):
        load(model)


def test_the_same_opset_twice_is_no_contradiction() -> None:
    model = random_mlp(0, (6, 5, 4), "pm1", "where", False, False)
    model.opset_import.append(model.opset_import[0])
    assert load(model).outputs
