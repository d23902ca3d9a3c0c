"""`threshc prove --layer`: one layer alone, its inputs free."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import pytest
from typer.testing import CliRunner

import threshc
from threshc.cli.main import app
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.ops import Sum
from threshc.compiler.ir.storage import save
from threshc.hdl.proof.one_layer import one_layer
from threshc.sim import reference
from threshc.sim.counts import count

NETWORK = networks.random_dense(np.random.default_rng(6), (20, 9, 7, 4), "ternary")


def test_a_layer_computes_what_it_does_in_the_network() -> None:
    x = networks.random_samples(np.random.default_rng(1), NETWORK, 50)
    whole = reference.run(NETWORK, x)
    inputs: dict[str, np.ndarray] = {"fc0": x, "fc1": whole.bits[0], "fc2": whole.bits[1]}  # type: ignore[type-arg]
    outputs = {"fc0": whole.bits[0], "fc1": whole.bits[1], "fc2": whole.values[1]}
    for name, given in inputs.items():
        alone = reference.run(one_layer(NETWORK, name), given.astype(np.int64))
        np.testing.assert_array_equal(alone.values[-1], outputs[name])


def test_layers_have_the_names_that_show_prints() -> None:
    network = networks.random_conv(np.random.default_rng(0))
    sums = [layer for layer in count(network).layers if layer.rows]
    assert len(sums) == 3
    for layer in sums:
        for name in (layer.name, f"%{layer.value}"):
            op = one_layer(network, name).ops[2]
            assert isinstance(op, Sum)
            np.testing.assert_array_equal(op.weights, network.ops[layer.value].weights)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["fc0", "fc1", "fc2"])
def test_each_layer_is_proved(name: str, tmp_path: Path) -> None:
    neurons = next(layer.rows for layer in count(NETWORK).layers if layer.name == name)
    proof = threshc.prove(NETWORK, tmp_path / "c", layer=name, family="ice40")
    assert sum(proof.methods.values()) >= neurons
    assert threshc.prove(NETWORK, tmp_path / "c", layer=name, check=True).methods == proof.methods
    with pytest.raises(CompileError, match=r"of another network\n  try: give the model, input= and options"):
        threshc.prove(NETWORK, tmp_path / "c", check=True)


def test_what_is_no_layer(tmp_path: Path) -> None:
    save(NETWORK, tmp_path / "n.thresh")
    with pytest.raises(CompileError, match=r"no layer of sums 'fc9'\n  where: --layer\n  try: one of fc0, fc1, fc2"):
        CliRunner().invoke(app, ["prove", str(tmp_path / "n.thresh"), "--layer", "fc9"], catch_exceptions=False)
    with pytest.raises(CompileError, match="a netlist is of the whole network"):
        threshc.prove(NETWORK, layer="fc0", netlist=tmp_path / "n.json")
