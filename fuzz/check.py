"""The invariant that every case must keep, checked in the process that runs it."""

from __future__ import annotations

import math
import os
import random
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped,unused-ignore]

from fuzz.mutate import damaged, mutated, write_case
from fuzz.seeds import seeds
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.encoding import Step
from threshc.compiler.frontend.load import load
from threshc.compiler.ir.network import Network
from threshc.sim import reference

SMALL = 1 << 20  # values of one sample up to which a network is run


class Violation(Exception):
    """What a case did that it must not."""


class TooSlow(BaseException):
    """Not an Exception, so that no handler of the code under test can swallow it."""


def case_bytes(seed: int) -> tuple[bytes, str | None, str]:
    """(file content, input encoding, description) of a numbered case."""
    rng = random.Random(seed)
    name, model, encoding = rng.choice(seeds())
    data = None
    if rng.random() < 0.85:
        data = mutated(rng, model).SerializeToString()
    if data is None or rng.random() < 0.05:
        data = damaged(rng, data or model.SerializeToString())
    if rng.random() < 0.1:
        encoding = rng.choice((None, "uint8", "bipolar", "bit", "int4*0.5", "uint8/255"))
    return data, encoding, name


def check(data: bytes, encoding: str | None, folder: Path, seconds: float = 5.0, by_path: bool = True) -> str:
    """Load a model and run two samples of the network. Returns `read` or the first words of the refusal.

    Raises Violation for anything but a network or a CompileError: other exceptions, warnings, writing a file, reading
    one outside the folder, more than `seconds` of processor time.
    """
    source = write_case(folder, data) if by_path else data
    seconds *= max(1.0, _features(data) / 50_000)  # the time that is allowed grows with the sample
    with _watched(folder), _clocked(seconds), warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            network = load(source, input=encoding)
        except CompileError as error:
            if not str(error).strip() or any(not d.what for d in error.diagnostics):
                raise Violation("a CompileError without words") from error
            return error.diagnostics[0].what
        except Exception as error:
            raise Violation(_shown("load", error)) from error
        except TooSlow as error:
            raise Violation(f"load: more than {seconds:g} s\n{_stack(error)}") from error
        try:
            _run(network)
        except Exception as error:
            raise Violation(_shown("reference", error)) from error
        except TooSlow as error:
            raise Violation(f"reference: more than {seconds:g} s\n{_stack(error)}") from error
    return "read"


def _features(data: bytes) -> float:
    """The size of a sample that the model states, up to the 16 million that are taken."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        return 0.0
    sizes = [math.prod(max(d.dim_value, 1) for d in i.type.tensor_type.shape.dim) for i in model.graph.input]
    return min(max(sizes, default=0), 1 << 24)


def _run(network: Network) -> None:
    if sum(int(np.prod(t.shape)) for t in network.types) > SMALL:
        return
    encoding = network.input.encoding
    if isinstance(encoding, Step):
        x = np.stack([np.full(encoding.features, v, np.float32) for v in (-1.0, 1.0)])
    else:
        x = np.stack([np.full(network.input.shape, v, np.int64) for v in (encoding.lo, encoding.hi)])
    result = reference.run(network, x)
    if any(len(v) != 2 for v in result.values):
        raise AssertionError("a result does not have two samples")


def _shown(where: str, error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    last = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames[-4:]]
    return f"{where}: {type(error).__name__}: {str(error)[:300]}\n  " + "\n  ".join(last)


def _stack(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return "\n".join(f"  {Path(f.filename).name}:{f.lineno} {f.name}" for f in frames[-6:])


@contextmanager
def _clocked(seconds: float) -> Iterator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


_watching: Path | None = None
_seen: list[str] = []
_hooked = False
_FORBIDDEN = {
    *("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate", "shutil.rmtree"),
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "pickle.find_class"),
}
_READABLE = (sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]), "/proc/", "/sys/")  # Python's own files


def _hook(event: str, args: tuple[Any, ...]) -> None:
    folder = _watching
    if folder is None:
        return
    if event in _FORBIDDEN:
        _seen.append(f"{event} {args[:2]!r}")
    elif event == "open" and isinstance(args[0], str | bytes | os.PathLike):
        path = os.path.realpath(os.fsdecode(args[0]))
        flags = args[2] if isinstance(args[2], int) else 0
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            _seen.append(f"opened for writing: {path}")
        elif not path.startswith((str(folder), *_READABLE)):
            _seen.append(f"read outside the model's folder: {path}")


@contextmanager
def _watched(folder: Path) -> Iterator[None]:
    """Raise Violation at the end for files written or read outside, and for processes or connections started."""
    global _watching, _hooked
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked = True
    _seen.clear()
    _watching = folder.resolve()
    try:
        yield
    finally:
        _watching = None
    if _seen:
        raise Violation("; ".join(_seen[:3]))
