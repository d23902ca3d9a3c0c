"""Which network a certificate is of."""

from __future__ import annotations

import hashlib

import numpy as np

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.text import to_text


def fingerprint(network: Network) -> str:
    """Returns the SHA-256 of a network: of its text form, then of every array that the text leaves out."""
    text, arrays = to_text(network)
    digest = hashlib.sha256(text.encode())
    for name, array in arrays.items():
        plain = np.ascontiguousarray(array, "<f8" if array.dtype.kind == "f" else "<i8")
        digest.update(f"{name} {list(plain.shape)}\n".encode() + plain.tobytes())
    return digest.hexdigest()
