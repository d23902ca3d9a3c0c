"""Networks written in QKeras, through tf2onnx; run as a script (see `writing.py`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import qkeras as qk
import tensorflow as tf
import tf2onnx
from catalog import SAMPLES
from tensorflow import keras
from writing import centre_keras, integers, main

K = keras.layers


def norm() -> K.Layer:
    return K.BatchNormalization(momentum=0.5)


def dense(weights: str, step: str, tail: str | None = None) -> keras.Model:
    layers: list[K.Layer] = []
    for rows in (24, 16):
        layers += [qk.QDense(rows, kernel_quantizer=weights, use_bias=False), norm(), qk.QActivation(step)]
    layers += [qk.QDense(6, kernel_quantizer=weights, bias_quantizer="quantized_bits(8,2,1,alpha=1.0)")]
    return keras.Sequential([keras.Input((36,)), *layers, *([K.Activation(tail)] if tail else [])])


def cnn(weights: str, step: str) -> keras.Model:
    layers: list[K.Layer] = [keras.Input((8, 8, 3))]
    layers += [qk.QConv2D(8, 3, kernel_quantizer=weights, use_bias=False), norm(), qk.QActivation(step)]
    layers += [qk.QConv2D(8, 3, kernel_quantizer=weights, use_bias=False), K.MaxPool2D(2), norm(), qk.QActivation(step)]
    return keras.Sequential([*layers, K.Flatten(), qk.QDense(6, kernel_quantizer=weights, use_bias=False), norm()])


FLAT, MAP = (36,), (8, 8, 3)
NETWORKS: dict[str, tuple[Callable[[], keras.Model], tuple[int, ...]]] = {
    "qkeras_binary": (partial(dense, "binary(alpha=1.0)", "binary(alpha=1.0)"), FLAT),
    "qkeras_auto_alpha": (partial(dense, "binary(alpha='auto')", "binary(alpha=1.0)"), FLAT),
    "qkeras_ternary": (partial(dense, "ternary(alpha=1.0,threshold=0.1)", "quantized_relu(2,0)"), FLAT),
    "qkeras_bits": (partial(dense, "quantized_bits(3,0,1,alpha=1.0)", "quantized_bits(3,0,1,alpha=1.0)"), FLAT),
    "qkeras_tanh": (partial(dense, "quantized_bits(4,0,1,alpha=1.0)", "quantized_tanh(3)", "softmax"), FLAT),
    "qkeras_bits_auto": (partial(dense, "quantized_bits(3,0,1,alpha='auto_po2')", "quantized_relu(3,1)"), FLAT),
    "qkeras_cnn": (partial(cnn, "quantized_bits(2,0,1,alpha=1.0)", "quantized_relu(2,0)"), MAP),
}


def make(name: str, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Two steps of training, which find the statistics, then the export and the scores of 256 samples."""
    build, shape = NETWORKS[name]
    keras.utils.set_random_seed(3)
    network, x = build(), integers(SAMPLES, *shape)
    network.compile(keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(
        integers(128, *shape, seed=2).astype(np.float32), np.arange(128) % 6, batch_size=64, epochs=2, verbose=0
    )
    real = x.astype(np.float32)
    centre_keras(network, real)
    scores = network.predict(real, verbose=0)
    signature = [tf.TensorSpec((None, *shape), tf.float32, name="x")]
    tf2onnx.convert.from_keras(network, signature, opset=13, output_path=str(path))
    return x, scores


if __name__ == "__main__":
    main({f"{n}-tf2onnx": partial(make, n) for n in NETWORKS})
