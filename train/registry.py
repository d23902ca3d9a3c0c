"""The trainers, and the one table of what their options mean. A trainer's signature and this table make its command.

`OPTIONS[""]` holds what an option means wherever a command has no entry of its own. No entry is repeated in `cli`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from threshc.train.signature import Help, Trainer

if TYPE_CHECKING:  # the public names, for type checkers
    from threshc.train.convex import ConvexThresholdClassifier as ConvexThresholdClassifier
    from threshc.train.convex_regressor import ConvexThresholdRegressor as ConvexThresholdRegressor
    from threshc.train.convex_shattered import ShatteredThresholdClassifier as ShatteredThresholdClassifier
    from threshc.train.deep.ftprop import FTPROPClassifier as FTPROPClassifier
    from threshc.train.deep.lookup import LookupThresholdClassifier as LookupThresholdClassifier
    from threshc.train.deep.straight_through import DeepStraightThroughClassifier as DeepStraightThroughClassifier
    from threshc.train.one_layer_regressor import RVSCGDOneLayer as RVSCGDOneLayer
    from threshc.train.rvscgd import RVSCGDClassifier as RVSCGDClassifier
    from threshc.train.rvscgd_sparsity_path import rvscgd_path as rvscgd_path
    from threshc.train.straight_through import StraightThroughClassifier as StraightThroughClassifier

TRAINERS = (
    Trainer(
        "ConvexThresholdClassifier",
        "threshc.train.convex",
        "convex",
        "Globally optimal training: a LASSO over threshold units, with a proved bound on what any network can reach.",
        {"test": 0.25, "plot": "curve.png"},
    ),
    Trainer("ConvexThresholdRegressor", "threshc.train.convex_regressor", "convex", regression=True),
    Trainer(
        "FTPROPClassifier",
        "threshc.train.deep.ftprop",
        "ftprop",
        "Feasible target propagation (Friesen, Domingos 2018): deep networks, dense or convolutional.",
        {"hidden": "256,256", "test": 0.25, "checkpoint": "run.pt"},
    ),
    Trainer(
        "RVSCGDClassifier",
        "threshc.train.rvscgd",
        "rvscgd",
        "Sparse deep networks by relaxed variable splitting (RVSCGD; Dinh, Xin 2020).",
        {"network": "mlp", "path": "1e-5,3e-5,1e-4", "test": 0.25},
        path="rvscgd_path",
    ),
    Trainer(
        "LookupThresholdClassifier",
        "threshc.train.deep.lookup",
        "lookup",
        "Layers of neurons of few inputs, each one look-up table of the circuit, whose last layer votes.",
        {"hidden": "200,100", "levels": 4, "test": 0.25},
    ),
    Trainer(
        "DeepStraightThroughClassifier",
        "threshc.train.deep.straight_through",
        "ste",
        "Straight-through training as it is done today: BatchNorm, ternary or binary weights, a surrogate slope.",
        {"hidden": "64,64", "test": 0.25},
    ),
    Trainer("RVSCGDOneLayer", "threshc.train.one_layer_regressor"),
    Trainer("ShatteredThresholdClassifier", "threshc.train.convex_shattered"),
    Trainer("StraightThroughClassifier", "threshc.train.straight_through"),
)

ONLY_IN_PYTHON = {
    "callback": "it is a function",
    "distillation": "it weighs the teacher's labels",
    "early_stopping": "giving the patience turns it on",
    "initial_units": "they are arrays",
    "shared_units": "a table has one column of targets, and no units to share between several",
    "teacher": "it is an estimator, or an array",
    "warm_start": "a command fits once",
}
"""Parameters without an option, and why."""

OPTIONS: dict[str, dict[str, Help]] = {
    "": {
        "activation": Help("NAME", "Hidden values: sign, step, staircase3 (2 bits) or staircase5 (3 bits)."),
        "batch_norm": Help("", "Normalize sums before each step; it becomes thresholds."),
        "batch_size": Help("N", "Samples per step.", least=1, name="batch"),
        "checkpoint": Help("FILE", "Written every epoch; a run goes on from it."),
        "encoding": Help("NAME", "thermometer, integer (whole features, unchanged), or auto."),
        "epochs": Help("N", "Passes over the samples.", least=1),
        "fan_in": Help("N", "Weights per hidden unit, at most.", least=1),
        "hidden": Help("NET", "Widths (256,256), layers (conv6k5p2-pool2-fc84), or mlp, lenet, convnet4."),
        "image_shape": Help("CxHxW", "The shape of samples that are flat, for convolutions.", name="image"),
        "learning_rate": Help("R", "Learning rate.", least=1e-9, name="rate"),
        "levels": Help("N", "Comparisons per real feature, at most.", least=1),
        "optimizer": Help("NAME", "adam, sgd, or bop for binary weights."),
        "output_weights": Help("KIND", "Weights of the output layer: as the others by default; the same kinds."),
        "patience": Help("N", "Stop after N epochs without a better one.", least=1),
        "quantize_from": Help("SHARE", "Train with real weights for this share of the epochs.", least=0, most=1),
        "random_state": Help("N", "Seed of the split and the training.", name="seed"),
        "schedule": Help("NAME", "Course of the learning rate: cosine, step or constant."),
        "surrogate": Help("NAME", "Slope in place of the step's: identity, clipped_relu, relu, sech2 or reste."),
        "validation_fraction": Help(
            "SHARE", "Hold this share back; keep the epoch that is best on it.", 0, 0.9, name="validation"
        ),
        "weight_decay": Help("D", "Weight decay of the optimizer.", least=0),
        "weights": Help("KIND", "binary, ternary, int3 to int16."),
    },
    "convex": {
        "beta": Help("B", "Price of an output weight; larger: fewer units.", least=1e-9),
        "checkpoint": Help("FILE", "Written every round; a run goes on from it."),
        "columns": Help("N", "Units to sample.", least=1),
        "encoding": Help("NAME", "thermometer, or integer for whole features, unchanged."),
        "fit_bias": Help("", "A free output bias; without: the paper's problem."),
        "layers_below": Help("A,B", "Widths of sampled layers under the trained one.", name="below"),
        "max_seconds": Help("S", "Begin no round after this many seconds."),
        "max_weight": Help("N", "Largest weight of a hidden unit.", least=1),
        "multiclass": Help("NAME", "ovr, or group: units shared by all classes."),
        "output_bits": Help("N", "Bits of an output weight, the sign included.", least=2),
        "patience": Help(
            "N", "Hold 10 % back, stop after N rounds of no better accuracy.", 1, turns_on="early_stopping"
        ),
        "refit": Help("R", "Train output weights anew by ridge regression of this strength.", least=1e-9),
        "rounds": Help("N", "Rounds of column generation, at most.", least=0),
        "sampling": Help("A,B", "Some of gaussian, quantile, ternary, integer, pair."),
        "standardize": Help("", "Train on (target - mean) / standard deviation."),
        "starts": Help("N", "Searches for new units per round and output.", least=1),
        "tol": Help("GAP", "End at this gap to the lower bound, as a share of the objective.", least=0),
        "validation_fraction": Help(
            "SHARE", "Hold another share back than 10 %.", 1e-9, 0.9, name="validation", needs="patience"
        ),
    },
    "ftprop": {
        "fires_at_tie": Help("", "A sum equal to its threshold fires; in the paper it does not."),
        "loss": Help(
            "NAME",
            "Loss of the layers: soft_hinge, saturated, straight_through, truncated_hinge, hinge, perceptron, ramp, "
            "sigmoid, lecun_tanh.",
        ),
        "output_loss": Help("NAME", "Loss of the output: cross_entropy or hinge."),
        "scale_gradients": Help(
            "", "Layers' losses are weighted by the size of the gradient.", name="scaled", off="unscaled"
        ),
    },
    "lookup": {
        "fan_in": Help("N", "Inputs per neuron; 6 is one LUT6.", least=1),
        "hidden": Help("N,N", "Widths of the layers; the last a multiple of the classes."),
        "pruned_by": Help("SHARE", "Share of the epochs in which inputs are chosen.", least=0.01, most=1),
        "thresholds": Help("T,T", "Compare every feature with these, not by quantiles."),
    },
    "rvscgd": {
        "a": Help("A", "Form of tl1: from l0 (0) to l1 (large).", least=1e-9),
        "beta": Help("B", "How strongly weights are drawn to sparse ones.", least=1e-9),
        "hidden": Help("NET", "mlp, lenet, widths (256,256), or layers (conv6k5p2-pool2-fc84).", name="network"),
        "lam": Help("L", "Price of the penalty; larger: fewer weights.", least=1e-12),
        "optimizer": Help("NAME", "sgd or adam."),
        "penalty": Help("NAME", "l0, l1 or tl1."),
        "refit_epochs": Help("N", "Epochs, at the end, that train the weights left.", least=0, name="refit"),
    },
}
"""Help by command and parameter; a command without words of its own needs no entry."""


def help_of(command: str, parameter: str) -> Help | None:
    """Returns what a parameter means as an option of a command; None for those that only Python takes.

    Raises AssertionError for a parameter that the table does not have.
    """
    if parameter in ONLY_IN_PYTHON:
        return None
    found = OPTIONS.get(command, {}).get(parameter) or OPTIONS[""].get(parameter)
    if found is None:
        raise AssertionError(f"{parameter} of `threshc train {command}` has no text in OPTIONS")
    return found
