"""`RVSCGDClassifier`: deep threshold networks with sparse weights (Dinh, Xin 2020)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from threshc.train.deep.architecture import Block
from threshc.train.deep.estimator import DeepThresholdClassifier
from threshc.train.deep.inputs import encoded
from threshc.train.deep.loop import Epoch, Samples, accuracy
from threshc.train.deep.network import ThresholdNetwork
from threshc.train.deep.surrogates import STRAIGHT_THROUGH, Rule, StraightThrough
from threshc.train.deep.weights import largest
from threshc.train.parameters import above_zero, at_least, one_of
from threshc.train.penalties import Penalty
from threshc.train.rvscgd_hooks import Splitting, TwoPhases, sparsity


class RVSCGDClassifier(DeepThresholdClassifier):
    """Trains deep networks of {0, 1} thresholds whose weights a penalty makes 0, by relaxed variable splitting and a
    coarse gradient (RVSCGD; Dinh, Xin 2020). The defaults are those for LeNet-5 on MNIST (hidden="lenet").

    penalty: l0, l1, tl1 (with a). lam: its price. beta: how strongly the weights w are drawn to their sparse copy u.
    Weights up to about sqrt(2 lam / beta) (l0) or lam / beta (l1) become 0; u predicts. surrogate: the coarse
    gradient's slope: sech2, clipped_relu, relu (the paper's), identity, reste. refit_epochs: epochs after `epochs` that
    train the weights that are left, rounded; an addition of ours. weights: int3 to int16, for u is rounded in the end.
    optimizer: sgd (momentum 0.9) or adam. schedule: step (times 0.1 after 60 % of the epochs), cosine or constant.

    hidden, activation, batch_norm, encoding, levels, image_shape, epochs, batch_size, learning_rate, weight_decay,
    teacher, distillation, warm_start, checkpoint, callback, random_state: as for `FTPROPClassifier`.

    Attributes after fit: those of `DeepThresholdClassifier`; module_ holds w; sparsity_ is the share of u's weights,
    biases not counted, that are 0.
    """

    fires_at_tie = False
    output_weights = None
    fan_in = None
    validation_fraction = 0.0
    patience = None

    def __init__(
        self,
        hidden: str | int | Sequence[int] = (64,),
        *,
        penalty: str = "l0",
        lam: float = 1e-5,
        beta: float = 1e-2,
        a: float = 1.0,
        refit_epochs: int = 0,
        surrogate: str = "sech2",
        activation: str = "step",
        weights: str = "int8",
        batch_norm: bool = False,
        encoding: str = "auto",
        levels: int = 4,
        image_shape: Sequence[int] | None = None,
        epochs: int = 20,
        batch_size: int = 128,
        learning_rate: float = 1e-2,
        weight_decay: float = 5e-4,
        optimizer: str = "sgd",
        schedule: str = "step",
        teacher: Any = None,
        distillation: float = 0.5,
        warm_start: bool = False,
        checkpoint: str | Path | None = None,
        callback: Callable[[Epoch], None] | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.hidden = hidden
        self.penalty = penalty
        self.lam = lam
        self.beta = beta
        self.a = a
        self.refit_epochs = refit_epochs
        self.surrogate = surrogate
        self.activation = activation
        self.weights = weights
        self.batch_norm = batch_norm
        self.encoding = encoding
        self.levels = levels
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.schedule = schedule
        self.teacher = teacher
        self.distillation = distillation
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.callback = callback
        self.random_state = random_state

    @property
    def quantize_from(self) -> float:
        """Returns the share of training after which rounded weights are trained: where the refit begins, 1 without
        one."""
        return float(self.epochs / (self.epochs + self.refit_epochs))

    def real_score(self, X: Any, y: Any) -> float:
        """Returns the accuracy, 0 to 1, of u before it is rounded. X, y: as for `fit`."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, allow_nd=True)
        network, shape = self.module_, self.module_.shape
        same = self.classes_ == np.asarray(y)[:, None]
        numbers = torch.from_numpy(np.where(same.any(axis=1), same.argmax(axis=1), -1))
        inputs = torch.from_numpy(encoded(self.network_.encode, X, (-1,) if len(shape) == 1 else shape))
        with self._splitting().evaluating(network):
            network.quantized = False
            found = accuracy(network, inputs, numbers)
            network.quantized = True
        return found

    def _rule(self) -> Rule:
        one_of("surrogate", self.surrogate, STRAIGHT_THROUGH)
        return StraightThrough(self.surrogate)

    def _checked(self) -> tuple[Block, ...]:
        at_least("epochs", self.epochs, 1)
        at_least("refit_epochs", self.refit_epochs, 0)
        above_zero("lam", self.lam)
        above_zero("beta", self.beta)
        one_of("optimizer", self.optimizer, ("sgd", "adam"))
        Penalty(self.penalty, self.a)
        if largest(self.weights) == 1:
            raise ValueError(f"weights is {self.weights!r}; sparse weights are rounded to int3 to int16")
        return super()._checked()

    def _settings(self, seed: int) -> TwoPhases:
        return TwoPhases(
            **{**asdict(super()._settings(seed)), "epochs": self.epochs + self.refit_epochs},
            refit=self.refit_epochs,
            penalty=self.penalty,
            a=self.a,
            lam=self.lam,
            beta=self.beta,
        )

    def _network(
        self, blocks: tuple[Block, ...], shape: tuple[int, ...], normal: tuple[float, float], seed: int
    ) -> ThresholdNetwork:
        network = super()._network(blocks, shape, normal, seed)
        Splitting.prepare(network)
        return network

    def _hooks(self, network: ThresholdNetwork) -> Splitting:
        network.settled.fill_(False)  # weights of a fit before are w again
        return self._splitting()

    def _splitting(self) -> Splitting:
        starts = self.quantize_from if self.refit_epochs else 2.0
        return Splitting(Penalty(self.penalty, self.a), self.lam, self.beta, starts)

    def _measure(
        self, network: ThresholdNetwork, samples: Samples, X: NDArray[Any], numbers: NDArray[Any], at: NDArray[Any]
    ) -> None:
        self.sparsity_ = sparsity(network)
        super()._measure(network, samples, X, numbers, at)
