"""Models of many nodes and of tensors that double: in linear time, or refused with the figure."""

from __future__ import annotations

import gzip
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import threshc
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.frontend.symbolic import MOST_OPERATORS

pytestmark = pytest.mark.slow


def chain(op: str, count: int, *, first: str = "x", behind: bool = False, twice: bool = False) -> onnx.ModelProto:
    """`count` equal operators one after the other, before a layer or behind it (and its step, where first is `s`)."""
    weights = numpy_helper.from_array(np.array([[1, -1], [1, 1], [-1, 1], [1, 1]], np.float32), "w")
    attributes = {"Concat": {"axis": 1}, "Cast": {"to": TensorProto.FLOAT}}.get(op, {})
    start = first if behind else "x"
    names = [start, *(f"t{k}" for k in range(count))]
    nodes = [helper.make_node(op, [a, a] if twice else [a], [b], **attributes) for a, b in pairwise(names)]
    layer = [helper.make_node("MatMul", ["x" if behind else names[-1], "w"], ["y"])]
    layer += [helper.make_node("Sign", ["y"], ["s"])] if first == "s" else []
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
    end = names[-1] if behind else "y"
    out = onnx.ValueInfoProto(name=end)
    graph = helper.make_graph([*layer, *nodes] if behind else [*nodes, *layer], "chain", [x], [out], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("op", ["Identity", "Dropout", "Cast"])
@pytest.mark.parametrize("where", ["before", "behind", "behind a step"])
def test_chains_of_operators_that_pass_their_input_on(op: str, where: str) -> None:
    """Of any length, in linear time; and the network is the one without them."""
    first = {"before": "x", "behind": "y", "behind a step": "s"}[where]
    count = 50_000 if op == "Identity" else 500
    found = threshc.load(chain(op, count, first=first, behind=where != "before"), input="uint8")
    wanted = threshc.load(chain(op, 1, first=first, behind=where != "before"), input="uint8")
    x = np.arange(12).reshape(3, 4)
    for a, b in zip(threshc.simulate(found, x).values, threshc.simulate(wanted, x).values, strict=True):
        np.testing.assert_array_equal(a, b)


def test_casts_that_change_the_type_are_not_passed_on() -> None:
    model = chain("Cast", 2, first="y", behind=True)
    model.graph.node[1].attribute[0].i = TensorProto.INT8  # of sums beyond 127
    with pytest.raises(CompileError, match=r"node 't0' \(Cast\)"):
        threshc.load(model, input="uint8")


def test_a_long_chain_behind_a_refused_node() -> None:
    model = chain("Neg", 50_000, first="y", behind=True)
    model.graph.node.insert(1, helper.make_node("Einsum", ["y"], ["z"], equation="ab->ba"))
    model.graph.node[2].input[0] = "z"
    with pytest.raises(CompileError, match="Einsum"):
        threshc.load(model, input="uint8")


@pytest.mark.parametrize("size", [300 << 20, 1 << 30])
def test_packed_models_that_unpack_to_too_much(size: int, tmp_path: Path) -> None:
    """Read no further than 256 MiB, or a hundred times the file."""
    piece, pieces = gzip.compress(bytes(16 << 20), 9), size >> 24
    (tmp_path / "m.onnx.gz").write_bytes(piece * pieces)
    with pytest.raises(CompileError, match=r"the gzip file is too large(.|\n)*try: unpack it and name the .onnx file"):
        threshc.load(tmp_path / "m.onnx.gz", input="uint8")


@pytest.mark.parametrize("what", ["x uint8", "x int4", "x bit", "x bipolar", "s uint8", "w uint8"])
def test_concats_that_double_thirty_times(what: str) -> None:
    """Of the raw input, of bits, of constants."""
    first, encoding = what.split()
    behind = first != "x"
    with pytest.raises(CompileError, match=r"has [\d,]+ elements|too large"):
        threshc.load(chain("Concat", 30, first=first, behind=behind, twice=True), input=encoding)


@pytest.mark.parametrize("where", ["before", "behind", "behind a step"])
def test_chains_of_operators(where: str) -> None:
    first = {"before": "x", "behind": "y", "behind a step": "s"}[where]
    most = MOST_OPERATORS - (where != "before") - (where == "behind a step")
    threshc.load(chain("Neg", most - 2, first=first, behind=where != "before"), input="uint8")
    with pytest.raises(CompileError, match=f"more than {MOST_OPERATORS} operators follow one another without a layer"):
        threshc.load(chain("Neg", 50_000, first=first, behind=where != "before"), input="uint8")


def test_tensors_that_double() -> None:
    with pytest.raises(CompileError, match=r"a tensor has [\d,]+ elements|a tensor of .* too large|too large"):
        threshc.load(chain("Concat", 60, first="s", behind=True, twice=True), input="uint8")


def test_constants_that_double() -> None:
    model = chain("Concat", 60, first="w", behind=True, twice=True)
    with pytest.raises(CompileError, match=r"a constant tensor has [\d,]+ elements"):
        threshc.load(model, input="uint8")


def test_a_million_nodes() -> None:
    model = chain("Identity", 1)
    node = helper.make_node("Identity", ["y"], ["z"])
    model.graph.node.extend([node] * 1_000_000)
    with pytest.raises(CompileError, match="the model has 1,000,002 nodes"):
        threshc.load(model, input="uint8")


@pytest.mark.parametrize("name", ["m.onnx", "m.onnx.gz", "m.thresh"])
def test_models_that_are_pipes(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(CompileError, match="is not a regular file"):
        threshc.load(tmp_path / name)
