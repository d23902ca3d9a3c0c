"""What the packed simulator takes from Numba that Numba does not promise to keep, and what happens without it."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_packed_machine import fresh

from threshc.sim.packed.machine import compile as engines
from threshc.sim.packed.machine import elf, image

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
_HERE = f"Numba {version('numba')} with llvmlite {version('llvmlite')}"

_WITHOUT_THE_PRIVATE_PART = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import networks
from threshc.sim import packed, reference
from threshc.sim.packed.machine import compile as engines

def lost(callback):
    raise AttributeError("no attribute '_library'")

engines._image_of = lost
rng = np.random.default_rng(0)
network = networks.random_dense(rng, (10, 6, 3), "ternary", "uint8")
x = networks.random_samples(rng, network, 5)
assert (packed.run(network, x).labels == reference.run(network, x).labels).all()
print("numba" in sys.modules)
"""

_NO_MEMORY_AT_FIRST = """
import sys
sys.path.insert(0, sys.argv[1])
from threshc.sim.packed.machine import compile as engines
try:
    engines._numba()
except OSError as error:
    print(error)
print(engines._numba().core.half.done)
"""


def test_an_import_of_numba_that_failed_can_be_tried_again(tmp_path: Path) -> None:
    """Without memory for a library, `import numba` leaves halves behind that a second import stumbles over."""
    (tmp_path / "numba" / "core").mkdir(parents=True)
    (tmp_path / "numba" / "core" / "__init__.py").write_text("")
    (tmp_path / "numba" / "core" / "half.py").write_text("done = True\n")
    flag = tmp_path / "tried"
    (tmp_path / "numba" / "__init__.py").write_text(
        f"import pathlib, numba.core.half\nflag = pathlib.Path({str(flag)!r})\n"
        "if not flag.exists():\n    flag.touch()\n    raise OSError('no memory')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", _NO_MEMORY_AT_FIRST, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split("\n") == ["no memory", "True", ""], done.stderr


@pytest.fixture(scope="module")
def callback() -> object:
    return engines.compiled("team")


@pytest.mark.skipif(not image.supported(), reason="images are for x86-64 Linux")
def test_this_numba_gives_its_machine_code(callback: object) -> None:
    """The canary: without this everything still works, but every process compiles for some seconds."""
    try:
        made = engines._image_of(callback)
    except Exception as error:
        pytest.fail(
            f"{_HERE} does not give its machine code in the way that machine/compile.py takes it ({error!r}). Every "
            "process compiles now. Mend `_image_of` for this version, or lower the bound of numba in pyproject.toml."
        )
    assert made.code
    assert 0 <= made.entry < len(made.code)


@pytest.mark.parametrize("library", [None, SimpleNamespace(), SimpleNamespace(_final_module="no LLVM assembly")])
def test_another_numba_gives_none(library: object) -> None:
    assert engines.image_of(SimpleNamespace(_library=library, native_name="f")) is None


def test_without_it_everything_works(tmp_path: Path) -> None:
    done = fresh(_WITHOUT_THE_PRIVATE_PART, THRESHC_CACHE=str(tmp_path))
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
    assert not list(tmp_path.rglob("words-*.bin"))


@pytest.mark.skipif(not image.supported(), reason="images are for x86-64 Linux")
def test_an_unknown_call_is_not_linked(callback: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stub that traps is for the error paths alone: a new Numba may call something that matters."""
    monkeypatch.setattr(elf, "_ERRORS", ("Py", "NRT_Free", "NRT_MemInfo_call_dtor"))
    with pytest.raises(elf.NotLinkable, match="it needs numba_"):
        engines._image_of(callback)
    assert engines.image_of(callback) is None


def test_numba_has_an_upper_bound_that_the_suite_runs_on() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    bound = re.search(r'"numba>=[\d.]+,<(\d+)\.(\d+)".*suite runs on ([\d.]+) \(llvmlite ([\d.]+)\)', text)
    assert bound is not None
    here = tuple(int(part) for part in version("numba").split(".")[:2])
    assert here < (int(bound[1]), int(bound[2])), f"{_HERE}: raise the bound in pyproject.toml when this suite passes"
