"""Samples as the bits that go into a circuit, and the bits that come out as numbers again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.hdl.interface import Beats, Field

_BLOCK = 4096  # samples unpacked to one byte per bit at a time


def byte_count(width: int) -> int:
    """Bytes that hold a word of `width` bits."""
    return -(-width // 8)


def pack(network: Network, encoded: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Turns encoded samples (N, n) into input words, (N, bytes) uint8, little end first: feature f of k bits at bit
    f*k, two's complement if the feature can be negative."""
    t = network.types[0]
    k = len(plane_weights(t.lo, t.hi)) if isinstance(t, Ints) else 1
    n = encoded.shape[1]
    words = np.empty((len(encoded), byte_count(n * k)), np.uint8)
    for block in _blocks(len(encoded)):
        bits = encoded[block].astype(np.int64)[:, :, None] >> np.arange(k) & 1
        words[block] = np.packbits(bits.astype(np.uint8).reshape(-1, n * k), axis=1, bitorder="little")
    return words


def unpack(field: Field, words: NDArray[np.uint8]) -> NDArray[np.integer]:
    """Returns one field of output words (N, bytes) as (N, *shape): uint8 for bits, else int64."""
    single = field.element_width == 1 and field.kind == "bits"
    out = np.empty((len(words), field.width // field.element_width), np.uint8 if single else np.int64)
    weights = np.int64(1) << np.arange(field.element_width, dtype=np.int64)
    if field.signed:
        weights[-1] = -weights[-1]
    for block in _blocks(len(words)):
        bits = np.unpackbits(words[block], axis=1, bitorder="little")[:, field.offset : field.offset + field.width]
        out[block] = bits if single else bits.reshape(len(bits), -1, field.element_width) @ weights
    return out.reshape(len(words), *field.shape)


def to_beats(words: NDArray[np.uint8], beats: Beats) -> NDArray[np.uint8]:
    """Returns words (N, bytes) of samples as the payloads (N * count, bytes) that a stream carries, in its order."""
    if beats.count == 1:
        return words
    out = np.empty((len(words), beats.count, byte_count(beats.width)), np.uint8)
    for block in _blocks(len(words)):
        bits = np.unpackbits(words[block], axis=1, bitorder="little")[:, : beats.bits]
        filled = np.pad(bits, ((0, 0), (0, beats.count * beats.width - beats.bits)))
        out[block] = np.packbits(filled.reshape(-1, beats.count, beats.width), axis=2, bitorder="little")
    return out.reshape(-1, out.shape[2])


def from_beats(payloads: NDArray[np.uint8], beats: Beats) -> NDArray[np.uint8]:
    """Returns the reverse of `to_beats`; payloads of a sample that is not complete are left out."""
    if beats.count == 1:
        return payloads
    whole = payloads[: len(payloads) // beats.count * beats.count].reshape(-1, beats.count, payloads.shape[1])
    words = np.empty((len(whole), byte_count(beats.bits)), np.uint8)
    for block in _blocks(len(whole)):
        bits = np.unpackbits(whole[block], axis=2, bitorder="little")[:, :, : beats.width]
        words[block] = np.packbits(bits.reshape(len(bits), -1)[:, : beats.bits], axis=1, bitorder="little")
    return words


def to_int(word: NDArray[np.uint8]) -> int:
    """Returns one word's bytes as a Python integer."""
    return int.from_bytes(word.tobytes(), "little")


def from_ints(values: list[int], width: int) -> NDArray[np.uint8]:
    """Turns Python integers into words (N, bytes)."""
    size = byte_count(width)
    joined = b"".join(v.to_bytes(size, "little") for v in values)
    return np.frombuffer(joined, np.uint8).reshape(len(values), size)


def _blocks(n: int) -> Iterator[slice]:
    return (slice(i, i + _BLOCK) for i in range(0, n, _BLOCK))
