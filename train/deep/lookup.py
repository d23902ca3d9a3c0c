"""`LookupThresholdClassifier`: networks whose every neuron is one look-up table of the circuit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.train.deep.architecture import Block
from threshc.train.deep.estimator import DeepThresholdClassifier
from threshc.train.deep.loop import Epoch, Hooks
from threshc.train.deep.network import ThresholdNetwork
from threshc.train.deep.pruning import Pruning, VotingNetwork
from threshc.train.deep.surrogates import STRAIGHT_THROUGH, Rule, StraightThrough
from threshc.train.encoders import WHOLE, Encoder, Thermometer
from threshc.train.parameters import above_zero, at_least, one_of, share


class LookupThresholdClassifier(DeepThresholdClassifier):
    """Trains layers of threshold neurons of at most `fan_in` inputs, chosen by pruning; the last layer's bits vote.

    A neuron of six inputs is one LUT6 whatever its weights are, so the circuit has about as many LUTs as there are
    neurons, and one more for each vote that is counted.

    hidden: widths of the layers; the last a multiple of the classes. fan_in: inputs per neuron. encoding, levels:
    thermometer bits, `levels` per feature; integer takes whole features unchanged (neurons then no longer fit a table).
    thresholds: the comparisons to use for every feature, in place of levels; a power of two costs nothing on unsigned
    pixels. pruned_by: the share of the epochs by which neurons are down to fan_in. All other parameters are those of
    `FTPROPClassifier` and, for surrogate, `DeepStraightThroughClassifier`. Samples of 8 or 16 bit integers make a
    circuit that takes them unchanged, its comparisons included.
    """

    activation = "step"
    output_weights = None
    batch_norm = True

    def __init__(
        self,
        hidden: str | int | Sequence[int] = (200, 100),
        *,
        fan_in: int = 6,
        pruned_by: float = 0.3,
        surrogate: str = "sech2",
        weights: str = "int8",
        quantize_from: float = 0.0,
        encoding: str = "thermometer",
        levels: int = 4,
        thresholds: Sequence[float] | None = None,
        image_shape: Sequence[int] | None = None,
        epochs: int = 30,
        batch_size: int = 128,
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
        self.fan_in = fan_in
        self.pruned_by = pruned_by
        self.surrogate = surrogate
        self.weights = weights
        self.quantize_from = quantize_from
        self.encoding = encoding
        self.levels = levels
        self.thresholds = thresholds
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

    def _checked(self) -> tuple[Block, ...]:
        blocks = super()._checked()
        if any(block.kernel for block in blocks):
            raise ValueError(f"hidden is {self.hidden!r}; neurons of few inputs have dense layers only: widths")
        at_least("fan_in", self.fan_in, 1)
        above_zero("pruned_by", self.pruned_by)
        share("pruned_by", self.pruned_by)
        return blocks

    def _hooks(self, network: ThresholdNetwork) -> Hooks:
        if not isinstance(network, VotingNetwork):
            raise AssertionError("the network of this class votes")
        return network.pruning

    def _encoder(self, x: NDArray[Any], *, flat: bool) -> Encoder:
        pixels = str(x.dtype) if str(x.dtype) in WHOLE else None
        if self.thresholds is None:
            found = super()._encoder(x, flat=flat)
            return replace(found, pixels=pixels) if isinstance(found, Thermometer) else found
        cuts = np.unique(np.asarray(self.thresholds, np.float64).astype(np.float32))
        if not len(cuts) or not np.isfinite(cuts).all():
            raise ValueError(f"thresholds is {self.thresholds!r}; it must be finite numbers, one or more")
        size = math.prod(x.shape[1:])
        return Thermometer(np.repeat(np.arange(size), len(cuts)), np.tile(cuts, size), pixels)

    def _network(
        self, blocks: tuple[Block, ...], shape: tuple[int, ...], normal: tuple[float, float], seed: int
    ) -> ThresholdNetwork:
        rule = self._rule()
        if not isinstance(rule, StraightThrough):
            raise AssertionError("the rule of this class is straight-through")
        widths, (scale, offset) = tuple(block.channels for block in blocks), normal
        return VotingNetwork(
            widths,
            shape,
            len(self.classes_),
            rule=rule,
            pruning=Pruning(self.fan_in, self.pruned_by),
            weights=self.weights,
            scale=scale,
            offset=offset,
            seed=seed,
        )
