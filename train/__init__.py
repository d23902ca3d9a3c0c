"""threshc.train: estimators whose networks `threshc compile` takes, label for label (docs/guide/trainers.md).

    from threshc.train import ConvexThresholdClassifier

    classifier = ConvexThresholdClassifier(beta=0.01).fit(x, y)
    print(classifier.certificate_)          # objective, lower bound, gap
    classifier.export_onnx("model.onnx")    # labels 0..n-1, in the order of classes_

Needs scikit-learn: pip install "threshc[train]". Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from threshc.train.registry import TRAINERS

if TYPE_CHECKING:
    from threshc.train.registry import *  # noqa: F403

_HOMES = {
    "rvscgd_path": "threshc.train.rvscgd_sparsity_path",
    **{trainer.estimator: trainer.module for trainer in TRAINERS},
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'threshc.train' has no attribute {name!r}")
    try:
        return getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        needed = {"sklearn": "scikit-learn", "torch": "PyTorch"}.get(error.name or "")
        if needed is None:
            raise
        from threshc.compiler.diagnostics import fail

        raise fail(f"{name} needs {needed}", where="training", hint='pip install "threshc[train]"') from None


def __dir__() -> list[str]:
    return list(__all__)
