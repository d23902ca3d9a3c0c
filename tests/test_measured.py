"""The measured report: its counts are those of `counts`, its bytes those that lie in memory, its files whole."""

import json
from itertools import pairwise
from pathlib import Path

import networks
import numpy as np
import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.ops import Bitplanes
from threshc.sim import packed, reference
from threshc.sim.counts import count
from threshc.sim.measure.measured import measure
from threshc.sim.measure.report import text, write
from threshc.sim.packed.planes.activity import Activity
from threshc.sim.packed.words.plan import word_plan

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["pm1", "ternary", "int"])
def test_layers(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    for network in (
        networks.random_dense(rng, (70, 40, 9, 3), kind, "uint8", "class", True),
        networks.random_conv(rng),
    ):
        x = networks.random_samples(rng, network, 1000)
        activity = Activity(network)
        packed.run(network, x, activity=activity)
        found = measure(network, activity)
        assert tuple(layer.counts for layer in found.layers) == count(network).layers
        words = word_plan(network)
        assert words is not None
        limits = 0 if any(isinstance(op, Bitplanes) for op in network.ops) else len(words.limits) - 1
        assert sum(layer.word_bytes or 0 for layer in found.layers) == 8 * (len(words.weights) - 8) + limits
        hidden = reference.run(network, x).bits
        shares = [layer.ones for layer in found.layers if layer.ones is not None]
        np.testing.assert_allclose(shares, [b.mean() for b in hidden])
        for k, layer in enumerate(layer for layer in found.layers if layer.neuron_ones is not None):
            bits = hidden[k].reshape(len(x), -1)
            assert layer.neuron_ones == tuple(bits.sum(axis=0, dtype=int).tolist())
            assert layer.neuron_toggles == tuple((bits[1:] != bits[:-1]).sum(axis=0).tolist())
        if len(network.input.model_shape or ()) < 3:  # every layer reads the bits of the one before
            for before, layer in pairwise(found.layers):
                np.testing.assert_allclose(layer.active_pj, layer.adder_pj * before.toggles / 0.5)
        for layer in found.layers:
            assert layer.adder_pj == (layer.counts.full_adders + layer.counts.half_adders) * 0.03 / 8
        dead = [layer.dead for layer in found.layers if layer.dead is not None]
        assert dead == [int((~b.any(axis=0)).sum()) for b in hidden]
        write(found, tmp_path / "r.json")
        write(found, tmp_path / "r.txt")
        again = json.loads((tmp_path / "r.json").read_text())
        assert [layer["counts"]["synapses"] for layer in again["layers"]] == [c.synapses for c in count(network).layers]
        assert (tmp_path / "r.txt").read_text() == text(found)
        assert all(layer.counts.name in text(found) for layer in found.layers)


def test_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    network = networks.random_dense(np.random.default_rng(4), (70, 40, 3), "pm1", "uint8", "class", True)
    write(measure(network), tmp_path / "r.png")
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(CompileError, match="cannot be written"):
        write(measure(network), tmp_path / "none" / "r.json")
