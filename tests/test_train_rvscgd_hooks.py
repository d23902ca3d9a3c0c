"""What RVSCGD adds to the training of deep networks: the pull to sparse weights."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch")

import torch

from threshc.train.deep.architecture import parse
from threshc.train.deep.network import ThresholdNetwork
from threshc.train.deep.surrogates import ACTIVATIONS, StraightThrough
from threshc.train.penalties import PENALTIES, Penalty
from threshc.train.rvscgd_hooks import Splitting, sparsity

pytestmark = pytest.mark.slow


def network() -> ThresholdNetwork:
    rule = StraightThrough("sech2")
    made = ThresholdNetwork(parse((6, 5)), (4,), 3, activation=ACTIVATIONS["step"], rule=rule)
    Splitting.prepare(made)
    return made


@pytest.mark.parametrize("kind", PENALTIES)
def test_the_added_gradient_is_that_of_the_least_lagrangian(kind: str) -> None:
    """d/dw min_u lam P(u) + beta/2 ||w - u||^2, by differences."""
    trained, splitting = network(), Splitting(Penalty(kind), lam=0.02, beta=0.5)
    for layer in trained.layers:
        layer.weight.grad = torch.ones_like(layer.weight)
    splitting.after_backward(trained)
    for layer in trained.layers:
        w = layer.weight.detach().double()
        low, high = (_envelope(splitting, w + d) for d in (-1e-6, 1e-6))
        torch.testing.assert_close(layer.weight.grad.double(), 1 + (high - low) / 2e-6, atol=1e-4, rtol=0)
        assert layer.bias.grad is None


def _envelope(splitting: Splitting, w: torch.Tensor) -> torch.Tensor:
    u = splitting.sparse(w)
    price = torch.from_numpy(splitting.penalty(u.numpy()[..., None]))
    return splitting.lam * price + splitting.beta / 2 * (w - u) ** 2


def test_weights_are_sparse_while_evaluating_and_then_what_they_were() -> None:
    trained, splitting = network(), Splitting(Penalty("l0"), lam=0.02, beta=0.5)
    before = [layer.weight.detach().clone() for layer in trained.layers]
    limit = splitting.penalty.threshold(0.02 / 0.5)
    with splitting.evaluating(trained):
        for layer, w in zip(trained.layers, before, strict=True):
            torch.testing.assert_close(layer.weight.detach(), torch.where(w.abs() > limit, w, 0.0), atol=0, rtol=0)
        assert 0 < sparsity(trained) < 1
    for layer, w in zip(trained.layers, before, strict=True):
        torch.testing.assert_close(layer.weight.detach(), w, atol=0, rtol=0)
