"""`FTPROPClassifier`: feasible target propagation by mini-batches (Friesen, Domingos 2018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from threshc.train.deep.estimator import DeepThresholdClassifier
from threshc.train.deep.loop import Epoch
from threshc.train.deep.surrogates import LAYER_LOSSES, LayerRule, Rule
from threshc.train.parameters import one_of


class FTPROPClassifier(DeepThresholdClassifier):
    """Trains deep threshold networks whose layers each learn targets by a loss of their own (Friesen, Domingos 2018).

    hidden: widths, or a text such as "conv32k5p3-pool2-conv64k5p2-pool2-fc1024", or lenet, convnet4, mlp. loss: loss of
    the layers: soft_hinge, saturated (SSTE), straight_through, truncated_hinge, hinge, perceptron, ramp, sigmoid,
    lecun_tanh. scale_gradients: losses are weighted by |gradient|, the authors' default. activation: sign (-1, 1), step
    (0, 1), staircase3 (2 bits), staircase5 (3 bits). weights, output_weights (None: the same): binary, ternary, int3 to
    int16. quantize_from: the share of epochs after which training uses the rounded weights; 1: they are rounded at the
    end. batch_norm: normalizes the sums before the step, and is folded into the thresholds. fan_in: inputs per unit of
    dense layers, chosen at random; None for all. output_loss: cross_entropy or hinge. fires_at_tie: whether a sum equal
    to its threshold fires (the authors': not).

    encoding: thermometer (`levels` comparisons per real feature at most), integer (whole numbers unchanged), auto
    (integer for integer types and convolutions). image_shape: (c, h, w) of flat samples.

    epochs: passes over the samples. batch_size: samples per step. learning_rate, weight_decay: of the optimizer.
    optimizer: adam, sgd, bop. schedule: course of the rate: cosine, step, constant. validation_fraction: share that is
    held back; the epoch that is best on it is kept. patience: training stops after so many epochs without a better one.
    teacher, distillation: anything with predict_proba, or probabilities, and their weight beside the labels (put an
    estimator into `sklearn.frozen.FrozenEstimator` if this one will be cloned). warm_start: go on from the weights of
    the fit before. checkpoint: a file, written whole every epoch, from which an interrupted training goes on. callback:
    called with every `Epoch`. random_state: seed.
    """

    def __init__(
        self,
        hidden: str | int | Sequence[int] = (64,),
        *,
        loss: str = "soft_hinge",
        scale_gradients: bool = True,
        activation: str = "sign",
        weights: str = "int8",
        output_weights: str | None = None,
        quantize_from: float = 0.0,
        batch_norm: bool = False,
        fan_in: int | None = None,
        output_loss: str = "cross_entropy",
        fires_at_tie: bool = True,
        encoding: str = "auto",
        levels: int = 4,
        image_shape: Sequence[int] | None = None,
        epochs: int = 30,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        optimizer: str = "adam",
        schedule: str = "cosine",
        validation_fraction: float = 0.0,
        patience: int | None = None,
        teacher: Any = None,
        distillation: float = 0.5,
        warm_start: bool = False,
        checkpoint: str | Path | None = None,
        callback: Callable[[Epoch], None] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.hidden = hidden
        self.loss = loss
        self.scale_gradients = scale_gradients
        self.activation = activation
        self.weights = weights
        self.output_weights = output_weights
        self.quantize_from = quantize_from
        self.batch_norm = batch_norm
        self.fan_in = fan_in
        self.output_loss = output_loss
        self.fires_at_tie = fires_at_tie
        self.encoding = encoding
        self.levels = levels
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.schedule = schedule
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.teacher = teacher
        self.distillation = distillation
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.callback = callback
        self.random_state = random_state

    def _rule(self) -> Rule:
        one_of("loss", self.loss, LAYER_LOSSES)
        return LayerRule(self.loss, self.scale_gradients)
