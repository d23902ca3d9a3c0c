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

if TYPE_CHECKING:
    from threshc.train.convex import ConvexThresholdClassifier
    from threshc.train.convex_regressor import ConvexThresholdRegressor
    from threshc.train.convex_shattered import ShatteredThresholdClassifier
    from threshc.train.deep.ftprop import FTPROPClassifier
    from threshc.train.deep.lookup import LookupThresholdClassifier
    from threshc.train.deep.straight_through import DeepStraightThroughClassifier
    from threshc.train.one_layer_regressor import RVSCGDOneLayer
    from threshc.train.rvscgd import RVSCGDClassifier
    from threshc.train.rvscgd_sparsity_path import rvscgd_path
    from threshc.train.straight_through import StraightThroughClassifier

__all__ = [
    "ConvexThresholdClassifier",
    "ConvexThresholdRegressor",
    "DeepStraightThroughClassifier",
    "FTPROPClassifier",
    "LookupThresholdClassifier",
    "RVSCGDClassifier",
    "RVSCGDOneLayer",
    "ShatteredThresholdClassifier",
    "StraightThroughClassifier",
    "rvscgd_path",
]

_HOMES = {
    "ConvexThresholdClassifier": "threshc.train.convex",
    "RVSCGDClassifier": "threshc.train.rvscgd",
    "RVSCGDOneLayer": "threshc.train.one_layer_regressor",
    "rvscgd_path": "threshc.train.rvscgd_sparsity_path",
    "ConvexThresholdRegressor": "threshc.train.convex_regressor",
    "ShatteredThresholdClassifier": "threshc.train.convex_shattered",
    "DeepStraightThroughClassifier": "threshc.train.deep.straight_through",
    "FTPROPClassifier": "threshc.train.deep.ftprop",
    "LookupThresholdClassifier": "threshc.train.deep.lookup",
    "StraightThroughClassifier": "threshc.train.straight_through",
}


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
