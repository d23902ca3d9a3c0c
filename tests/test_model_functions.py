"""Functions inside a model: written out and compared with an evaluator that calls them, or refused by name."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import threshc
from threshc.compiler.diagnostics import CompileError

RNG = np.random.default_rng(4)


def opsets(version: int = 17, **more: int) -> list[onnx.OperatorSetIdProto]:
    return [
        helper.make_opsetid("", version),
        helper.make_opsetid("mine", 1),
        *(helper.make_opsetid(*m) for m in more.items()),
    ]


def function(name: str, nodes: Sequence[onnx.NodeProto], version: int = 17, domain: str = "mine", **more: Any) -> Any:
    return helper.make_function(domain, name, ["a"], ["b"], list(nodes), opsets(version), **more)


def model(functions: Sequence[Any], step: str = "Step", domain: str = "mine", version: int = 17, **attrs: Any) -> Any:
    """Two layers, and what is called between and before them."""

    def call(x: str, y: str) -> onnx.NodeProto:
        return helper.make_node(step, [x], [y], domain=domain, **attrs)

    nodes = [call("x", "s"), helper.make_node("MatMul", ["s", "w"], ["h"]), helper.make_node("Add", ["h", "c"], ["k"])]
    nodes += [call("k", "t"), helper.make_node("MatMul", ["t", "v"], ["y"])]
    weights = {"w": RNG.choice([-1, 1], (6, 5)), "v": RNG.choice([-1, 1], (5, 3)), "c": np.full(5, 0.25)}
    init = [numpy_helper.from_array(a.astype(np.float32), n) for n, a in weights.items()]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", k]) for n, k in (("x", 6), ("y", 3))]
    stated = opsets(version) + [helper.make_opsetid(domain, 1)] * (domain not in ("", "mine"))
    graph = helper.make_graph(nodes, "calls", ends[:1], ends[1:], init)
    return helper.make_model(graph, functions=list(functions), opset_imports=stated, ir_version=8)


def node(op: str, *names: str, **attrs: Any) -> onnx.NodeProto:
    return helper.make_node(op, names[:-1], names[-1:], **attrs)


SIGN = [node("Sign", "a", "t"), node("Add", "t", "t", "u"), node("Sign", "u", "b")]
INNER = function("Inner", SIGN)
OUTER = function("Step", [node("Inner", "a", "t", domain="mine"), node("Identity", "t", "b")])


def with_attribute() -> Any:
    gain = node("Constant", "k")
    gain.attribute.append(AttributeProto(name="value_float", ref_attr_name="gain", type=AttributeProto.FLOAT))
    body = [gain, node("Sign", "a", "t"), node("Mul", "t", "k", "b")]
    return function("Step", body, attributes=["gain"])


@pytest.mark.parametrize(
    "m",
    [
        model([function("Step", SIGN)]),
        model([INNER, OUTER]),
        model([with_attribute()], gain=0.5),
        model([function("Step", SIGN, version=18)]),
        model([function("Step", SIGN), function("Unused", [node("Softmax", "a", "b")], version=11)]),
        model([function("Quant", SIGN, domain="onnx.brevitas")], "Quant", "onnx.brevitas"),
    ],
    ids=["one", "nested", "an attribute", "another opset with the same operators", "unused", "a name of QONNX"],
)
def test_functions_are_written_out(m: onnx.ModelProto) -> None:
    x = RNG.normal(size=(64, 6)).astype(np.float32)
    (scores,) = ReferenceEvaluator(m).run(None, {"x": x})
    got = threshc.simulate(threshc.load(m), x)
    assert np.array_equal(got.labels, np.asarray(scores).argmax(axis=1))
    report = threshc.verify(m, samples=32, rtl=False)
    assert report.ok, str(report)
    assert report.peer is not None


def bomb(levels: int) -> list[Any]:
    """Each function calls the one before it ten times."""
    made = [function("F0", [node("Identity", "a", "b")])]
    for k in range(levels):
        names = ["a", *(f"t{i}" for i in range(9)), "b"]
        made.append(function(f"F{k + 1}", [node(f"F{k}", p, q, domain="mine") for p, q in itertools.pairwise(names)]))
    return made


def chain(levels: int) -> list[Any]:
    return [
        function("F0", [node("Identity", "a", "b")]),
        *(function(f"F{k + 1}", [node(f"F{k}", "a", "b", domain="mine")]) for k in range(levels)),
    ]


CYCLE = [
    function("Step", [node("Other", "a", "b", domain="mine")]),
    function("Other", [node("Step", "a", "b", domain="mine")]),
]


@pytest.mark.parametrize(
    ("m", "words"),
    [
        (model(bomb(12), "F12"), "become 2,000,000,000,000 nodes"),
        (model(chain(3000), "F3000"), "nested too deeply"),
        (model(CYCLE), "calls itself"),
        (model([function("Sign", SIGN, domain="")], "Sign", ""), "has the name of an operator of ONNX"),
        (model([function("Step", SIGN), function("Step", SIGN)]), "defined twice"),
        (
            model([function("Step", [node("Softmax", "a", "b")], version=11)]),
            "Softmax means something else in the other",
        ),
        (model([function("Step", [node("LSTM", "a", "b")])]), "operator 'LSTM' of domain 'ai.onnx' is not supported"),
    ],
    ids=["a bomb", "a chain", "a cycle", "an operator's name", "twice", "another opset", "an unknown operator inside"],
)
def test_refusals(m: onnx.ModelProto, words: str) -> None:
    with pytest.raises(CompileError) as error:
        threshc.load(m)
    assert words in str(error.value)
