"""Which network a certificate is of."""

from __future__ import annotations

import hashlib

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.text import print_network


def fingerprint(network: Network) -> str:
    """SHA-256 of a network: its text form, and the constants that the text leaves out."""
    digest = hashlib.sha256(print_network(network).encode())
    for op in network.ops:
        for name in ("weights", "bias", "row", "threshold", "index"):
            array = getattr(op, name, None)
            if array is not None:
                digest.update(f"{name}{array.shape}".encode() + array.astype("<i8").tobytes())
    return digest.hexdigest()
