"""Adam, SGD, and Bop for binary weights (Helwegen et al. 2019), with latent floats kept in -1..1 where they need it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from threshc.train.deep.network import ThresholdNetwork

NAMES = ("adam", "sgd", "bop")


class Bop(torch.optim.Optimizer):
    """Flips a binary weight once the moving average of its gradient exceeds `threshold` with the weight's own sign.

    gamma: the average's rate of adaption; `lr` scales it by the schedule (Helwegen et al. 2019, algorithm 1).
    """

    def __init__(self, parameters: list[nn.Parameter], gamma: float = 1e-3, threshold: float = 1e-6) -> None:
        super().__init__(parameters, {"lr": 1.0, "gamma": gamma, "threshold": threshold})

    def step(self, closure: Any = None) -> None:
        """Flips weights by their gradients, which must be there. closure: it is ignored."""
        with torch.no_grad():
            self._flip()

    def _flip(self) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                mean: Tensor = state.setdefault("mean", torch.zeros_like(weight))
                mean.lerp_(weight.grad, min(1.0, group["lr"] * group["gamma"]))
                weight.copy_(torch.where(mean * weight > group["threshold"], -weight, weight))


class Optimizers:
    """The optimizers of a network's parameters, used as one.

    name: adam, sgd, or bop: Bop for binary weights, Adam for the rest. Raises ValueError for bop without binary
    weights.
    """

    def __init__(self, network: ThresholdNetwork, name: str, rate: float, momentum: float, weight_decay: float) -> None:
        binary = [layer.weight for layer in network.layers if layer.kind == "binary"]
        self._latent = [layer.weight for layer in network.layers if layer.kind in ("binary", "ternary")]
        self._parts: list[torch.optim.Optimizer] = []
        rest = list(network.parameters())
        if name == "bop":
            if not binary:
                raise ValueError("optimizer='bop' is for binary weights: weights='binary'")
            for weight in binary:
                weight.data = torch.where(weight.data >= 0, 1.0, -1.0)
            flipped = {id(weight) for weight in binary}
            rest = [p for p in rest if id(p) not in flipped]
            self._parts.append(Bop(binary))
        if name == "sgd":
            self._parts.append(torch.optim.SGD(rest, lr=rate, momentum=momentum, weight_decay=weight_decay))
        else:
            self._parts.append(torch.optim.Adam(rest, lr=rate, weight_decay=weight_decay))
        self._rates = [[group["lr"] for group in part.param_groups] for part in self._parts]

    def scale(self, share: float) -> None:
        """Sets the rates to a share of the first."""
        for part, rates in zip(self._parts, self._rates, strict=True):
            for group, rate in zip(part.param_groups, rates, strict=True):
                group["lr"] = rate * share

    def clear(self) -> None:
        """Drops the gradients."""
        for part in self._parts:
            part.zero_grad()

    def step(self) -> None:
        """Moves the weights; latent floats of binary and ternary weights stay in -1..1."""
        for part in self._parts:
            part.step()
        with torch.no_grad():
            for weight in self._latent:
                weight.clamp_(-1, 1)

    def state(self) -> list[dict[str, Any]]:
        """Returns the states for a checkpoint."""
        return [part.state_dict() for part in self._parts]

    def load(self, states: list[dict[str, Any]]) -> None:
        """Takes the states of a checkpoint."""
        for part, state in zip(self._parts, states, strict=True):
            part.load_state_dict(state)
