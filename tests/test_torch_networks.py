"""Networks written in PyTorch, through both of its exporters: every hidden bit equal to onnxruntime's."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from second_opinion import agree

pytestmark = pytest.mark.slow

torch = pytest.importorskip("torch", reason="needs PyTorch")
torch_networks = pytest.importorskip("torch_networks")
SCRIPT = importlib.util.find_spec("onnxscript") is not None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "dynamo",
    [False, pytest.param(True, marks=pytest.mark.skipif(not SCRIPT, reason="PyTorch's new exporter needs onnxscript"))],
    ids=["TorchScript", "dynamo"],
)
@pytest.mark.parametrize("network", torch_networks.NETWORKS, ids=lambda n: n.__name__)
def test_every_hidden_bit(network: type, dynamo: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    torch.manual_seed(0)
    path, opset = tmp_path / "net.onnx", {} if dynamo else {"opset_version": 17}
    example = (torch.rand(1, 3, 12, 12),)
    torch.onnx.export(network().eval(), example, str(path), dynamo=dynamo, input_names=["x"], **opset)
    model = onnx.load(path)
    x = np.random.default_rng(1).integers(0, 256, (8, 3, 12, 12)).astype(np.float32)
    assert agree(model, x, "uint8") > 4000
