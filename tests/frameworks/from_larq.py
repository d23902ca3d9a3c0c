"""Networks written in Larq, through tf2onnx; run as a script (see `writing.py`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import larq as lq
import numpy as np
import tensorflow as tf
import tf2onnx
from catalog import SAMPLES
from tensorflow import keras
from writing import centre_keras, integers, main

K = keras.layers
WEIGHTS = {"kernel_quantizer": "ste_sign", "kernel_constraint": "weight_clip", "use_bias": False}
BOTH = {"input_quantizer": "ste_sign", **WEIGHTS}


def norm() -> K.Layer:
    return K.BatchNormalization(scale=False, momentum=0.5)


def dense(tail: str | None = None, **how: object) -> keras.Model:
    layers = [lq.layers.QuantDense(24, **WEIGHTS), norm()]
    layers += [lq.layers.QuantDense(16, **{**BOTH, **how}), norm(), lq.layers.QuantDense(6, **{**BOTH, **how}), norm()]
    return keras.Sequential([keras.Input((36,)), *layers, *([K.Activation(tail)] if tail else [])])


def cnn(*behind: K.Layer, padding: str = "same") -> keras.Model:
    """A BinaryNet: convolutions, pooling before BatchNormalization, a dense head."""
    layers = [lq.layers.QuantConv2D(8, 3, padding=padding, pad_values=1.0 if padding == "same" else 0.0, **BOTH)]
    first = [lq.layers.QuantConv2D(8, 3, **WEIGHTS), norm()]
    head = [norm(), K.Flatten(), lq.layers.QuantDense(6, **BOTH), norm()]
    return keras.Sequential([keras.Input((8, 8, 3)), *first, *layers, *behind, *head])


def separable() -> keras.Model:
    layers = [lq.layers.QuantConv2D(8, 3, **WEIGHTS), norm()]
    depthwise = {"input_quantizer": "ste_sign", "depthwise_quantizer": "ste_sign", "use_bias": False}
    layers += [lq.layers.QuantDepthwiseConv2D(3, **depthwise), norm(), lq.layers.QuantConv2D(8, 1, **BOTH), norm()]
    layers += [lq.quantizers.SteSign(), K.GlobalAveragePooling2D(), K.Dense(6)]
    return keras.Sequential([keras.Input((8, 8, 3)), *layers])


def dense_net() -> keras.Model:
    """BinaryDenseNet: real maps are concatenated."""
    x = image = keras.Input((8, 8, 3))
    x = lq.layers.QuantConv2D(8, 3, padding="same", **WEIGHTS)(x)
    for _ in range(2):
        y = lq.layers.QuantConv2D(4, 3, padding="same", **BOTH)(norm()(x))
        x = K.Concatenate()([x, y])
    x = K.GlobalAveragePooling2D()(lq.quantizers.SteSign()(norm()(x)))
    return keras.Model(image, K.Dense(6, activation="softmax")(x))


FLAT, MAP = (36,), (8, 8, 3)
NETWORKS: dict[str, tuple[Callable[[], keras.Model], tuple[int, ...]]] = {
    "larq_dense": (partial(dense, "softmax"), FLAT),
    "larq_approx_sign": (partial(dense, input_quantizer="approx_sign"), FLAT),
    "larq_swish_sign": (partial(dense, input_quantizer="swish_sign"), FLAT),
    "larq_dorefa": (partial(dense, input_quantizer=lq.quantizers.DoReFa(2)), FLAT),
    "larq_ternary": (partial(dense, kernel_quantizer="ste_tern"), FLAT),
    "larq_magnitude": (partial(dense, kernel_quantizer="magnitude_aware_sign"), FLAT),
    "larq_pool_first": (lambda: cnn(K.MaxPool2D(2)), MAP),
    "larq_valid": (lambda: cnn(padding="valid"), MAP),
    "larq_separable": (separable, MAP),
    "larq_densenet": (dense_net, MAP),
}


def make(name: str, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Two steps of training, which find the statistics, then the export and the scores of 256 samples."""
    build, shape = NETWORKS[name]
    keras.utils.set_random_seed(3)
    network, x = build(), integers(SAMPLES, *shape)
    network.compile(keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy())
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
