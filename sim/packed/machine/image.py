"""Finished machine code in the user's cache: found, loaded and written without importing Numba.

An image is keyed by the version, the text of the engines, Numba's and llvmlite's versions and the processor;
processes that need the same image at the same time wait for the one that builds it.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import json
import mmap
import os
import platform
import sys
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path

from threshc.compiler import cache
from threshc.sim.packed.machine.elf import Image
from threshc.version import __version__

_MAGIC = b"threshc machine code 1\n"
_CACHED = "code"  # the kind of entry in the cache
_PROT_READ_EXEC = 5
_kept: list[mmap.mmap] = []


def supported() -> bool:
    """Returns whether images can be linked and loaded here."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


@lru_cache(1)
def processor() -> bytes:
    """Returns what Linux says about this processor, its features among it; empty where it says nothing."""
    try:
        with open("/proc/cpuinfo", "rb") as file:
            first = file.read(1 << 14).split(b"\n\n")[0].splitlines()
    except OSError:
        return b""
    return b"\n".join(x for x in first if x.startswith((b"model name", b"flags", b"cpu family", b"model\t")))


@lru_cache(1)
def _key() -> str:
    digest = hashlib.sha256(__version__.encode())
    for package in ("numba", "llvmlite"):
        digest.update(_version(package))
    for path in sorted(Path(__file__).parent.parent.rglob("*.py")):
        digest.update(path.read_bytes())
    if not processor():
        raise OSError("the processor is not known")  # code is not kept then
    digest.update(processor())
    for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"):
        digest.update(f"{name}={os.environ.get(name)}".encode())
    return digest.hexdigest()[:24]


def _version(package: str) -> bytes:
    """What says the version of a package, without importing it (its own file is the quickest)."""
    found = importlib.util.find_spec(package)
    try:
        if found is not None and found.origin is not None:
            return Path(found.origin).with_name("_version.py").read_bytes()
    except OSError:
        pass
    from importlib.metadata import version

    return version(package).encode()


def load(name: str) -> int | None:
    """Address of an engine's function from its image, None if there is none that can be used."""
    try:
        data = cache.read(_CACHED, _name(name))
        if data is None or not data.startswith(_MAGIC):
            return None
        head, code = data[len(_MAGIC) :].split(b"\n", 1)
        facts = json.loads(head)
        if hashlib.sha256(code).hexdigest() != facts["sha256"]:
            return None
        return _map(Image(code, facts["entry"], facts["absolute"], facts["slots"]))
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError, TypeError):
        return None


def kept(name: str) -> bool:
    """Returns whether there is an image of an engine or a kernel in the cache."""
    try:
        file = cache.opened(_CACHED, _name(name))
    except OSError:
        return False
    if file is not None:
        file.close()
    return file is not None


def store(name: str, image: Image) -> None:
    """Keeps an image whole or not at all; where the cache cannot be written to, every process compiles."""
    facts = {"entry": image.entry, "absolute": image.absolute, "slots": image.slots}
    facts["sha256"] = hashlib.sha256(image.code).hexdigest()
    with contextlib.suppress(OSError):
        cache.write(_CACHED, _name(name), _MAGIC + json.dumps(facts).encode() + b"\n" + image.code)


def building(name: str) -> AbstractContextManager[None]:
    """Is held by the one process that builds an image."""
    return cache.alone(_CACHED, name)


def _name(name: str) -> str:
    return f"{name}-{_key()}.bin"


def _map(image: Image) -> int:
    """Copy an image into memory of its own and make it executable; the address of its entry."""
    memory = mmap.mmap(-1, len(image.code), prot=mmap.PROT_READ | mmap.PROT_WRITE)
    memory.write(image.code)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    library = ctypes.CDLL(None, use_errno=True)
    for at in image.absolute:
        word = ctypes.c_int64.from_address(base + at)
        word.value += base
    for name, at in image.slots.items():
        address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
        ctypes.c_int64.from_address(base + at).value = address or 0
    library.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    if library.mprotect(base, len(image.code), _PROT_READ_EXEC):
        raise OSError(ctypes.get_errno(), "mprotect")
    _kept.append(memory)
    return base + image.entry
