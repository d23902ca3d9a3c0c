"""Networks that the front end has made from ONNX files, kept in the user's cache: the next time needs no onnx.

An entry is a `.thresh` file, keyed by the content of the model, the stated input, our version, the text of the
compiler's own files, and the versions of NumPy and onnx, which evaluate what is folded. Damaged ones are made again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from threshc.compiler import cache
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network

MAX_BYTES = 64 << 20
"""Larger models are not kept."""
_CACHED = "networks"  # the kind of entry in the cache


def cached(model: str | os.PathLike[str], input: str | None, make: Callable[[], Network]) -> Network:
    """Returns the network of an `.onnx` file as `make` gives it, from the cache where it is there.

    Models with external data, in gzip or above MAX_BYTES are always made.
    """
    entry = _entry(model, input)
    if entry is None:
        return make()
    found = _read(entry)
    if found is not None:
        return found
    network = make()
    if _entry(model, input) == entry:  # the file is still the one that was hashed
        _write(network, entry)
    return network


def _entry(model: str | os.PathLike[str], input: str | None) -> str | None:
    """The name under which the model's network is kept."""
    import hashlib

    import numpy as np

    import threshc.compiler
    from threshc.version import __version__

    path = Path(model)
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return None
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b" or b"location" in content:  # gzip; the key under which external data is named
            return None
        digest = hashlib.sha256(hashlib.sha256(content).digest())
        digest.update(repr((input, __version__, np.__version__)).encode())
        digest.update(_version_of_onnx())
        for root, folders, files in os.walk(Path(threshc.compiler.__file__).parent):
            folders.sort()
            for name in sorted(files):
                if name.endswith(".py"):
                    digest.update(hashlib.sha256(Path(root, name).read_bytes()).digest())
        return f"{digest.hexdigest()[:40]}.thresh"
    except (OSError, RuntimeError, ValueError, ImportError):
        return None


def _version_of_onnx() -> bytes:
    """What says the version of onnx, without importing it. Raises ImportError where there is none."""
    from importlib.util import find_spec

    found = find_spec("onnx")
    if found is None or found.origin is None:
        raise ImportError("onnx")
    return Path(found.origin).with_name("version.py").read_bytes()


def _read(entry: str) -> Network | None:
    from threshc.compiler.ir.storage import from_bytes

    data = cache.read(_CACHED, entry)
    if data is None:
        return None
    try:
        return from_bytes(data, entry)
    except CompileError:
        return None


def _write(network: Network, entry: str) -> None:
    from threshc.compiler.ir.storage import to_bytes

    try:
        data = to_bytes(network)
    except CompileError:
        return
    cache.write(_CACHED, entry, data)
