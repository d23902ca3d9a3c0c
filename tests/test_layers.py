"""What a layer is: everything that computes is in exactly one, whose readers are complete and whose name is its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import networks
import numpy as np
import onnx
import pytest
from residual_networks import mobilenet, resnet8
from tangled import tangled

from threshc.compiler.frontend.load import load
from threshc.compiler.ir.layers import find_layer, layer_of, layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Loc, Op, Reduce, Sum, Window, operands
from threshc.compiler.passes.pipeline import optimize

MODELS = {
    "qonnx/TFC_1W1A.onnx": "uint8/255",
    "qonnx/TFC_2W2A.onnx": "uint8/255",
    "qonnx/finn_tfc_w1a1_topk.onnx": "uint8",
    "torch/cnn_sign_ste_pool_bn_sign.dynamo.onnx": "uint8/255",
    "other/tt_mnist_bnn_larq_cnn.onnx": "bit",
    "other/skl_binarizer_perceptron_digits.onnx": "uint8",
}


def judge(network: Network) -> None:
    """Every claim of `Layer`, from the operations alone."""
    found, ops = layers(network), network.ops
    names = Counter(layer.name for layer in found)
    assert set(names.values()) <= {1}
    assert all(names)
    computing = [v for v, op in enumerate(ops) if isinstance(op, Sum | Compare | ArgMax | Reduce)]
    assert sorted(v for layer in found for v in layer.values) == computing
    assert [layer.value for layer in found] == sorted(layer.value for layer in found)
    for layer in found:
        op, shape = ops[layer.value], network.types[layer.value].shape
        readers = [u for u, reader in enumerate(ops) if layer.value in operands(reader)] if isinstance(op, Sum) else []
        assert list(layer.readers) == readers
        assert all(isinstance(ops[u], Compare | ArgMax | Bitplanes) for u in readers)
        assert layer.values == (layer.value, *(u for u in readers if not isinstance(ops[u], Bitplanes)))
        assert layer.outputs == tuple(o.name for o in network.outputs if o.value == layer.value)
        assert layer.positions == shape[:-1]
        assert (layer.rows, layer.columns) == (
            op.weights.shape if isinstance(op, Sum) else (0, op.taps if isinstance(op, Reduce) else 0)
        )
        (x,) = operands(op)
        assert layer.reads == (x if layer.window is None else operands(ops[x])[0])
        assert layer.window == (x if isinstance(ops[x], Window) else None)
        named = [ops[v].loc.node for v in layer.values] + [ops[v].loc.tensor for v in layer.values]
        if any(named):
            first = next(filter(None, named))
            assert layer.name == first or layer.name.startswith(f"{first} ({layer.kind}")
        assert find_layer(network, layer.name) == layer
        for v in layer.values:
            assert layer_of(network)[v] == layer
            assert find_layer(network, f"%{v}") in (layer, next((n for n in found if n.name == f"%{v}"), None))


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = tangled(rng)
    judge(network)
    words = ["a", "a", "b", "a (dense)", "%3", "dense 1 (4x2)", "", "", "\x1b[2J"]  # names that coincide, and none

    def renamed(op: Op) -> Op:
        return replace(op, loc=Loc(str(rng.choice(words)), str(rng.choice(words))))

    judge(replace(network, ops=tuple(map(renamed, network.ops))))


@pytest.mark.parametrize("outputs", ["class", "bits"])
@pytest.mark.parametrize("encoding", ["bit", "uint8", "step"])
def test_dense(encoding: str, outputs: str) -> None:
    network = networks.random_dense(np.random.default_rng(0), (12, 7, 3), "int", encoding, outputs, encoding == "uint8")
    judge(network)
    names = [layer.name for layer in layers(network)]
    assert names == [*(["compare 1 (12)"] if encoding == "uint8" else []), "fc0", "fc1"]


def test_words_where_the_model_says_nothing() -> None:
    network = networks.random_conv(np.random.default_rng(0))
    judge(network)
    found = [(layer.name, layer.kind, layer.positions) for layer in layers(network)]
    assert found == [
        ("conv 1 (18x3)", "conv", (8, 8)),
        ("pool 2 (4)", "pool", (4, 4)),
        ("conv 3 (12x4)", "conv", (2, 2)),
        ("dense 4 (16x3)", "dense", ()),
    ]


def test_a_name_is_taken_once() -> None:
    """The first layer has the name; the next ones say their kind, and then a number."""
    network = networks.random_dense(np.random.default_rng(0), (6, 5, 4, 3, 2))
    ops = tuple(replace(op, loc=Loc("sign", "t")) for op in network.ops)
    found = [layer.name for layer in layers(replace(network, ops=ops))]
    assert found == ["sign", "sign (dense)", "sign (dense 2)", "sign (dense 3)"]
    assert find_layer(network, "fc9") is None
    assert find_layer(network, "%0") is None  # the input is of no layer


@pytest.mark.parametrize("model", [resnet8(8, 4, 2, 2), mobilenet(8, 4, 2, 2)], ids=["resnet8", "mobilenet"])
def test_residual_networks(model: onnx.ModelProto) -> None:
    network = load(model, input="uint8/255")
    judge(network)
    judge(optimize(network))


@pytest.mark.parametrize("model", MODELS)
def test_shared_models(shared: Path, model: str) -> None:
    network = load(shared / "models" / model, input=MODELS[model])
    judge(network)
    smaller = optimize(network)
    judge(smaller)
    before, after = ([layer.name for layer in layers(n)] for n in (network, smaller))
    assert [name for name in before if name in after] == after  # passes may drop layers, and rename none


@pytest.mark.parametrize("path", ["digits/digits", "ftprop/digits", "convex/breast", "rvscgd/digits"])
def test_examples(root: Path, path: str) -> None:
    judge(optimize(load(root / "examples" / f"{path}.onnx")))
