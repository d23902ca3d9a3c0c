"""What is installed: a wheel from the sdist in a fresh environment has every room, and nothing at the top level."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOMS = ("cli", "compiler", "hdl", "sim", "tasks", "train")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist of a clean copy of the sources (build's own default order)."""
    pytest.importorskip("build", reason="needs the PyPI package build")
    folder = tmp_path_factory.mktemp("wheel")
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, cwd=root, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("needs a git checkout")
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, goal = root / name, folder / "source" / name
        if source.is_file() and not source.is_symlink():
            goal.parent.mkdir(parents=True, exist_ok=True)
            goal.write_bytes(source.read_bytes())
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "source"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = (folder / "dist").glob("*.whl")
    return made


def test_wheel_has_every_module_and_nothing_else(wheel: Path, root: Path) -> None:
    names = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    api = {f"threshc/{p.name}" for p in (root / "api").iterdir() if p.suffix == ".py" or p.name == "py.typed"}
    rooms = {f"threshc/{p.relative_to(root)}" for room in ROOMS for p in (root / room).rglob("*.py")}
    templates = {f"threshc/{p.relative_to(root)}" for p in (root / "tasks/html").glob("*.j2")}
    assert templates
    assert names == api | rooms | templates


def test_wheel_works_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    """Dependencies come from this environment; threshc itself must come from the wheel."""
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    python = tmp_path / "venv/bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, capture_output=True, check=True)
    where = [python, "-c", "import site; print(site.getsitepackages()[0])"]
    site = subprocess.run(where, capture_output=True, text=True, check=True)
    installed = {p.name for p in Path(site.stdout.strip()).iterdir()}
    assert not installed & {*ROOMS, "api", "tests", "bench"}
    assert "threshc" in installed
    code = f"""
import sys
sys.path.append({sysconfig.get_paths()["purelib"]!r})
import threshc, pathlib
home = pathlib.Path(threshc.__file__).parent
assert (home / "py.typed").is_file()
print(home, threshc.load.__name__, threshc.Network.__name__)"""
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(Path(site.stdout.strip()) / "threshc"), "load", "Network"]
    assert (tmp_path / "venv/bin/threshc").is_file()
