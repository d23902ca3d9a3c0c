"""Docstrings of public functions are sentences: as far as a program can tell, the first one has a verb.

It begins with a verb in the third person ("Returns ..", "Raises CompileError .."), refers to another docstring ("See
`Reduce`."), or has its verb behind a short subject ("Nothing is dropped .."). Properties, which are read like fields,
may be named as fields are; help texts of commands may begin with an imperative.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from import_graph import ROOMS, ROOT

DONE = ("api", "tasks", "cli", "compiler", "sim", "hdl", "train")
"""The rooms that are held to it."""
_NOUNS = "Bits Words Rows Names Nets Planes Values Levels Sums Samples Numbers Integers Its This"
"""Words that look like verbs of the third person and are none."""
_THIRD_PERSON = re.compile(r"[A-Z][a-z]*s[,:]?")
_SUBJECT = r"(?:(?!(?:that|which|what|whether|where|how)\b)\S+ ){1,6}?"
_VERB = r"(?:is|are|was|were|has|have|had|takes|fix|counted|keeps|stays|can) "
_SUBJECT_AND_VERB = re.compile(_SUBJECT + _VERB, re.IGNORECASE)
_PROPERTIES = ("property", "cached_property", "setter")


def has_verb(text: str, imperative: bool = False) -> bool:
    """Whether the first sentence of a docstring has a verb. imperative: whether an infinitive at its begin is one."""
    text = " ".join(text.split())
    first, sentence = text.split(" ")[0], re.split(r"(?<=[.;:]) ", text)[0]
    if first == "See" or (_THIRD_PERSON.fullmatch(first) and first.strip(",:") not in _NOUNS.split()):
        return True
    if imperative and re.fullmatch(r"[A-Z][a-z]+", first) and first not in ("The", "A", "An"):
        return True
    return bool(_SUBJECT_AND_VERB.match(sentence))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The public functions of a module and of its public classes that are not properties."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node)
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if function and not node.name.startswith("_") and not is_property(node):
            yield node


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a method is read like a field."""
    return any(ast.unparse(d).split("(")[0].split(".")[-1] in _PROPERTIES for d in node.decorator_list)


def without_verb(room: str) -> Iterator[str]:
    """Functions of a room whose docstrings are not sentences."""
    for path in sorted((ROOT / room).rglob("*.py")):
        for node in functions(ast.parse(path.read_text(encoding="utf-8"))):
            text = ast.get_docstring(node)
            if text is not None and not has_verb(text, imperative=room == "cli"):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {text.splitlines()[0]}"


@pytest.mark.parametrize("room", DONE)
def test_first_sentences_have_verbs(room: str) -> None:
    assert list(without_verb(room)) == []


def test_rooms_are_rooms() -> None:
    assert set(DONE) <= set(ROOMS)


@pytest.mark.parametrize(
    "text",
    [
        "Returns the bits.",
        "See `Reduce`.",
        "Nothing is dropped outside of training.",
        "Does what `run` does, for words.",
    ],
)
def test_sentences_are_let_through(text: str) -> None:
    assert has_verb(text)


@pytest.mark.parametrize(
    "text",
    [
        "The network with smaller weights, and a sentence.", "Bits per integer.", "Whether a tensor is a step.",
        "(R, C) weights as digits.", "`run` for words.", "What Conv does after its sum.", "Append a step.",
    ],
)  # fmt: skip
def test_names_are_found(text: str) -> None:
    assert not has_verb(text)


_QUESTIONS = ("What", "How", "Where", "Which", "Those", "Of")


@pytest.mark.parametrize("room", DONE)
def test_classes_and_properties_are_named_by_nouns(room: str) -> None:
    """ "The answers of the circuit", not "What the circuit answered"."""
    found = []
    for path in sorted((ROOT / room).rglob("*.py")):
        for kind in (n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.ClassDef)):
            members = [m for m in kind.body if isinstance(m, ast.FunctionDef) and is_property(m)]
            for node in (kind, *members) if not kind.name.startswith("_") else ():
                text = ast.get_docstring(node)
                if not node.name.startswith("_") and text is not None and text.split()[0] in _QUESTIONS:
                    found.append(f"{path.relative_to(ROOT)}: {kind.name}.{node.name}: {text.splitlines()[0]}")
    assert found == []


def _is_named_by_its_operator(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is a kernel or a lowering: its decorator names operators of ONNX, which say what it does."""
    names = [ast.unparse(d).split("(")[0].split(".")[-1] for d in node.decorator_list]
    return bool({"kernel", "lowering"} & set(names))


@pytest.mark.parametrize("room", DONE)
def test_public_functions_have_docstrings(room: str) -> None:
    """But for kernels, named by their operators, and Amaranth's own `elaborate`."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in functions(ast.parse(path.read_text(encoding="utf-8")))
        if ast.get_docstring(node) is None and node.name != "elaborate" and not _is_named_by_its_operator(node)
    ]
    assert found == []
