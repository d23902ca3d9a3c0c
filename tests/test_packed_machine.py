"""The packed simulator on other processors, its machine code in the cache, and before anyone runs it."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from threshc.sim.packed.machine import image
from threshc.sim.packed.machine.compile import NAMES
from threshc.sim.packed.planes.layout import KERNELS, LEVELS, NUMBER_LEVELS, SPARSE, TRIPLE_LEVELS

pytestmark = pytest.mark.slow

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


@pytest.mark.parametrize("cpu", ["generic", "haswell"])
def test_other_processors(cpu: str, tmp_path: Path) -> None:
    """LLVM splits the 512-bit vectors, and the three-input logic instruction is not used."""
    features = {"generic": "", "haswell": "+avx,+avx2,+bmi,+bmi2,+popcnt,+fma"}[cpu]
    done = fresh(_CHECK, NUMBA_CPU_NAME=cpu, NUMBA_CPU_FEATURES=features, THRESHC_CACHE=str(tmp_path))
    assert (done.stdout, done.stderr, done.returncode) == ("same\n", "", 0)


def fresh(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(Path(__file__).parent)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


_FEW = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import networks
from threshc.sim import packed, reference

rng = np.random.default_rng(0)
network = networks.random_dense(rng, (100, 40, 10), "pm1", "uint8", "class", True)
x = networks.random_samples(rng, network, 5)
assert (packed.run(network, x).labels == reference.run(network, x).labels).all()
print("numba" in sys.modules)
"""


def test_machine_code_is_built_once_by_parallel_processes(tmp_path: Path) -> None:
    if not image.supported():
        pytest.skip("images are for x86-64 Linux")
    with ThreadPoolExecutor(3) as pool:
        first = list(pool.map(lambda _: fresh(_FEW, THRESHC_CACHE=str(tmp_path)), range(3)))
    assert [done.stderr for done in first] == [""] * 3
    assert sorted(done.stdout for done in first) == ["False\n", "False\n", "True\n"]
    (found,) = tmp_path.glob("code/words-*.bin")
    assert fresh(_FEW, THRESHC_CACHE=str(tmp_path)).stdout == "False\n"
    found.write_bytes(found.read_bytes()[:-1] + b"?")  # damaged: compiled again, and replaced
    assert fresh(_FEW, THRESHC_CACHE=str(tmp_path)).stdout == "True\n"
    assert fresh(_FEW, THRESHC_CACHE=str(tmp_path)).stdout == "False\n"


def test_other_versions_of_the_compiler_are_other_images(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = []
    for numba, llvmlite in (("0.60.0", "0.43.0"), ("0.61.0", "0.43.0"), ("0.60.0", "0.44.0"), ("0.60.0", "0.43.0")):
        for name, version in (("numba", numba), ("llvmlite", llvmlite)):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "__init__.py").write_text("")
            (tmp_path / name / "_version.py").write_text(version)
        monkeypatch.setattr(
            image.importlib.util, "find_spec", lambda name: SimpleNamespace(origin=tmp_path / name / "x")
        )
        image._key.cache_clear()
        keys.append(image._key())
    image._key.cache_clear()
    assert len(set(keys)) == 3
    assert keys[0] == keys[3]


def test_no_folder_for_the_machine_code(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    done = fresh(_FEW, THRESHC_CACHE=str(tmp_path / "file" / "cache"))
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_importing_the_simulator_does_not_import_numba() -> None:
    code = "import sys, threshc, threshc.sim.packed; print('numba' in sys.modules, 'llvmlite' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_first_use_compiles_only_what_the_network_needs(tmp_path: Path) -> None:
    """A small batch needs the words alone, a large one the planes and the kernels of its own layers."""
    if not image.supported():
        pytest.skip("images are for x86-64 Linux")
    assert fresh(_FEW, THRESHC_CACHE=str(tmp_path)).stderr == ""
    assert [path.name.split("-")[0] for path in tmp_path.glob("code/*.bin")] == ["words"]
    assert fresh(_FEW.replace("network, 5", "network, 600"), THRESHC_CACHE=str(tmp_path)).stderr == ""
    found = {path.name.split("-")[0] for path in tmp_path.glob("code/*.bin")}
    assert found == {"words", "planes", "rows_8_16", "rows_6_16"}


@pytest.mark.parametrize("width", [16, 32])
def test_every_kernel_that_a_plan_can_name_is_there(width: int) -> None:
    levels = {"rows": LEVELS, "row_triples": TRIPLE_LEVELS, "number_sums": NUMBER_LEVELS, "sparse": range(len(SPARSE))}
    assert set(levels) == set(KERNELS.values())
    wanted = {f"{kind}_{n}_{width}" for kind, among in levels.items() for n in among}
    assert wanted <= set(NAMES)
