"""Who imports whom: the files of the package, its rooms, and the order of both.

`python tests/import_graph.py` prints the rooms from the bottom up, the arrows between them, the rooms within `hdl`
likewise, and every circle. An import counts wherever it stands, in a function or for types only: it is what a reader
has to follow.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("api", "cli", "compiler", "hdl", "sim", "tasks", "train")
NO_ROOM = "threshc.version"
"""One string, which every room may read."""

Graph = Mapping[str, Iterable[str]]


def files(root: Path = ROOT) -> dict[str, Path]:
    """Every module of the package, as it is imported, with its path below `root`."""
    found = {}
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            found[_module(path.relative_to(root))] = path.relative_to(root)
    return found


def _module(path: Path) -> str:
    parts = ["threshc", *path.with_suffix("").parts]
    if parts[1] == "api":
        del parts[1]
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def imports(root: Path = ROOT) -> dict[str, set[str]]:
    """For every module, the modules of the package that it imports, without NO_ROOM.

    That the package names its rooms, so that `threshc.sim` is an attribute, makes it depend on none of them.
    """
    modules = files(root)
    found = {
        name: set(_imported((root / path).read_text(encoding="utf-8"), modules)) - {name, NO_ROOM}
        for name, path in modules.items()
    }
    if "threshc" in found:
        found["threshc"] -= {f"threshc.{room}" for room in ROOMS}
    return found


def _imported(text: str, modules: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield inside if inside in modules else node.module


def room(path: Path) -> str:
    """The room of a file at the top: `hdl`."""
    return path.parts[0]


def inner_room(path: Path) -> str:
    """The room of a file within its room: `hdl/flow`; a file that lies loose is a room of its own: `hdl/naming.py`."""
    return "/".join(path.parts[:2])


def arrows(edges: Graph, name: Mapping[str, str]) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """The arrows between groups of modules, each with the imports that make it. name: the group of every module."""
    found: dict[str, dict[str, list[tuple[str, str]]]] = {group: {} for group in sorted(set(name.values()))}
    for module, targets in edges.items():
        for target in sorted(targets):
            if module in name and target in name and name[module] != name[target]:
                found[name[module]].setdefault(name[target], []).append((module, target))
    return found


def circles(edges: Graph) -> list[frozenset[str]]:
    """The strongly connected components of more than one node, after Tarjan (SIAM J. Comput. 1972)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[frozenset[str]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for target in sorted(edges.get(node, ())):
            if target not in number:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], number[target])
        if low[node] == number[node]:
            members = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(members) > 1:
                found.append(frozenset(members))

    for node in sorted(edges):
        if node not in number:
            visit(node)
    return found


def order(edges: Graph) -> list[set[str]]:
    """The nodes in floors: each imports only from floors below. What is in a circle or above one is left out."""
    left = {node: set(targets) for node, targets in edges.items()}
    floors: list[set[str]] = []
    below: set[str] = set()
    while floor := {node for node, targets in left.items() if targets <= below}:
        floors.append(floor)
        below |= floor
        for node in floor:
            del left[node]
    return floors


def contracted(edges: Graph) -> dict[str, set[str]]:
    """The graph with each circle as one node, named by its members, so that the rest has an order."""
    name = {node: node for node in edges}
    for circle in circles(edges):
        name |= dict.fromkeys(circle, "{" + ", ".join(sorted(circle)) + "}")
    found: dict[str, set[str]] = {}
    for node, targets in edges.items():
        found.setdefault(name[node], set()).update(name[target] for target in targets)
    return {node: targets - {node} for node, targets in found.items()}


def _print(title: str, graph: Mapping[str, Mapping[str, list[tuple[str, str]]]]) -> None:
    print(f"{title}, from the bottom up, with the number of imports on each arrow:")
    for floor in order(contracted(graph)):
        for name in sorted(floor):
            if name in graph:
                print(
                    f"  {name} -> {', '.join(f'{t} {len(who)}' for t, who in sorted(graph[name].items())) or 'nothing'}"
                )
            else:
                print(f"  CIRCLE {name}")
    print()


def main() -> None:
    """Prints all of it."""
    modules, edges = files(), imports()
    _print(f"{len(modules)} files in {len(ROOMS)} rooms", arrows(edges, {m: room(p) for m, p in modules.items()}))
    hdl = {m: inner_room(p) for m, p in modules.items() if room(p) == "hdl"}
    _print("Rooms within hdl", arrows(edges, hdl))
    for circle in circles(edges):
        print(f"circle of files: {', '.join(sorted(circle))}")


if __name__ == "__main__":
    main()
