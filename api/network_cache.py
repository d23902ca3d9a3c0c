"""Networks that the front end has made from ONNX files, kept in the user's cache: the next time needs no onnx.

An entry is a `.thresh` file, keyed by the content of the model, the stated input, the version and the compiler's own
files. Damaged ones are made again.
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
    """The network of an `.onnx` file as `make` gives it, from the cache where it is there.

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
        digest.update(repr((input, __version__)).encode())
        for root, folders, files in os.walk(Path(threshc.compiler.__file__).parent):
            folders.sort()
            for name in sorted(files):
                if name.endswith(".py"):
                    facts = os.stat(os.path.join(root, name))
                    digest.update(repr((name, facts.st_size, facts.st_mtime_ns)).encode())
        return f"{digest.hexdigest()[:40]}.thresh"
    except (OSError, RuntimeError, ValueError):
        return None


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
