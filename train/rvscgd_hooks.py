"""RVSCGD for deep networks: a pull of the weights w to their sparse copies u, which are what is exported.

Relaxed variable splitting (Dinh, Xin 2020, section 5): u = argmin_u lam P(u) + beta/2 ||w - u||^2, and the gradient
of w gains beta (w - u). Biases are left alone, as are BatchNorm's parameters.

An addition of ours: in a second phase w is replaced by u, and the weights that are not 0 are trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from threshc.train.deep.loop import Hooks, Settings
from threshc.train.deep.network import ThresholdNetwork
from threshc.train.deep.surrogates import StraightThrough
from threshc.train.penalties import Penalty


@dataclass(frozen=True, slots=True)
class TwoPhases(Settings):
    """Settings of which the last `refit` epochs train the weights that are left, rounded, with a cosine schedule from
    half the rate.

    penalty, a, lam, beta: of the splitting before.
    """

    refit: int = 0
    penalty: str = "l0"
    a: float = 1.0
    lam: float = 1e-5
    beta: float = 1e-2

    def share(self, epoch: float) -> float:
        """Returns the rate as `Settings.share` does; each phase has a schedule of its own."""
        first = self.epochs - self.refit
        common = {name: value for name, value in asdict(self).items() if name in Settings.__dataclass_fields__}
        if epoch < first:
            return Settings(**{**common, "epochs": first}).share(epoch)
        return 0.5 * Settings(**{**common, "epochs": self.refit, "schedule": "cosine"}).share(epoch - first)


class Splitting(Hooks):
    """Hooks that split a network's weights w from their sparse copy u (Dinh, Xin 2020).

    refit_from: the share of training after which w is u and is refitted; above 1 for never. The network's rule must be
    a `StraightThrough`, which knows that share. The network's buffer `settled` says whether w has become u; so it is
    kept in checkpoints.
    """

    def __init__(self, penalty: Penalty, lam: float, beta: float, refit_from: float = 2.0) -> None:
        self.penalty, self.lam, self.beta, self.refit_from = penalty, lam, beta, refit_from
        self._kept: list[Tensor] = []

    @staticmethod
    def prepare(network: ThresholdNetwork) -> None:
        """Gives the network its buffer."""
        network.register_buffer("settled", torch.zeros((), dtype=torch.bool))

    def sparse(self, w: Tensor) -> Tensor:
        """Returns the u of weights w, of their shape and type."""
        u = self.penalty.prox(w.detach().cpu().numpy(), self.lam / self.beta)
        return torch.from_numpy(u).to(w.device)

    def after_backward(self, network: ThresholdNetwork) -> None:
        """Adds beta (w - u) to the gradients of the weights. The first call of the second phase makes w u instead."""
        if network.settled:
            self._kept = [layer.weight.detach() != 0 for layer in network.layers]
        elif isinstance(network.rule, StraightThrough) and network.rule.progress >= self.refit_from:
            self._settle(network)
            for parameter in network.parameters():
                parameter.grad.zero_()  # it is of the weights before
        else:
            for layer in network.layers:
                w = layer.weight.detach()
                layer.weight.grad += self.beta * (w - self.sparse(w))

    def after_step(self, network: ThresholdNetwork) -> None:
        """Keeps weights at 0 that were 0 in the second phase, whatever momentum they have."""
        if network.settled:
            for layer, kept in zip(network.layers, self._kept, strict=True):
                layer.weight.data *= kept

    @contextmanager
    def evaluating(self, network: ThresholdNetwork) -> Iterator[None]:
        """Returns a context in which the network's weights are u."""
        kept = [layer.weight.detach().clone() for layer in network.layers]
        if not network.settled:
            self._replace(network)
        try:
            yield
        finally:
            for layer, w in zip(network.layers, kept, strict=True):
                layer.weight.data.copy_(w)

    def _settle(self, network: ThresholdNetwork) -> None:
        self._replace(network)
        self._kept = [layer.weight.detach() != 0 for layer in network.layers]
        network.settled.fill_(True)

    def _replace(self, network: ThresholdNetwork) -> None:
        for layer in network.layers:
            layer.weight.data.copy_(self.sparse(layer.weight))


def sparsity(network: ThresholdNetwork) -> float:
    """Returns the share of the weights, biases not counted, that are 0."""
    weights = [layer.weight.detach() for layer in network.layers]
    zeros = sum(int((w == 0).sum()) for w in weights)
    return zeros / sum(int(w.numel()) for w in weights)
