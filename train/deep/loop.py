"""The training loop: mini-batches, schedules, early stopping, distillation, checkpoints; the same for every method."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from threshc.train.deep.checkpoint import Checkpoint, fingerprint
from threshc.train.deep.network import ThresholdNetwork
from threshc.train.deep.optimizers import Optimizers
from threshc.train.deep.surrogates import StraightThrough

_EVALUATED = 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings say how a network is trained.

    epochs, batch, rate: at least 1, at least 1 sample, above 0. optimizer: adam, sgd, bop (for binary weights; the
    others move by Adam). schedule: cosine (to rate / 1000), step (times 0.1 at the shares `drops` of the epochs) or
    constant. quantize_from: the share of epochs from which forward uses rounded weights: 0 all along, 1 never (they are
    rounded at the end). output_loss: cross_entropy, or hinge (sum of max(0, 1 - t z) over classes, t = +-1). patience:
    training stops after so many epochs without a better validation accuracy, None for never; the best epoch is kept
    whenever there are validation samples.
    """

    epochs: int = 10
    batch: int = 128
    rate: float = 1e-3
    optimizer: str = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "cosine"
    drops: tuple[float, ...] = (0.6,)
    quantize_from: float = 0.0
    output_loss: str = "cross_entropy"
    patience: int | None = None
    seed: int = 0

    def share(self, epoch: float) -> float:
        """Returns the rate in an epoch (fractions count) as a share of the first."""
        if self.schedule == "cosine":
            return 0.001 + 0.999 * (1 + math.cos(math.pi * min(1.0, epoch / self.epochs))) / 2
        return 0.1 ** sum(int(epoch) >= int(d * self.epochs) for d in self.drops) if self.schedule == "step" else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Samples to learn from: x (n, *shape) integers of any type, y (n,) class numbers, int64.

    soft: (n, classes) probabilities to learn from in place of y (distillation). held_x, held_y: those for validation.
    """

    x: Tensor
    y: Tensor
    soft: Tensor | None = None
    held_x: Tensor | None = None
    held_y: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch holds means over the training samples while they were learned.

    loss: the output loss. accuracy: 0 to 1. held_accuracy: that of the validation samples, None if there are none.
    """

    loss: float
    accuracy: float
    held_accuracy: float | None

    def __str__(self) -> str:
        held = "" if self.held_accuracy is None else f", validation {self.held_accuracy:.2%}"
        return f"loss {self.loss:.4f}, accuracy {self.accuracy:.2%}{held}"


class Hooks:
    """Hooks say what a method adds to the loop; these add nothing."""

    def after_backward(self, network: ThresholdNetwork) -> None:
        """It is called when the gradients are there and the weights have not moved."""

    def after_step(self, network: ThresholdNetwork) -> None:
        """It is called when the weights have moved."""

    def evaluating(self, network: ThresholdNetwork) -> AbstractContextManager[None]:
        """Returns a context in which the network is what would be exported."""
        return nullcontext()


@dataclass(slots=True, eq=False)
class History:
    """A history holds the epochs so far.

    best: the number of the epoch with the best validation accuracy, None without validation samples.
    """

    epochs: list[Epoch] = field(default_factory=list)
    best: int | None = None


def train(
    network: ThresholdNetwork,
    samples: Samples,
    settings: Settings,
    hooks: Hooks | None = None,
    callback: Callable[[Epoch], None] | None = None,
    checkpoint: str | Path | None = None,
) -> History:
    """Trains the network in place and returns its history.

    hooks: what the method adds. callback: called with every epoch. checkpoint: a file that is written whole after every
    epoch, and from which training goes on. Raises CompileError if the file belongs to other settings or samples.
    """
    hooks, generator = hooks or Hooks(), torch.Generator().manual_seed(settings.seed)
    optimizers = Optimizers(network, settings.optimizer, settings.rate, settings.momentum, settings.weight_decay)
    history, best = History(), None
    store = None
    if checkpoint is not None:
        mark = fingerprint(
            asdict(settings), network, [samples.x, samples.y, samples.soft, samples.held_x, samples.held_y]
        )
        store = Checkpoint(Path(checkpoint), mark)
        found = store.read()
        if found is not None:
            network.load_state_dict(found["network"])
            optimizers.load(found["optimizers"])
            generator.set_state(found["generator"])
            history = History([Epoch(*e) for e in found["epochs"]], found["best"])
            best = found["best_network"]
    for epoch in range(len(history.epochs), settings.epochs):
        if _stopped(history, settings):
            break
        network.quantized = epoch >= settings.quantize_from * settings.epochs
        history.epochs.append(_epoch(network, samples, settings, hooks, optimizers, generator, epoch))
        accuracy = history.epochs[-1].held_accuracy
        before = None if history.best is None else history.epochs[history.best].held_accuracy
        if accuracy is not None and (before is None or accuracy > before):
            history.best, best = epoch, _copied(network)
        if store is not None:
            state = {"network": network.state_dict(), "optimizers": optimizers.state(), "best_network": best}
            done = [(e.loss, e.accuracy, e.held_accuracy) for e in history.epochs]
            store.write({**state, "generator": generator.get_state(), "epochs": done, "best": history.best})
        if callback is not None:
            callback(history.epochs[-1])
    if best is not None:
        network.load_state_dict(best)
    network.quantized = True
    network.eval()
    return history


def scores(network: ThresholdNetwork, x: Tensor) -> Tensor:
    """Returns scores (n, classes) of integers x (n, ..), computed in evaluation mode."""
    was = network.training
    network.eval()
    with torch.no_grad():
        found = torch.cat([network(x[k : k + _EVALUATED]) for k in range(0, len(x), _EVALUATED)])
    network.train(was)
    return found


def accuracy(network: ThresholdNetwork, x: Tensor, y: Tensor) -> float:
    """Returns the share of x (n, ..) whose largest score is that of class y (n,)."""
    return float((scores(network, x).argmax(dim=1) == y).double().mean())


def _epoch(
    network: ThresholdNetwork,
    samples: Samples,
    settings: Settings,
    hooks: Hooks,
    optimizers: Optimizers,
    generator: torch.Generator,
    epoch: int,
) -> Epoch:
    network.train()
    rule, total, right = network.rule, 0.0, 0
    for at, part in _batches(len(samples.y), settings.batch, generator, network):
        done = epoch + at
        optimizers.scale(settings.share(done))
        if isinstance(rule, StraightThrough):
            rule.progress = done / settings.epochs
        found = network(samples.x[part])
        loss = _loss(found, samples.y[part], None if samples.soft is None else samples.soft[part], settings.output_loss)
        optimizers.clear()
        loss.backward()
        hooks.after_backward(network)
        optimizers.step()
        hooks.after_step(network)
        total += float(loss.detach()) * len(part)
        right += int((found.detach().argmax(dim=1) == samples.y[part]).sum())
    held = None
    if samples.held_x is not None and samples.held_y is not None:
        with hooks.evaluating(network):
            held = accuracy(network, samples.held_x, samples.held_y)
    return Epoch(total / len(samples.y), right / len(samples.y), held)


def _batches(
    n: int, batch: int, generator: torch.Generator, network: ThresholdNetwork
) -> Iterator[tuple[float, Tensor]]:
    """The share of the epoch done, and the samples of each batch. A last batch of one sample is left out, as BatchNorm
    has no variance for it."""
    order = torch.randperm(n, generator=generator)
    for start in range(0, n, batch):
        part = order[start : start + batch]
        if len(part) > 1 or n == 1 or not network.normalized:
            yield start / n, part


def _loss(found: Tensor, y: Tensor, soft: Tensor | None, kind: str) -> Tensor:
    if kind == "hinge":
        sign = 2 * functional.one_hot(y, found.shape[1]).to(found.dtype) - 1
        return (1 - sign * found).clamp(min=0).sum(dim=1).mean()
    return functional.cross_entropy(found, y if soft is None else soft)


def _stopped(history: History, settings: Settings) -> bool:
    best = history.best
    return settings.patience is not None and best is not None and len(history.epochs) - 1 - best >= settings.patience


def _copied(network: ThresholdNetwork) -> dict[str, Any]:
    return {name: value.clone() for name, value in network.state_dict().items()}
