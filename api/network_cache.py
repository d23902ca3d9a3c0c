"""Networks that the front end has made from ONNX files, kept in the user's cache: the next time needs no onnx.

An entry is a `.thresh` file, keyed by the content of the model, the stated input, the version and the compiler's own
files. Entries of another user are not read, damaged ones are made again; writing is atomic.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network

MAX_BYTES = 64 << 20
"""Larger models are not kept."""
_KEEP = 64  # entries; the ones used least recently go


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


def _entry(model: str | os.PathLike[str], input: str | None) -> Path | None:
    """Where the model's network is kept."""
    import hashlib

    import threshc.compiler
    from threshc.sim.user_cache import folder
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
        return folder() / "networks" / f"{digest.hexdigest()[:40]}.thresh"
    except (OSError, RuntimeError, ValueError):
        return None


def _read(entry: Path) -> Network | None:
    from threshc.compiler.ir.storage import load_thresh

    try:
        if not (_mine(entry.parent) and _mine(entry)):
            return None
        network = load_thresh(entry)
        os.utime(entry)
    except (OSError, CompileError):
        return None
    return network


def _mine(path: Path) -> bool:
    """Whether only this user can have written it."""
    facts = path.stat()
    return not hasattr(os, "getuid") or (facts.st_uid == os.getuid() and not facts.st_mode & 0o022)


def _write(network: Network, entry: Path) -> None:
    from threshc.compiler.ir.storage import save

    try:
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        save(network, entry)
        os.chmod(entry, 0o600)
        kept = sorted((p for p in entry.parent.glob("*.thresh")), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in kept[_KEEP:]:
            old.unlink(missing_ok=True)
    except (OSError, CompileError):
        return
