"""`DeepStraightThroughClassifier`: today's good practice, which FTPROP and RVSCGD are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from threshc.train.deep.estimator import DeepThresholdClassifier
from threshc.train.deep.loop import Epoch
from threshc.train.deep.surrogates import STRAIGHT_THROUGH, Rule, StraightThrough
from threshc.train.parameters import one_of


class DeepStraightThroughClassifier(DeepThresholdClassifier):
    """Trains deep threshold networks by a straight-through estimator with BatchNorm, ternary weights and a cosine
    schedule.

    surrogate: the slope that stands for the step's: identity, clipped_relu, relu, sech2, reste (Wu et al. 2023, which
    sharpens while training goes on). optimizer: adam, sgd, bop (binary weights that flip, without latent floats;
    Helwegen et al. 2019). All other parameters are those of `FTPROPClassifier`.
    """

    def __init__(
        self,
        hidden: str | int | Sequence[int] = (64,),
        *,
        surrogate: str = "sech2",
        activation: str = "sign",
        weights: str = "ternary",
        output_weights: str | None = None,
        quantize_from: float = 0.0,
        batch_norm: bool = True,
        fan_in: int | None = None,
        encoding: str = "auto",
        levels: int = 4,
        image_shape: Sequence[int] | None = None,
        epochs: int = 30,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
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
        self.surrogate = surrogate
        self.activation = activation
        self.weights = weights
        self.output_weights = output_weights
        self.quantize_from = quantize_from
        self.batch_norm = batch_norm
        self.fan_in = fan_in
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
        one_of("surrogate", self.surrogate, STRAIGHT_THROUGH)
        return StraightThrough(self.surrogate)
