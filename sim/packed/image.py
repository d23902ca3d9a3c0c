"""Finished machine code in the user's cache: found, loaded and written without importing Numba.

An image is keyed by the version, the text of this folder and the processor; writing is atomic, and
processes that need the same image at the same time wait for the one that builds it.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import mmap
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from threshc.sim.packed.elf import Image
from threshc.sim.user_cache import folder
from threshc.version import __version__

_MAGIC = b"threshc machine code 1\n"
_PROT_READ_EXEC = 5
_kept: list[mmap.mmap] = []


def supported() -> bool:
    """Whether images can be linked and loaded here."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


@cache
def processor() -> bytes:
    """What Linux says about this processor, its features among it; empty where it says nothing."""
    try:
        with open("/proc/cpuinfo", "rb") as file:
            first = file.read(1 << 14).split(b"\n\n")[0].splitlines()
    except OSError:
        return b""
    return b"\n".join(x for x in first if x.startswith((b"model name", b"flags", b"cpu family", b"model\t")))


@cache
def _key() -> str:
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    if not processor():
        raise OSError("the processor is not known")  # code is not kept then
    digest.update(processor())
    for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"):
        digest.update(f"{name}={os.environ.get(name)}".encode())
    return digest.hexdigest()[:24]


def load(name: str) -> int | None:
    """Address of an engine's function from its image, None if there is none that can be used."""
    try:
        path = _path(name)
        if path.stat().st_uid != os.getuid():  # code that another user wrote is not run
            return None
        data = path.read_bytes()
        if not data.startswith(_MAGIC):
            return None
        head, code = data[len(_MAGIC) :].split(b"\n", 1)
        facts = json.loads(head)
        if hashlib.sha256(code).hexdigest() != facts["sha256"]:
            return None
        return _map(Image(code, facts["entry"], facts["absolute"], facts["slots"]))
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError):
        return None


def store(name: str, image: Image) -> None:
    """Write an image whole or not at all; where the folder cannot be written to, every process compiles."""
    facts = {"entry": image.entry, "absolute": image.absolute, "slots": image.slots}
    facts["sha256"] = hashlib.sha256(image.code).hexdigest()
    try:
        path = _path(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_bytes(_MAGIC + json.dumps(facts).encode() + b"\n" + image.code)
        os.replace(draft, path)
    except (OSError, RuntimeError):
        return


@contextmanager
def building(name: str) -> Iterator[None]:
    """Held by the one process that builds an image."""
    import fcntl

    try:
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        file = open(folder() / f".{name}.lock", "w")  # noqa: SIM115 (nothing to lock where the folder is read-only)
    except (OSError, RuntimeError):
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _path(name: str) -> Path:
    return folder() / f"{name}-{_key()}.bin"


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
