"""Networks for look-up tables: every neuron keeps few inputs, chosen by pruning; groups of the last layer vote."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from threshc.train.deep.architecture import Block
from threshc.train.deep.loop import Hooks
from threshc.train.deep.network import ThresholdNetwork, Weighted
from threshc.train.deep.surrogates import ACTIVATIONS, StraightThrough
from threshc.train.deep.weights import through

_EVERY = 8
"""Steps between two choices, which cost as much as a step."""


@dataclass(frozen=True, slots=True)
class Pruning(Hooks):
    """Keeps the largest weights of every hidden neuron: all at first, exponentially fewer, `fan_in` from the share
    `until` of training on. Until then the others still learn and may come back: the choice is made by what they would
    be worth (as in Jayakumar et al. 2020, Top-KAST, but with gradients for all of them)."""

    fan_in: int
    until: float

    def kept(self, inputs: int, progress: float) -> int:
        """Returns how many weights a neuron of `inputs` inputs has at a share of training."""
        done = min(1.0, progress / (0.8 * self.until))
        now = math.exp((1 - done) * math.log(inputs) + done * math.log(self.fan_in))
        return min(inputs, max(self.fan_in, round(now)))

    def after_step(self, network: ThresholdNetwork) -> None:
        """Chooses the weights again, now and then."""
        voting = _voting(network)
        progress = voting.rule.progress
        if progress >= self.until:
            return
        voting.steps += 1
        if voting.steps % _EVERY == 0:
            for layer in voting.regrown:
                layer.keep(self.kept(layer.weight.shape[1], progress))

    @contextmanager
    def evaluating(self, network: ThresholdNetwork) -> Iterator[None]:
        """Returns a context in which every neuron has `fan_in` inputs, even if training is not that far."""
        voting = _voting(network)
        masks = [layer.mask.clone() for layer in voting.regrown]
        for layer in voting.regrown:
            if int(layer.mask[0].sum()) > self.fan_in:
                layer.keep(min(self.fan_in, layer.weight.shape[1]))
        try:
            yield
        finally:
            for layer, mask in zip(voting.regrown, masks, strict=True):
                layer.mask.copy_(mask)


class Regrown(Weighted):
    """A dense layer whose pruned weights go on learning, as if they were there, until they come back or until `until`.

    rule: knows how much of the training is done.
    """

    def __init__(self, layer: Weighted, rule: StraightThrough, until: float) -> None:
        super().__init__(tuple(layer.weight.shape), layer.kind, per_row=layer.per_row, block=layer.block, fan_in=None)
        self.load_state_dict(layer.state_dict())
        self.masked, self.rule, self.until = True, rule, until

    def pruned(self, weight: Tensor) -> Tensor:
        """Returns the weights that are kept, the others 0; until `until` all have a gradient (see
        `Weighted.pruned`)."""
        kept = weight * self.mask
        return through(kept, weight) if self.rule.progress < self.until else kept

    def keep(self, count: int) -> None:
        """Masks all but the `count` largest weights of every row."""
        places = self.weight.detach().abs().topk(count, dim=1).indices
        self.mask.zero_().scatter_(1, places, 1.0)


class VotingNetwork(ThresholdNetwork):
    """A network of dense layers of bits; the score of class c is the number of ones in the c-th part of the last layer.

    widths: of the layers, the last a multiple of classes (else ValueError). Other parameters: as for
    `ThresholdNetwork`. pruning: how its inputs are chosen; it is the hooks of its training. The votes have a
    temperature, which is learned and does not change labels.
    """

    steps: Tensor
    rule: StraightThrough

    def __init__(
        self,
        widths: tuple[int, ...],
        shape: tuple[int, ...],
        classes: int,
        *,
        rule: StraightThrough,
        pruning: Pruning,
        weights: str,
        scale: float,
        offset: float,
        seed: int,
    ) -> None:
        if widths[-1] % classes:
            raise ValueError(f"the last width is {widths[-1]}; it must be a multiple of the {classes} classes")
        super().__init__(
            tuple(Block(width) for width in widths),
            shape,
            classes,
            activation=ACTIVATIONS["step"],
            rule=rule,
            weights=weights,
            output_weights="ternary",
            batch_norm=True,
            scale=scale,
            offset=offset,
            seed=seed,
        )
        self.pruning = pruning
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        for hidden in self.hidden:
            hidden.weighted = Regrown(hidden.weighted, rule, pruning.until)
        self.output.masked = True
        size = widths[-1] // classes
        votes = torch.eye(classes).repeat_interleave(size, dim=1)
        self.output.mask.copy_(votes)
        self.output.weight = torch.nn.Parameter(votes.clone(), requires_grad=False)
        self.output.bias = torch.nn.Parameter(torch.zeros(classes), requires_grad=False)
        self.sharpness = torch.nn.Parameter(torch.tensor(math.log(2 / math.sqrt(size))))

    def extra_repr(self) -> str:
        """Returns `ThresholdNetwork.extra_repr` and the pruning; so a checkpoint of another pruning is refused."""
        return f"{super().extra_repr()}, {self.pruning}"

    @property
    def regrown(self) -> list[Regrown]:
        """Returns the hidden layers."""
        layers: list[Regrown] = [hidden.weighted for hidden in self.hidden]
        return layers


def _voting(network: ThresholdNetwork) -> VotingNetwork:
    if not isinstance(network, VotingNetwork):
        raise AssertionError("pruning is for networks that vote")
    return network
