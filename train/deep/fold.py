"""A trained network as integers: BatchNorm, bias and scales become thresholds, rounded up to the next integer sum.

A unit's z = D s + C of its integer sum s, D the scale of its row (times BatchNorm's), C all the rest. Where D < 0 the
row is negated. So z >= theta is s >= (theta - C) / D, and for integers s >= ceil((theta - C) / D). All in float64.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from threshc.train.deep.integers import IntegerLayer, IntegerNetwork, largest_input
from threshc.train.deep.network import Hidden, ThresholdNetwork
from threshc.train.encoders import Encoder

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def fold(network: ThresholdNetwork, encode: Encoder) -> IntegerNetwork:
    """Returns the network in evaluation mode as integers, and changes nothing. encode: makes the network's inputs."""
    layers, unit, offset, size = [], network.scale, network.offset, largest_input(encode)
    with torch.no_grad():
        for hidden in network.hidden:
            layers.append(_layer(network, hidden, unit, offset, size))
            unit, offset, size = network.activation.unit, 0.0, layers[-1].largest
        ints, scale = network.output.integers()
        weight, step = _whole(ints), float(scale) * unit
        bias = np.rint(_floats(network.output.bias) / step - offset * weight.sum(axis=1)).astype(np.int64)
        sharp = 1.0 if network.sharpness is None else float(torch.exp(network.sharpness))
    return IntegerNetwork(encode, network.shape, tuple(layers), weight, bias, step * sharp)


def _layer(network: ThresholdNetwork, hidden: Hidden, unit: float, offset: float, size: int) -> IntegerLayer:
    ints, scale = hidden.weighted.integers()
    weight, activation = _whole(ints), network.activation
    rows = weight.reshape(len(weight), -1).copy()
    slope = _floats(scale).reshape(-1) * unit
    rest = _floats(hidden.weighted.bias) - slope * offset * rows.sum(axis=1)
    if hidden.norm is not None:
        norm = hidden.norm
        gain = _floats(norm.weight) / np.sqrt(_floats(norm.running_var) + norm.eps)
        slope, rest = slope * gain, _floats(norm.bias) + (rest - _floats(norm.running_mean)) * gain
    weight[slope < 0] *= -1
    reach = np.abs(rows).sum(axis=1) * size
    thetas = np.array(activation.thresholds)[:, None]
    threshold = _thresholds(thetas, np.abs(slope), rest, reach, fires_at_tie=network.fires_at_tie)
    block = hidden.weighted.block
    if block is None:
        raise AssertionError("a hidden layer without its block")
    return IntegerLayer(weight, threshold, activation.low, activation.gain, block.stride, block.padding, block.pool)


def _thresholds(thetas: Floats, slope: Floats, rest: Floats, reach: Ints, *, fires_at_tie: bool) -> Ints:
    """The least integer s in -reach..reach + 1 with slope s + rest >= theta (or >), (levels, rows)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = (thetas - rest) / slope
    least = np.ceil(exact) if fires_at_tie else np.floor(exact) + 1
    always = (rest >= thetas) if fires_at_tie else (rest > thetas)
    least = np.where(slope == 0, np.where(always, -np.inf, np.inf), least)
    return np.clip(least, -reach, reach + 1).astype(np.int64)


def _whole(ints: torch.Tensor) -> Ints:
    return np.asarray(np.rint(ints.detach().cpu().numpy()), np.int64)


def _floats(tensor: torch.Tensor) -> Floats:
    return np.asarray(tensor.detach().cpu().numpy(), np.float64)
