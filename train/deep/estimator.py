"""`DeepThresholdClassifier`: what the estimators of deep networks share; a method gives the rule of its steps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from threshc.compiler.diagnostics import CompileError
from threshc.train.deep.architecture import Block, parse
from threshc.train.deep.fold import fold
from threshc.train.deep.inputs import ENCODINGS, encoded, encoder, normalization, sample_shape
from threshc.train.deep.loop import Hooks, Samples, Settings, accuracy, train
from threshc.train.deep.network import ThresholdNetwork
from threshc.train.deep.onnx_export import write_network
from threshc.train.deep.optimizers import NAMES as OPTIMIZERS
from threshc.train.deep.surrogates import ACTIVATIONS, Rule
from threshc.train.deep.teacher import soft_labels
from threshc.train.deep.weights import largest
from threshc.train.encoders import Encoder
from threshc.train.parameters import above_zero, at_least, one_of, share

_MEASURED = 10_000


class DeepThresholdClassifier(ClassifierMixin, BaseEstimator):
    """It trains deep networks of thresholds; derived classes list their parameters (see `FTPROPClassifier`) in
    `__init__`.

    Attributes after fit: classes_, network_ (`IntegerNetwork`), module_ (`ThresholdNetwork`), history_ (`History`),
    n_iter_ (epochs), loss_curve_, integer_accuracy_ and real_accuracy_ (of the same network with real weights, nan if
    these were never trained), both of the validation samples if there are any, else of 10,000 training samples at most.
    """

    fires_at_tie = True
    output_loss = "cross_entropy"

    def _rule(self) -> Rule:
        """Returns what replaces the step's derivative. Raises ValueError for wrong parameters."""
        raise NotImplementedError

    def _hooks(self, network: ThresholdNetwork) -> Hooks:
        """What the method adds to the training loop."""
        return Hooks()

    def _encoder(self, x: NDArray[Any], *, flat: bool) -> Encoder:
        """What makes integers of samples like x (N, ..). flat: for a network without convolutions."""
        return encoder(x, self.encoding, self.levels, flat=flat)

    def fit(self, X: Any, y: Any) -> Any:
        """Trains the network and returns itself.

        X: (n, d) finite real or whole features, or whole numbers (n, h, w) or (n, c, h, w). y: (n,) labels of at least
        two classes. Raises ValueError for others, CompileError for a checkpoint of another training.
        """
        blocks = self._checked()
        X, y = validate_data(self, X, y, allow_nd=True)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y holds one class only, {self.classes_.tolist()[0]!r}; a classifier needs at least two")
        seed = int(check_random_state(self.random_state).randint(1 << 31))
        flat = not any(block.kernel for block in blocks)
        self.shape_, self._taken = sample_shape(X, self.image_shape, flat=flat), X.shape[1:]
        shape = self.shape_
        for block in blocks:
            shape = block.shape(shape)
        encode = self._encoder(X, flat=flat)
        inputs = encoded(encode, X, (-1,) if flat else self.shape_)
        soft = soft_labels(self.teacher, X, numbers, self.classes_, self.distillation)
        samples, held = self._samples(inputs, numbers, soft, np.random.default_rng(seed))
        network = self._network(blocks, inputs.shape[1:], normalization(encode, inputs), seed)
        before = getattr(self, "module_", None)
        if self.warm_start and before is not None:
            if str(before) != str(network):
                raise ValueError("warm_start needs the parameters and the shape of the samples of the fit before")
            network.load_state_dict(before.state_dict())
        hooks = self._hooks(network)
        self.history_ = train(network, samples, self._settings(seed), hooks, self.callback, self.checkpoint)
        with hooks.evaluating(network):
            self.module_, self.network_ = network, fold(network, encode)
            self._measure(network, samples, X, numbers, held)
        self.n_iter_, self.loss_curve_ = len(self.history_.epochs), [e.loss for e in self.history_.epochs]
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Returns integer scores: (N,) of the second of two classes minus those of the first, or (N, classes)."""
        scores = self._scores(X).astype(np.float64)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Returns the softmax (N, classes) of the scores times their real scale."""
        scores = self._scores(X).astype(np.float64)
        scores *= self.network_.scale
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(p / p.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> NDArray[Any]:
        """Returns the classes (N,) of the largest integer scores, the first among equals. The exported circuit
        outputs the same, as positions in classes_."""
        chosen = self._scores(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def export_onnx(self, path: str | Path) -> None:
        """Writes the network as standard ONNX, whole or not at all; its labels are positions in classes_.

        Raises CompileError for sums that float32 would round, and where the file cannot be written.
        """
        check_is_fitted(self)
        about = {"classes": " ".join(map(str, self.classes_))}
        write_network(self.network_, path, features=math.prod(self.shape_), about=about)

    def _scores(self, X: Any) -> NDArray[np.int64]:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, allow_nd=True)
        if X.shape[1:] != self._taken:
            raise ValueError(f"samples are of shape {X.shape[1:]}; those of fit were of {self._taken}")
        try:
            return self.network_.scores(X)
        except CompileError as error:
            raise ValueError(str(error)) from None

    def _checked(self) -> tuple[Block, ...]:
        for name in ("epochs", "batch_size", "levels"):
            at_least(name, getattr(self, name), 1)
        for name in ("fan_in", "patience"):
            if getattr(self, name) is not None:
                at_least(name, getattr(self, name), 1)
        above_zero("learning_rate", self.learning_rate)
        for name in ("quantize_from", "validation_fraction", "distillation"):
            share(name, getattr(self, name))
        one_of("activation", self.activation, ACTIVATIONS)
        one_of("encoding", self.encoding, ENCODINGS)
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("schedule", self.schedule, ("cosine", "step", "constant"))
        one_of("output_loss", self.output_loss, ("cross_entropy", "hinge"))
        for kind in (self.weights, self.output_weights or self.weights):
            largest(kind)
        if self.patience is not None and not self.validation_fraction:
            raise ValueError("patience needs validation samples: validation_fraction above 0")
        if self.teacher is not None and self.output_loss == "hinge":
            raise ValueError("a teacher's probabilities need output_loss='cross_entropy'")
        return parse(self.hidden)

    def _settings(self, seed: int) -> Settings:
        return Settings(
            epochs=self.epochs,
            batch=self.batch_size,
            rate=self.learning_rate,
            optimizer=self.optimizer,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            quantize_from=self.quantize_from,
            output_loss=self.output_loss,
            patience=self.patience,
            seed=seed,
        )

    def _network(
        self, blocks: tuple[Block, ...], shape: tuple[int, ...], normal: tuple[float, float], seed: int
    ) -> ThresholdNetwork:
        return ThresholdNetwork(
            blocks,
            shape,
            len(self.classes_),
            activation=ACTIVATIONS[self.activation],
            rule=self._rule(),
            weights=self.weights,
            output_weights=self.output_weights,
            batch_norm=self.batch_norm,
            scale=normal[0],
            offset=normal[1],
            fan_in=self.fan_in,
            fires_at_tie=self.fires_at_tie,
            seed=seed,
        )

    def _samples(
        self, inputs: NDArray[Any], numbers: NDArray[Any], soft: NDArray[Any] | None, rng: np.random.Generator
    ) -> tuple[Samples, NDArray[np.int64]]:
        """Training and validation samples, and the places of those that the accuracies are measured with."""
        order = rng.permutation(len(inputs))
        held, kept = np.split(order, [round(self.validation_fraction * len(inputs))])
        if not len(kept):
            raise ValueError(f"validation_fraction={self.validation_fraction} leaves none of {len(inputs)} samples")
        x, y = torch.from_numpy(inputs), torch.from_numpy(numbers.astype(np.int64))
        if not len(held):
            all_soft = None if soft is None else torch.from_numpy(soft)
            return Samples(x, y, all_soft), order[:_MEASURED]
        kept.sort()
        part = None if soft is None else torch.from_numpy(soft[kept])
        return Samples(x[kept], y[kept], part, x[held], y[held]), held[:_MEASURED]

    def _measure(
        self, network: ThresholdNetwork, samples: Samples, X: NDArray[Any], numbers: NDArray[Any], at: NDArray[Any]
    ) -> None:
        right = self.network_.scores(X[at]).argmax(axis=1) == numbers[at]
        self.integer_accuracy_, self.real_accuracy_ = float(right.mean()), math.nan
        if self.quantize_from > 0:
            inputs = encoded(self.network_.encode, X[at], (-1,) if len(network.shape) == 1 else network.shape)
            network.quantized = False
            self.real_accuracy_ = accuracy(network, torch.from_numpy(inputs), torch.from_numpy(numbers[at]))
            network.quantized = True
