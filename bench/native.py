"""`native.c`, compiled on the spot where there is a C compiler and the processor has AVX-512 with its popcount."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

_NEEDED = {"avx512f", "avx512dq", "avx512_vpopcntdq"}


@cache
def library() -> ctypes.CDLL | None:
    """The compiled functions, None where they cannot be had."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    try:
        features = set(Path("/proc/cpuinfo").read_text().split("\n\n")[0].split())
    except OSError:
        return None
    if compiler is None or not features >= _NEEDED:
        return None
    with tempfile.TemporaryDirectory() as folder:
        goal = Path(folder) / "native.so"
        source = Path(__file__).with_name("native.c")
        done = subprocess.run(
            [compiler, "-O3", "-march=native", "-shared", "-fPIC", str(source), "-o", str(goal)],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{compiler} does not compile {source}:\n{done.stderr}")
        found = ctypes.CDLL(str(goal))
    names = (
        "xnor_layer",
        "sliced_layer",
        "row_triples_9",
        "row_triples_11",
        "port_xnor",
        "port_adder",
        "port_literal",
        "read_all",
    )
    for name in names:
        getattr(found, name).restype = None
    return found
