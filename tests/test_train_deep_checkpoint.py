"""Checkpoints: a killed training goes on to the very weights of an uninterrupted one; others are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import bundled

from threshc.compiler.diagnostics import CompileError

pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("sklearn", reason="needs scikit-learn")

import torch

from threshc.train import DeepStraightThroughClassifier

pytestmark = pytest.mark.slow


class Killed(Exception):
    pass


def killer(after: int) -> Any:
    """A callback that breaks off the training."""
    left = [after]

    def told(_: object) -> None:
        left[0] -= 1
        if not left[0]:
            raise Killed

    return told


OPTIONS: list[dict[str, Any]] = [
    {"optimizer": "adam", "validation_fraction": 0.25},
    {"optimizer": "sgd", "surrogate": "reste", "learning_rate": 0.05},
    {"optimizer": "bop", "weights": "binary"},
]


def classifier(**options: Any) -> DeepStraightThroughClassifier:
    torch.set_num_threads(1)
    return DeepStraightThroughClassifier((12, 8), **{"epochs": 7, "batch_size": 32, **options})


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: o["optimizer"])
def test_a_killed_training_goes_on_as_if_nothing_had_happened(options: dict[str, Any], tmp_path: Path) -> None:
    x, y = bundled("wine")
    whole = classifier(**options).fit(x, y)
    for after in (2, 3):
        with pytest.raises(Killed):
            classifier(**options, checkpoint=tmp_path / "c.pt", callback=killer(after)).fit(x, y)
    told: list[Any] = []
    resumed = classifier(**options, checkpoint=tmp_path / "c.pt", callback=told.append).fit(x, y)
    assert len(told) == 2  # of 7 epochs, 2 and 3 were done
    assert resumed.history_.epochs == whole.history_.epochs
    assert resumed.history_.best == whole.history_.best
    for name, value in whole.module_.state_dict().items():
        assert torch.equal(resumed.module_.state_dict()[name], value), name
    np.testing.assert_array_equal(resumed.decision_function(x), whole.decision_function(x))
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


@pytest.mark.parametrize(
    "changed", [{"epochs": 8}, {"surrogate": "identity"}, {"random_state": 1}, {"batch_norm": False}, {"levels": 5}]
)
def test_a_checkpoint_of_another_training_is_refused(changed: dict[str, Any], tmp_path: Path) -> None:
    x, y = bundled("wine")
    path = tmp_path / "c.pt"
    classifier(checkpoint=path, epochs=2).fit(x, y)
    with pytest.raises(CompileError, match=r"the checkpoint belongs to another training\n  where: .*c\.pt"):
        classifier(**{"checkpoint": path, "epochs": 2, **changed}).fit(x, y)
    with pytest.raises(CompileError, match="the checkpoint belongs to another training"):
        classifier(checkpoint=path, epochs=2).fit(x, y[::-1])


def test_a_finished_checkpoint_needs_no_training(tmp_path: Path) -> None:
    x, y = bundled("wine")
    path = tmp_path / "c.pt"
    first, told = classifier(checkpoint=path).fit(x, y), []
    again = classifier(checkpoint=path, callback=told.append).fit(x, y)
    assert not told
    np.testing.assert_array_equal(first.decision_function(x), again.decision_function(x))


def test_broken_and_impossible_files(tmp_path: Path) -> None:
    x, y = bundled("iris")
    bad = tmp_path / "bad.pt"
    for content in (b"", b"no checkpoint", b"\x80\x04\x95"):
        bad.write_bytes(content)
        with pytest.raises(CompileError, match="the file is not a checkpoint"):
            classifier(checkpoint=bad).fit(x, y)
    torch.save({"a": 1}, bad)
    with pytest.raises(CompileError, match="the file is not a checkpoint"):
        classifier(checkpoint=bad).fit(x, y)
    with pytest.raises(CompileError, match="the file cannot be written"):
        classifier(checkpoint=tmp_path / "none" / "c.pt", epochs=1).fit(x, y)
