"""The public names: no more, no less, each in use, and none of them loads anything heavy by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import threshc

pytestmark = pytest.mark.slow

PUBLIC = [
    "CircuitOptions",
    "CompileError",
    "ModelOptions",
    "Network",
    "__version__",
    "build",
    "compile",
    "fit",
    "load",
    "prove",
    "simulate",
    "verify",
]
ROOMS = ["cli", "compiler", "hdl", "sim", "tasks", "train"]
HEAVY = ("numpy", "onnx", "numba", "amaranth", "onnxruntime", "rich")


def test_all_is_exactly_the_public_names() -> None:
    assert threshc.__all__ == PUBLIC
    assert dir(threshc) == sorted([*PUBLIC, *ROOMS])


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_are_attributes(room: str) -> None:
    """In a new process, where nothing else has imported them."""
    code = f"import threshc, sys; assert 'threshc.{room}' not in sys.modules or {room!r} == 'compiler'"
    assert _run(f"{code}; print(threshc.{room}.__name__)").strip() == f"threshc.{room}"


def test_the_trainers_are_reached_by_attributes() -> None:
    assert _run("import threshc; print(min(threshc.train.__all__))").strip() == "ConvexThresholdClassifier"


def test_type_checkers_see_the_rooms_as_modules(root: Path) -> None:
    """Imported for types, each under its own name again: without that, `__getattr__` makes them Any."""
    text = (root / "api/__init__.py").read_text(encoding="utf-8")
    assert [room for room in ROOMS if f"    from threshc import {room} as {room}\n" not in text] == []


def test_nothing_else_leaks() -> None:
    code = """
import threshc, types, json
for name in threshc.__all__: getattr(threshc, name)
print(json.dumps(sorted(n for n, v in vars(threshc).items()
    if not n.startswith("_") and not isinstance(v, types.ModuleType))))"""
    found = json.loads(_run(code))
    helpers = {"Any", "TYPE_CHECKING", "annotations", "import_module"}
    assert set(found) - helpers == set(PUBLIC) - {"__version__"}


def test_submodules_do_not_shadow_functions() -> None:
    code = "import threshc, threshc.tasks.load, threshc.tasks.compile, threshc.tasks.build, threshc.tasks.verify"
    code += "\nprint(all(callable(getattr(threshc, n)) for n in ('load', 'compile', 'build', 'simulate', 'verify')))"
    assert _run(code).strip() == "True"


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        threshc.laod  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("module", ["threshc", "threshc.cli.main", "threshc.cli.app"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    assert _run(code).split() == []


def test_type_checkers_see_every_module(root: Path) -> None:
    """`.typing/threshc` has a link for every file of api/ and every room."""
    links = root / ".typing" / "threshc"
    modules = {p.name for p in (root / "api").glob("*.py")}
    rooms = {"cli", "compiler", "hdl", "sim", "tasks", "train"}
    assert {p.name for p in links.iterdir()} == modules | rooms
    assert all(p.resolve().exists() for p in links.iterdir())


def test_the_way_through(digits: Path, tmp_path: Path) -> None:
    data = np.load(digits / "digits_test.npz")
    network = threshc.load(digits / "digits.onnx")
    assert isinstance(network, threshc.Network)
    packed = threshc.simulate(network, data["x"])
    reference = threshc.simulate(network, data["x"], engine="reference")
    assert packed.labels is not None
    assert reference.labels is not None
    assert packed.scores is not None
    assert packed.scores.shape == (450, 10)
    np.testing.assert_array_equal(packed.labels, reference.labels)
    for mine, meaning in zip(packed.bits, reference.bits, strict=True):
        np.testing.assert_array_equal(mine, meaning)
    assert np.mean(packed.labels == data["true"]) == 430 / 450
    report = threshc.compile(digits / "digits.onnx", tmp_path / "out", samples=3, simulator="amaranth")
    assert (report.simulation.equal, report.simulation.samples) == (3, 3)
    again = threshc.load(tmp_path / "out")
    np.testing.assert_array_equal(threshc.simulate(again, data["x"]).labels, packed.labels)


def test_rtl_engine_gives_the_same_bits(root: Path) -> None:
    network = threshc.load(root / "examples/xor/xor.onnx", input="bit")
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    rtl = threshc.simulate(network, x, engine="rtl")
    reference = threshc.simulate(network, x, engine="reference")
    np.testing.assert_array_equal(rtl.labels, [0, 1, 1, 0])
    for mine, meaning in zip(rtl.bits, reference.bits, strict=True):
        np.testing.assert_array_equal(mine, meaning)


def test_verify_reports_equality(root: Path) -> None:
    report = threshc.verify(root / "examples/xor/xor.onnx", input="bit", samples=16, rtl=False)
    assert report.ok
    assert "reference = packed" in str(report)


def test_an_unknown_engine_is_named(root: Path) -> None:
    network = threshc.load(root / "examples/xor/xor.onnx", input="bit")
    with pytest.raises(threshc.CompileError, match="there is no engine 'fast'\n  where: engine=\n  try: packed"):
        threshc.simulate(network, np.zeros((1, 2), int), engine="fast")  # type: ignore[arg-type]


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout
