"""The packed simulator without AVX-512, without a folder for Numba's cache, and before anyone runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_CHECK = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import networks
from test_packed_random import assert_same

rng = np.random.default_rng(0)
for kind in ("pm1", "ternary", "int"):
    network = networks.random_dense(rng, (100, 40, 30, 10), kind, "uint8", "class", kind == "pm1")
    assert_same(network, networks.random_samples(rng, network, 600))
network = networks.random_conv(rng)
assert_same(network, networks.random_samples(rng, network, 70))
print("same")
"""


@pytest.mark.parametrize("cpu", ["generic"])
def test_other_processors(cpu: str) -> None:
    """LLVM splits the 512-bit vectors, and the three-input logic instruction is not used."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _CHECK, str(Path(__file__).parent)],
        env={**os.environ, "NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("same\n", "", 0)


def test_no_folder_for_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core import caching

    from threshc.sim.packed import kernels

    monkeypatch.setattr(caching.CompileResultCacheImpl, "_locator_classes", [])
    with pytest.raises(RuntimeError, match="cannot cache"):
        kernels.njit(cache=True)(kernels._execute)
    assert callable(kernels._compiled())


def test_importing_the_simulator_does_not_import_numba() -> None:
    code = "import sys, threshc, threshc.sim.packed; print('numba' in sys.modules, 'llvmlite' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
