"""Trains a threshold network on scikit-learn's digits and writes digits.onnx and digits_test.npz (about two minutes).

64 pixels -> 64 bits (pixel >= 8) -> 128 thresholds -> 10 scores. Weights are -1, 0 or +1, hidden values are bits.
Straight-through estimator: forward with rounded weights and steps, backward through clipped weights and tanh.
Needs: pip install "threshc[train]" (numpy, scikit-learn, onnx).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
SIZES = (64, 128, 10)
SCALES = [0.6 * np.sqrt(fan_in) for fan_in in SIZES[:-1]]  # sums near -1..1, where tanh has a slope
EPOCHS, BATCH, RATE, SPARSITY, NOISE, SHIFTED = 1000, 32, 5e-3, 4e-5, 2.0, 0.2


def data():
    """Pixels 0..16 as float32 (N, 64) and digits (N,): 1,347 to train with, 450 to test with, always the same."""
    x, y = load_digits(return_X_y=True)
    return train_test_split(x.astype(np.float32), y, test_size=0.25, random_state=0, stratify=y)


def vary(x, rng):
    """Training images, some moved by one pixel, all with noise, so that bits near the threshold flip."""
    images = x.reshape(-1, 8, 8)
    moved = np.zeros_like(images)
    way = rng.integers(0, 4, len(x))
    moved[way == 0, 1:] = images[way == 0, :-1]
    moved[way == 1, :-1] = images[way == 1, 1:]
    moved[way == 2, :, 1:] = images[way == 2, :, :-1]
    moved[way == 3, :, :-1] = images[way == 3, :, 1:]
    chosen = np.where((rng.random(len(x)) < SHIFTED)[:, None, None], moved, images)
    return (chosen + rng.normal(0, NOISE, chosen.shape)).reshape(len(x), -1)


def sign(z):
    return np.where(z >= 0, np.float32(1), np.float32(-1))


def ternary(w):
    return np.clip(np.rint(1.5 * w), -1, 1)


def forward(weights, biases, x):
    """The signs that enter each layer, and each layer's sums, scaled and biased."""
    inputs, sums = [sign(x - 8)], []
    for w, b, scale in zip(weights, biases, SCALES, strict=True):
        sums.append(inputs[-1] @ ternary(w) / scale + b)
        inputs.append(sign(sums[-1]))
    return inputs, sums


def gradients(weights, biases, log_sharpness, x, y):
    """Of the cross entropy of softmax(sharpness * scores), straight through steps and roundings."""
    inputs, sums = forward(weights, biases, x)
    scores = sums[-1] * np.exp(log_sharpness)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    g = p / p.sum(axis=1, keepdims=True)
    g[np.arange(len(y)), y] -= 1
    g /= len(y)
    g_sharpness = np.array((g * scores).sum())
    g = g * np.exp(log_sharpness)
    g_weights, g_biases = [], []
    for k in reversed(range(len(weights))):
        if k < len(weights) - 1:
            g = g * (1 - np.tanh(sums[k] / 0.7) ** 2)
        g_weights.insert(0, inputs[k].T @ g / SCALES[k] + SPARSITY * np.sign(weights[k]))
        g_biases.insert(0, g.sum(axis=0))
        g = g @ ternary(weights[k]).T / SCALES[k]
    return [*g_weights, *g_biases, g_sharpness]


def train(x, y, seed=0):
    """Ternary weights (inputs, outputs) and real biases per layer, by Adam with a cosine schedule."""
    rng = np.random.default_rng(seed)
    weights = [rng.uniform(-1, 1, shape).astype(np.float32) for shape in pairwise(SIZES)]
    biases = [np.zeros(n, np.float32) for n in SIZES[1:]]
    log_sharpness = np.array(np.log(2.0), np.float32)
    parameters = [*weights, *biases, log_sharpness]
    mean, square = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    step = 0
    for epoch in range(EPOCHS):
        rate = RATE * (1 + np.cos(np.pi * epoch / EPOCHS)) / 2 + 1e-5
        order = rng.permutation(len(x))
        varied = vary(x[order], rng)
        for start in range(0, len(x) - BATCH + 1, BATCH):
            part = slice(start, start + BATCH)
            step += 1
            found = gradients(weights, biases, log_sharpness, varied[part], y[order][part])
            for p, g, m, s in zip(parameters, found, mean, square, strict=True):
                m += 0.1 * (g - m)
                s += 0.001 * (g * g - s)
                p -= rate * (m / (1 - 0.9**step)) / (np.sqrt(s / (1 - 0.999**step)) + 1e-8)
            for w in weights:
                np.clip(w, -1, 1, out=w)
    biases[-1] = np.rint(biases[-1] * SCALES[-1]) / SCALES[-1]  # scores become whole numbers
    return weights, biases


def export(weights, biases, path):
    """Standard ONNX: GreaterOrEqual + Where makes signs; the last layer adds whole biases."""
    constants = {"eight": np.float32(8), "zero": np.float32(0), "plus": np.float32(1), "minus": np.float32(-1)}
    nodes = [helper.make_node("GreaterOrEqual", ["pixels", "eight"], ["p0"], "binarize")]
    nodes += [helper.make_node("Where", ["p0", "plus", "minus"], ["a0"], "bits")]
    last = len(weights) - 1
    for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
        constants[f"w{k}"] = ternary(w).astype(np.float32)
        nodes.append(helper.make_node("MatMul", [f"a{k}", f"w{k}"], [f"s{k}"], f"layer{k}"))
        if k == last:
            constants["bias"] = np.rint(b * SCALES[k]).astype(np.float32)
            nodes.append(helper.make_node("Add", [f"s{k}", "bias"], ["scores"], "scores"))
            continue
        n = len(b)
        bn = {"gamma": np.ones(n), "beta": b, "mean": np.zeros(n), "var": np.full(n, SCALES[k] ** 2)}
        constants |= {f"{name}{k}": v.astype(np.float32) for name, v in bn.items()}
        nodes += [
            helper.make_node(
                "BatchNormalization", [f"s{k}", *(f"{name}{k}" for name in bn)], [f"z{k}"], f"norm{k}", epsilon=0.0
            ),
            helper.make_node("GreaterOrEqual", [f"z{k}", "zero"], [f"p{k + 1}"], f"step{k}"),
            helper.make_node("Where", [f"p{k + 1}", "plus", "minus"], [f"a{k + 1}"], f"sign{k}"),
        ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", SIZES[0]])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", SIZES[-1]])],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="threshc examples"
    )
    onnx.checker.check_model(model)
    onnx.save(model, path)


def accuracy(weights, biases, x, y):
    return float((forward(weights, biases, x)[1][-1].argmax(axis=1) == y).mean())


if __name__ == "__main__":
    x_train, x_test, y_train, y_test = data()
    # Four starts; the choice looks at the training set only.
    starts = [train(x_train, y_train, seed) for seed in range(4)]
    accuracies = [accuracy(*start, x_train, y_train) for start in starts]
    weights, biases = starts[int(np.argmax(accuracies))]
    synapses = sum(int(np.count_nonzero(ternary(w))) for w in weights)
    test = accuracy(weights, biases, x_test, y_test)
    print(f"{synapses} synapses; accuracy {max(accuracies):.2%} training, {test:.2%} test")
    export(weights, biases, HERE / "digits.onnx")
    np.savez_compressed(HERE / "digits_test.npz", x=x_test, true=y_test.astype(np.uint8))
