"""The shape of the package: who may import whom. `python tests/import_graph.py` prints the graph that is judged here.

Lists of exceptions may only become shorter: an exception that the code does not need any more fails as well.
"""

from __future__ import annotations

import re
from pathlib import Path

import import_graph
import pytest

MODULES = import_graph.files()
IMPORTS = import_graph.imports()
ROOM_OF = {module: import_graph.room(path) for module, path in MODULES.items()}

KNOTS: dict[frozenset[str], str] = {}
"""Circles of files, and why each is still there."""

UPWARD: dict[tuple[str, str], str] = {}
"""Arrows within `hdl` that run against the order of its rooms, and what would turn each."""


def _table(root: Path) -> dict[str, str]:
    """The column `may import` of the table of rooms, by folder."""
    (page,) = root.glob("docs/**/architecture.md")
    rows = re.findall(
        r"^\| `(\w+)/` \| `threshc[\w.]*` \|[^|]*\|([^|]*)\|$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {room: allowed.strip() for room, allowed in rows}


def test_the_table_has_every_room(root: Path) -> None:
    assert set(_table(root)) == set(import_graph.ROOMS)


@pytest.mark.parametrize("room", import_graph.ROOMS)
def test_rooms_import_what_the_table_allows(room: str, root: Path) -> None:
    """`all`, `nothing of ours`, or rooms, and behind a semicolon `only FILES import ROOM`."""
    allowed = _table(root)[room]
    if allowed == "all":
        return
    rooms, _, some = allowed.partition(";")
    everywhere = {room, *(set(re.findall(r"\w+", rooms)) & set(import_graph.ROOMS))}
    narrow = re.fullmatch(r" only `([\w/.*]+)` import (\w+)", some)
    assert bool(some) == bool(narrow), f"the table says {some!r}"
    for module, targets in IMPORTS.items():
        if ROOM_OF[module] != room:
            continue
        extra = {narrow[2]} if narrow and MODULES[module].match(narrow[1]) else set()
        wrong = {target for target in targets if ROOM_OF[target] not in everywhere | extra}
        assert not wrong, f"{MODULES[module]} imports {', '.join(sorted(wrong))}; {room} may import: {allowed}"


def test_few_rooms_at_the_top_and_arrows_one_way() -> None:
    arrows = import_graph.arrows(IMPORTS, ROOM_OF)
    assert len(arrows) <= 12
    assert import_graph.circles(arrows) == []


def test_no_circles_of_files() -> None:
    found = set(import_graph.circles(IMPORTS))
    new, gone = found - set(KNOTS), set(KNOTS) - found
    assert not new, "circles of files: " + "; ".join(", ".join(sorted(c)) for c in new)
    assert not gone, "these circles are gone, take them out of KNOTS: " + "; ".join(", ".join(sorted(c)) for c in gone)


def test_no_upward_arrow_within_hdl() -> None:
    """Without the exceptions the rooms of hdl have an order, and each exception alone spoils it."""
    inner = {m: import_graph.inner_room(p) for m, p in MODULES.items() if ROOM_OF[m] == "hdl"}
    arrows = {room: set(targets) for room, targets in import_graph.arrows(IMPORTS, inner).items()}
    for room, target in UPWARD:
        assert target in arrows.get(room, ()), f"{room} -> {target} is gone, take it out of UPWARD"
        arrows[room].discard(target)
    assert import_graph.circles(arrows) == []
    for room, target in UPWARD:
        back = {**arrows, room: arrows[room] | {target}}
        assert import_graph.circles(back), f"{room} -> {target} is no longer an upward arrow, take it out of UPWARD"


@pytest.mark.parametrize("checker", ["check", "folded_core", "folded_memory", "folded_network"])
def test_the_checker_trusts_nothing_of_the_optimizer(checker: str) -> None:
    """All that it brings along is of the proof's own room and of the compiler."""
    seen, left = set(), [f"threshc.hdl.proof.{checker}"]
    while left:
        module = left.pop()
        if module not in seen:
            seen.add(module)
            left += IMPORTS[module]
    assert {m for m in seen if ROOM_OF[m] != "compiler" and not m.startswith("threshc.hdl.proof")} == set()
    assert not {m for m in seen if m.startswith(("threshc.compiler.passes", "threshc.compiler.frontend"))}


def test_circles_are_found() -> None:
    """The judge itself: a circle of three, one of two, and an order."""
    edges = {"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": ["e"], "e": ["d"], "f": ["a"], "g": []}
    assert set(import_graph.circles(edges)) == {frozenset("abc"), frozenset("de")}
    assert import_graph.order({"a": ["b", "c"], "b": ["c"], "c": []}) == [{"c"}, {"b"}, {"a"}]
    assert import_graph.contracted(edges)["{a, b, c}"] == {"{d, e}"}


def test_imports_are_found(tmp_path: Path) -> None:
    """In functions, for types only, of names and of modules."""
    (tmp_path / "hdl").mkdir()
    (tmp_path / "hdl/__init__.py").write_text("")
    (tmp_path / "hdl/b.py").write_text("def f():\n    from threshc.hdl import a\n")
    (tmp_path / "hdl/a.py").write_text("if TYPE_CHECKING:\n    from threshc.hdl.b import f\nimport threshc.hdl\n")
    assert import_graph.imports(tmp_path) == {
        "threshc.hdl": set(),
        "threshc.hdl.a": {"threshc.hdl", "threshc.hdl.b"},
        "threshc.hdl.b": {"threshc.hdl.a"},
    }


@pytest.mark.parametrize(("folders", "most"), [(import_graph.ROOMS, 300), (("bench", "fuzz", "tests"), 400)])
def test_files_are_short(folders: tuple[str, ...], most: int, root: Path) -> None:
    long = {}
    for folder in folders:
        for path in (root / folder).rglob("*.py"):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > most:
                long[str(path.relative_to(root))] = lines
    assert long == {}


@pytest.mark.parametrize("room", ["cli", "compiler", "sim", "train"])
def test_progress_is_one_type_under_one_name(room: str, root: Path) -> None:
    """A callback that takes a text is a Progress or a Note of compiler/progress.py, and is called so."""
    allowed = root / "compiler/progress.py"
    for path in sorted(set((root / room).rglob("*.py")) - {allowed}):
        text = path.read_text(encoding="utf-8")
        assert "Callable[[str], None]" not in text, f"{path}: Progress or Note"
        assert not re.search(r"\b(say|tell|told): (Progress|Note|Callable)|\bas (say|told):", text), f"{path}: progress"
