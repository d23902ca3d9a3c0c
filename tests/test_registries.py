"""What a registry holds is complete, and the tests take it from there: a new entry is tested without another word."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from import_graph import ROOT

import threshc
import threshc.train
from threshc.cli.app import app
from threshc.cli.train import commands
from threshc.compiler.discovery import entries, modules
from threshc.compiler.frontend.context import lowerings
from threshc.compiler.frontend.graph import Node
from threshc.compiler.frontend.kernels.registry import find_kernel, kernels
from threshc.compiler.passes.pipeline import pass_names
from threshc.hdl.families.registry import families
from threshc.hdl.targets.registry import targets
from threshc.hdl.unrolled.neurons import ARCHITECTURES
from threshc.sim import rtl
from threshc.train.registry import TRAINERS

REGISTRIES = {
    "architectures": tuple(ARCHITECTURES),
    "families": tuple(families()),
    "targets": tuple(targets()),
    "trainers": tuple(trainer.estimator for trainer in TRAINERS),
}
BY_HAND: dict[tuple[str, tuple[str, ...]], str] = {
    ("test_proof_rewrite.py", ("tree", "compressor", "compressor63")): (
        "those whose heaps are added up; the others are proved column by column, in test_proof.py"
    ),
    ("test_plan_mixed.py", ("up5k-sg48", "hx8k-ct256", "ecp5-25f", "gw2ar-18c")): (
        "bare devices of several sizes and families, on each of which the network has another plan"
    ),
    ("test_chain.py", ("icebreaker", "hx8k-ct256", "ulx3s-85f")): (
        "a board and a bare device of one family, and a board of another: every target is built in test_flow_build.py"
    ),
}
"""Lists of names in tests that are not to follow a registry: file, names, and why."""


def _files(folder: str) -> list[str]:
    return sorted(p.stem for p in (ROOT / folder).glob("*.py") if p.stem != "__init__")


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_every_architecture_is_registered() -> None:
    """Every class in hdl/unrolled/neurons that has a name of its own."""
    found = set()
    for file in _files("hdl/unrolled/neurons"):
        for node in ast.walk(_tree(ROOT / f"hdl/unrolled/neurons/{file}.py")):
            if (
                isinstance(node, ast.AnnAssign)
                and ast.unparse(node.target) == "name"
                and isinstance(node.value, ast.Constant)
            ):
                found.add(node.value.value)
    assert found == set(ARCHITECTURES)
    assert all(a.name == name for name, a in ARCHITECTURES.items())


@pytest.mark.parametrize(("folder", "base"), [("hdl/families", families), ("hdl/targets", targets)])
def test_every_file_of_a_discovered_room_has_an_entry(folder: str, base: object) -> None:
    """A file without FAMILY or TARGET would be overlooked in silence."""
    helpers = {"base", "block_rams", "clock", "gatemate_memories", "links", "lut_roms", "models", "registry"}
    assert set(_files(folder)) - helpers == {
        file for file in _files(folder) if _assigned(ROOT / folder / f"{file}.py") & {"FAMILY", "TARGET"}
    }
    assert len(base()) == len(set(_files(folder)) - helpers)  # type: ignore[operator]


def _assigned(path: Path) -> set[str]:
    return {ast.unparse(t) for node in _tree(path).body if isinstance(node, ast.Assign) for t in node.targets}


def _decorated(folder: str, decorator: str) -> set[str]:
    """The operators that decorators in a folder name, whatever their domain is called."""
    found = set()
    for file in _files(folder):
        for node in ast.walk(_tree(ROOT / folder / f"{file}.py")):
            for use in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                if isinstance(use, ast.Call) and ast.unparse(use.func) == decorator:
                    found |= {a.value.rpartition(":")[2] for a in use.args if isinstance(a, ast.Constant)}
    return found


@pytest.mark.parametrize(
    ("folder", "decorator", "table"), [("kernels", "kernel", kernels), ("lowerings", "lowers", lowerings)]
)
def test_every_kernel_and_lowering_is_found(folder: str, decorator: str, table: Callable[[], Collection[Any]]) -> None:
    """The tables have what the files say, although no list names the files."""
    wanted = _decorated(f"compiler/frontend/{folder}", decorator)
    assert len(wanted) > 20
    assert wanted <= {op for _, op in table()}


def test_a_new_file_is_found_by_being_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel, a target: what `modules` and `entries` see of a folder is what lies in it."""
    (tmp_path / "some_room").mkdir()
    for name, text in (("__init__", ""), ("b", "TARGET = 2"), ("a", "TARGET = 1"), ("helper", "")):
        (tmp_path / f"some_room/{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert [module.__name__ for module in modules("some_room")] == [f"some_room.{n}" for n in ("a", "b", "helper")]
    assert entries("some_room", "TARGET") == [1, 2]
    for name in [n for n in sys.modules if n.partition(".")[0] == "some_room"]:
        del sys.modules[name]


_TWICE = """
from threshc.compiler.frontend.kernels.registry import kernel, need

@kernel("made.up:Twice", types=("F",))
def twice(node, args):
    return [2 * need(args, 0)]
"""


def test_an_operator_is_one_file_that_nothing_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel in a file beside the others is found and computes."""
    (tmp_path / "twice.py").write_text(_TWICE, encoding="utf-8")
    room = import_module("threshc.compiler.frontend.kernels")
    monkeypatch.setattr(room, "__path__", [*room.__path__, str(tmp_path)])
    node = Node("Twice", "made.up", "n", ("x",), ("y",), {}, 1)
    assert find_kernel(node) is None
    kernels.cache_clear()
    try:
        found = find_kernel(node)
        assert found is not None
        np.testing.assert_array_equal(found.compute(node, [np.array([3.0])])[0], [6.0])
    finally:
        kernels().pop(("made.up", "Twice"), None)
        sys.modules.pop(f"{room.__name__}.twice", None)


def _defined(path: Path) -> set[str]:
    """The functions and classes of a file, methods as CLASS.METHOD."""
    found = set()
    for node in _tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{method.name}" for method in node.body if isinstance(method, ast.FunctionDef)}
    return found


def test_every_pass_is_in_the_pipeline() -> None:
    asked_for = {"MinimizeWeights", "QuantizeWeights"}  # by --weight-bits
    files = [ROOT / f"compiler/passes/{file}.py" for file in _files("compiler/passes") if file != "pipeline"]
    found = {name.partition(".")[0] for path in files for name in _defined(path) if name.endswith(".apply")}
    assert found - asked_for == set(pass_names())


def test_every_command_is_registered() -> None:
    """A file of cli/ with a function of its own name is a command, but for the entry point."""
    found = {file for file in _files("cli") if file in _defined(ROOT / f"cli/{file}.py")}
    assert found - {"main"} == {command.name for command in app.registered_commands}


VERBS = (
    "build",
    "compile",
    "doctor",
    "fit",
    "load",
    "load_weights",
    "partition",
    "program",
    "prove",
    "run",
    "simulate",
    "verify",
    "warm",
)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_a_file_of_its_own(verb: str) -> None:
    """Its one public function has the name of the file; what helps it lies in other files of tasks/."""
    found = _defined(ROOT / f"tasks/{verb}.py")
    functions = {name for name in found if name[0] != "_" and name[0].islower()}
    assert functions == {verb}


def test_every_public_function_is_a_verb() -> None:
    functions = {name for name in threshc.__all__ if callable(getattr(threshc, name)) and name[0].islower()}
    assert functions <= set(VERBS)


def test_every_rtl_simulator_is_registered() -> None:
    """A file of sim/rtl/ with `missing` and `simulate` is one."""
    found = {file for file in _files("sim/rtl") if {"missing", "simulate"} <= _defined(ROOT / f"sim/rtl/{file}.py")}
    assert {file.removesuffix("_driver") for file in found} == set(rtl.available())


def test_every_peer_is_asked() -> None:
    """A file NAME_peer of sim/peers/ defines `NAME_peer`, which `find_peer` tries."""
    tried = {node.id for node in ast.walk(_tree(ROOT / "sim/peers/find.py")) if isinstance(node, ast.Name)}
    assert {file for file in _files("sim/peers") if file.endswith("_peer")} <= tried


def test_every_trainer_is_trained_on_every_data_set() -> None:
    """`tests/test_train_everything.py` has each estimator that `threshc.train` names."""
    text = (ROOT / "tests/test_train_everything.py").read_text(encoding="utf-8")
    own = {"RVSCGDOneLayer": "a regressor of real values, in test_train_rvscgd_one_layer.py"}
    missing = [name for name in REGISTRIES["trainers"] if f'"{name}"' not in text and name not in own]
    assert missing == []


def test_type_checkers_see_every_trainer_where_it_is() -> None:
    """What type checkers read of `threshc.train` and what is imported on first use are the same."""
    (block,) = (n for n in _tree(ROOT / "train/registry.py").body if isinstance(n, ast.If))
    seen = {a.name: n.module for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert seen == threshc.train._HOMES
    assert set(threshc.train.__all__) == set(seen)
    assert all(a.name == a.asname for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names)


def test_every_estimator_is_registered() -> None:
    """Every class in train/ that scikit-learn's `fit` and `export_onnx` are called on, as far as they stand in it."""
    found = {
        node.name
        for file in (*(f"train/{f}.py" for f in _files("train")), *(f"train/deep/{f}.py" for f in _files("train/deep")))
        for node in _tree(ROOT / file).body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(f, ast.FunctionDef) and f.name == "__init__" for f in node.body)
        and (node.name.endswith(("Classifier", "Regressor")) or {"fit", "export_onnx"} <= _methods(node))
    }
    assert found == set(REGISTRIES["trainers"])


def _methods(node: ast.ClassDef) -> set[str]:
    return {f.name for f in node.body if isinstance(f, ast.FunctionDef)}


@pytest.mark.parametrize("command", commands())
def test_every_training_command_is_run_by_a_test(command: str) -> None:
    tests = [p.read_text(encoding="utf-8") for p in sorted((ROOT / "tests").glob("test_*.py"))]
    assert any(f'"{command}"' in text or f"train {command}" in text or f'"{command} ' in text for text in tests)


def _lists() -> Iterator[tuple[str, tuple[str, ...]]]:
    """File and words of every literal list, tuple or set of words in the tests, and words in the keys of dicts."""
    for path in sorted({*(ROOT / "tests").glob("*.py")} - {Path(__file__).resolve()}):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.List | ast.Tuple | ast.Set):
                words = [e.value for e in node.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
                yield path.name, tuple(words)


@pytest.mark.parametrize("kind", ["architectures", "families", "targets"])
def test_no_test_lists_by_hand_what_a_registry_holds(kind: str) -> None:
    """Three names of one registry in one literal are a list that the next entry would be missing from."""
    names = REGISTRIES[kind]
    found = {(file, tuple(w for w in words if w in names)) for file, words in _lists()}
    hits = {(file, words) for file, words in found if len(set(words)) >= 3}
    wanted = {key for key in BY_HAND if set(key[1]) <= set(names)}
    assert hits - wanted == set(), "take these from the registry"
    assert wanted - hits == set(), "these are gone: take them out of BY_HAND"


def test_random_tests_do_not_pass_by_refusing() -> None:
    """A test_random_* that catches a refusal ends in `assume(False)`: such examples do not count, and
    Hypothesis fails where most are refused. Others count what was answered."""
    lenient = []
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        for function in _tree(path).body:
            if not isinstance(function, ast.FunctionDef) or not function.name.startswith("test_random"):
                continue
            for handler in (n for n in ast.walk(function) if isinstance(n, ast.ExceptHandler)):
                if "assume(False)" not in (last := ast.unparse(handler.body[-1])) and not last.startswith("raise"):
                    lenient.append(f"{path.name}: {function.name}")
    assert lenient == []
