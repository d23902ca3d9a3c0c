"""Trains the network of this folder on MNIST, which is not part of the repository, and writes its two files.

python examples/mnist_folded/train.py FOLDER     the folder with the four idx files (train-images-idx3-ubyte.gz, ..)

A float network of convolutions, the teacher, learns from distorted digits first. The network of signs then learns the
teacher's scores: weights and activations are +-1 forward, straight-through backward (Hubara et al. 2016), latent
weights stay in [-1, 1], BatchNorm becomes thresholds. Of several seeds the best one on 5,000 digits that none has
learned is taken; the test digits are looked at once, at the end.
"""

from __future__ import annotations

import argparse
import gzip
import math
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from distorted import distorted
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).parent
THRESHOLD = 128
"""Of pixels, all alike."""
WIDTHS = (784, 256, 256, 256, 10)
SEEDS, EPOCHS, BATCH, RATE = (0,), 80, 256, 0.01
TEACHER_EPOCHS, COPIES = 6, 16
SHIFTS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
DISTORTED = 0.4
"""The share of samples that are distorted; the others are shifted by at most one pixel."""
TEMPERATURE, FROM_TEACHER = 3.0, 0.7
HELD = 5_000
TEST_IMAGES = slice(0, 9_900, 33)


def read(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    """Pixels (N, 28, 28), uint8, and labels (N,) of `train` or `t10k`."""
    images = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    pixels = torch.frombuffer(bytearray(images), dtype=torch.uint8, offset=16).view(-1, 28, 28)
    return pixels, torch.frombuffer(bytearray(labels), dtype=torch.uint8, offset=8).long()


def bits(images: Tensor, down: int = 0, right: int = 0) -> Tensor:
    """The comparisons (N, 784) of images (N, 28, 28) moved by at most 1."""
    top, left = 1 - down, 1 - right
    return functional.pad(images, (1, 1, 1, 1))[:, top : top + 28, left : left + 28].flatten(1) >= THRESHOLD


def taught(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Distorted copies (COPIES, N, 28, 28), the first one as it was, and the teacher's scores (COPIES, N, 10)."""
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(0)
    blocks: list[nn.Module] = []
    for a, b, kernel in ((1, 16, 5), (16, 32, 3), (32, 64, 3)):
        blocks += [nn.Conv2d(a, b, kernel, padding=kernel // 2), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]
    teacher = nn.Sequential(*blocks, nn.Flatten(), nn.Linear(576, 10))
    optimizer, batch = torch.optim.Adam(teacher.parameters()), 128
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, TEACHER_EPOCHS * (len(x) // batch) + 2)
    for _ in range(TEACHER_EPOCHS):
        images = distorted(x, random)
        for part in torch.randperm(len(x), generator=random)[: len(x) // batch * batch].split(batch):
            optimizer.zero_grad()
            scores = teacher(images[part, None].float() / 255)
            functional.cross_entropy(scores, y[part], label_smoothing=0.02).backward()
            optimizer.step()
            rates.step()
    teacher.eval()
    copies = torch.stack([distorted(x, random) if k else x for k in range(COPIES)])
    with torch.no_grad():
        scores = [torch.cat([teacher(part[:, None].float() / 255) for part in copy.split(1000)]) for copy in copies]
    return copies, torch.stack(scores)


class Sign(torch.autograd.Function):
    """+-1 of a number; the gradient goes through where the number is at most `reach` from 0."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, reach: float) -> Tensor:
        ctx.save_for_backward((x.abs() <= reach).to(x.dtype))
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        (open_,) = ctx.saved_tensors
        return gradient * open_, None


class Signs(nn.Module):
    """Layers of weights +-1 between activations +-1; the last one's sums have a bias and one scale for all classes."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter((torch.rand(b, a) * 2 - 1) * 0.3) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm1d(n, momentum=0.02) for n in widths[1:-1])
        for norm in self.norms:
            norm.weight.requires_grad_(False)  # a positive scale does not move a threshold
        self.bias, self.gain = nn.Parameter(torch.zeros(widths[-1])), nn.Parameter(torch.tensor(1.5))

    def forward(self, bits: Tensor) -> Tensor:
        """Scores (N, classes) of bits (N, pixels)."""
        h = 2 * bits.float() - 1
        for weight, norm in zip(self.weights[:-1], self.norms, strict=True):
            h = Sign.apply(norm(functional.linear(h, Sign.apply(weight, 2.0))), 1.0)
        sums = functional.linear(h, Sign.apply(self.weights[-1], 2.0))
        return (sums / math.sqrt(h.shape[1]) + self.bias) * self.gain


def train(seed: int, x: Tensor, scores: Tensor, y: Tensor, held: tuple[Tensor, Tensor]) -> tuple[float, Signs]:
    """The accuracy on digits that were not learned, and the network.

    x (copies, N, 784): bits, shifted ones first, then distorted ones; scores (copies, N, 10): the teacher's of each.
    """
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    network, n = Signs(), len(y)
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    steps = EPOCHS * (n // BATCH)
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 200) * (1 + math.cos(math.pi * min(step / steps, 1))) / 2
    )
    soft = torch.softmax(scores / TEMPERATURE, -1)
    for epoch in range(EPOCHS):
        shifted = torch.randint(len(SHIFTS), (n,), generator=random)
        changed = torch.randint(len(SHIFTS), len(x), (n,), generator=random)
        copy = torch.where(torch.rand(n, generator=random) < DISTORTED, changed, shifted)
        for part in torch.randperm(n, generator=random)[: n // BATCH * BATCH].split(BATCH):
            found = network(x[copy[part], part])
            own = functional.cross_entropy(found, y[part])
            softened = functional.log_softmax(found / TEMPERATURE, 1)
            theirs = functional.kl_div(softened, soft[copy[part], part], reduction="batchmean") * TEMPERATURE**2
            optimizer.zero_grad()
            ((1 - FROM_TEACHER) * own + FROM_TEACHER * theirs).backward()
            optimizer.step()
            rates.step()
            with torch.no_grad():
                for weight in network.weights:
                    weight.clamp_(-1, 1)
        if epoch % 20 == 19:
            print(
                f"{time.strftime('%F %T')} seed {seed}, epoch {epoch + 1}: {accuracy(network, *held):.2%}", flush=True
            )
    with torch.no_grad():  # means and variances of the weights as they are now
        for norm in network.norms:
            norm.momentum = None
            norm.reset_running_stats()
        network.train()
        for part in torch.arange(n).split(1000):
            network(x[0, part])
    return accuracy(network, *held), network


def accuracy(network: Signs, bits: Tensor, y: Tensor) -> float:
    """The share of bits (N, pixels) whose largest score is that of class y (N,)."""
    network.eval()
    with torch.no_grad():
        right = float((network(bits).argmax(1) == y).float().mean())
    network.train()
    return right


def export(network: Signs, path: Path) -> None:
    """Writes the network in integers: sums of bits 0 and 1, a threshold per neuron, an integer bias per class."""
    from threshc.train.deep.integers import IntegerLayer, IntegerNetwork
    from threshc.train.deep.onnx_export import write_network
    from threshc.train.encoders import Thermometer

    *hidden, last = [torch.where(w >= 0, 1, -1).numpy().astype(np.int64) for w in network.weights]
    layers = []
    for weight, norm in zip(hidden, network.norms, strict=True):
        deviation = (norm.running_var.double() + norm.eps).sqrt()
        least = (norm.running_mean.double() - norm.bias.detach().double() * deviation).numpy()  # of sums of +-1
        threshold = np.ceil((least + weight.sum(axis=1)) / 2).astype(np.int64)  # of sums of 0 and 1
        layers.append(IntegerLayer(weight, threshold[None], 0, 1))
    bias = network.bias.detach().double().numpy() * math.sqrt(last.shape[1])
    bias = np.rint((bias - last.sum(axis=1)) / 2).astype(np.int64)
    inputs = len(network.weights[0][0])
    pixels = Thermometer(np.arange(inputs), np.full(inputs, THRESHOLD, np.float32), "uint8")
    made = IntegerNetwork(pixels, (inputs,), tuple(layers), last, bias, 1.0)
    about = {"data": "MNIST, pixels 0 to 255", "script": "examples/mnist_folded/train.py"}
    write_network(made, path, features=inputs, about=about)


def main() -> None:
    """Train, write, say how good it is."""
    import threshc

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    torch.set_num_threads(1)
    x, y = read(folder, "train")
    held, (x, y) = (bits(x[-HELD:]), y[-HELD:]), (x[:-HELD], y[:-HELD])
    copies, scores = taught(x, y)
    scores = torch.cat([scores[:1].expand(len(SHIFTS), -1, -1), scores])
    seen = torch.stack([bits(x, *shift) for shift in SHIFTS] + [bits(copy) for copy in copies])
    best, network = max((train(seed, seen, scores, y, held) for seed in SEEDS), key=lambda one: one[0])
    with tempfile.TemporaryDirectory() as draft:
        export(network, Path(draft) / "mnist_folded.onnx")
        model = (Path(draft) / "mnist_folded.onnx").read_bytes()
    (HERE / "mnist_folded.onnx.gz").write_bytes(gzip.compress(model, 9, mtime=0))
    test_x, test_y = (part.numpy() for part in read(folder, "t10k"))
    test_x = test_x.reshape(-1, 784)
    np.savez_compressed(HERE / "mnist_folded_test.npz", x=test_x[TEST_IMAGES], true=test_y[TEST_IMAGES])
    right = (threshc.simulate(threshc.load(HERE / "mnist_folded.onnx.gz"), test_x).labels == test_y).sum()
    print(f"{best:.2%} of {HELD:,} digits kept back; test: {right:,} of {len(test_y):,}")


if __name__ == "__main__":
    main()
