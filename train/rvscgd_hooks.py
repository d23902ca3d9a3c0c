"""RVSCGD for deep networks: a pull of the weights w to their sparse copies u, which are what is exported.

Relaxed variable splitting (Dinh, Xin 2020, section 5): u = argmin_u lam P(u) + beta/2 ||w - u||^2, and the gradient
of w gains beta (w - u). Biases are left alone, as are BatchNorm's parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from threshc.train.deep.loop import Hooks
from threshc.train.deep.network import ThresholdNetwork
from threshc.train.penalties import Penalty


@dataclass(frozen=True, slots=True)
class Splitting(Hooks):
    """lam: price of the penalty. beta > 0: how strongly w is drawn to u. Weights up to
    `penalty.threshold(lam / beta)` are 0 in u."""

    penalty: Penalty
    lam: float
    beta: float

    def sparse(self, w: Tensor) -> Tensor:
        """The u of weights w, of their shape and type."""
        u = self.penalty.prox(w.detach().cpu().numpy(), self.lam / self.beta)
        return torch.from_numpy(u).to(w.device)

    def after_backward(self, network: ThresholdNetwork) -> None:
        """Adds beta (w - u) to the gradients of the weights."""
        for layer in network.layers:
            layer.weight.grad += self.beta * (layer.weight.detach() - self.sparse(layer.weight))

    @contextmanager
    def evaluating(self, network: ThresholdNetwork) -> Iterator[None]:
        """Within it the network's weights are u."""
        kept = [layer.weight.detach().clone() for layer in network.layers]
        self.settle(network)
        try:
            yield
        finally:
            for layer, w in zip(network.layers, kept, strict=True):
                layer.weight.data.copy_(w)

    def settle(self, network: ThresholdNetwork) -> None:
        """Replaces w by u for good."""
        for layer in network.layers:
            layer.weight.data.copy_(self.sparse(layer.weight))


def sparsity(network: ThresholdNetwork) -> float:
    """The share of the weights, biases not counted, that are 0."""
    weights = [layer.weight.detach() for layer in network.layers]
    return 1 - sum(int(torch.count_nonzero(w)) for w in weights) / sum(w.numel() for w in weights)
