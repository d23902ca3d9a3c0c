"""Too little memory to compile the engines: an error before LLVM would end the process, and right results after it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from threshc.compiler.diagnostics import CompileError
from threshc.sim.packed.machine import code

_LIMITED = """
import resource, sys
import numpy as np
import threshc
from threshc.compiler.diagnostics import CompileError

network, x = threshc.load(sys.argv[1]), np.load(sys.argv[2])["x"][:20]
want = threshc.simulate(network, x, engine="reference").labels
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20), resource.RLIM_INFINITY))
try:
    threshc.simulate(network, x)
except CompileError as error:
    print(error.diagnostics[0].what)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print((threshc.simulate(network, x).labels == want).all())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the size of a process is read from /proc")
def test_a_limit_of_memory_is_an_error_and_no_abort(root: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "THRESHC_CACHE": str(tmp_path)}
    command = [
        sys.executable,
        "-c",
        _LIMITED,
        *(str(root / "examples/digits" / n) for n in ("digits.onnx", "digits_test.npz")),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["there is too little memory to compile the simulator", "True"]


@pytest.mark.parametrize(("free", "enough"), [(None, True), (code._NEED, True), (code._NEED - 1, False), (0, False)])
def test_memory_is_asked_for_first(free: int | None, enough: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "available", lambda: free)
    if enough:
        code._want_memory("words")
        return
    with pytest.raises(CompileError, match=r"too little memory to compile the simulator(.|\n)*'words'(.|\n)*ulimit -v"):
        code._want_memory("words")
