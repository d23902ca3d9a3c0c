"""Every command line in README, docs and examples is one that this version takes; the cheap ones run."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from import_graph import ROOT
from typer.testing import CliRunner

from threshc.cli.app import app
from threshc.cli.errors import UsageError

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/README.md")])
_LINE = re.compile(r"^    +(?:\$ )?((?:threshc|python -m|make) (?:.*\\\n)*.*)$", re.MULTILINE)
_INLINE = re.compile(r"`((?:threshc|python -m|make) [^`]+)`")
_PLACEHOLDERS = ("...", "..")


class Line(NamedTuple):
    """A command line, and where it stands."""

    page: str
    text: str


def _lines() -> Iterator[Line]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        where = str(page.relative_to(ROOT))
        for match in (*_LINE.finditer(text), *_INLINE.finditer(text)):
            line = re.sub(r"\s+#.*| +-> .*", "", re.sub(r"\\?\n\s*", " ", match[1])).strip()
            if "|" in line or line.startswith("threshc COMMAND"):
                continue  # alternatives: train ftprop|rvscgd
            yield Line(where, line)


LINES = sorted(set(_lines()))
THRESHC = [line for line in LINES if line.text.startswith("threshc ")]
PYTHON = [line for line in LINES if line.text.startswith("python ")]
MAKE = [line for line in LINES if line.text.startswith("make ")]


def _parse(words: list[str]) -> None:
    """Raises UsageError for a command, an option or a choice that is not there, and for a word too many.

    What is missing is not an error: prose says `--pipeline 4` without the model.
    """
    command: Any = typer.main.get_command(app)
    context: Any = command.context_class(command, info_name="threshc")
    while hasattr(command, "get_command") and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            raise UsageError(f"no command {words[0]}")
        command, words = found, words[1:]
        context = command.context_class(command, parent=context)
    values, rest, _ = command.make_parser(context).parse_args(args=list(words))
    if rest:
        raise UsageError(f"too many words: {rest}")
    for parameter in command.params:
        value = values.get(parameter.name)
        if hasattr(parameter.type, "choices") and isinstance(value, str):
            parameter.type.convert(value, parameter, context)


def _words(text: str) -> list[str]:
    return [w for w in shlex.split(text)[1:] if w not in _PLACEHOLDERS]


def test_there_are_many() -> None:
    assert len(THRESHC) > 60
    assert len(PYTHON) > 15
    assert len(MAKE) >= 3


@pytest.mark.parametrize("line", THRESHC, ids=lambda line: f"{line.page}: {line.text}")
def test_threshc_takes_it(line: Line) -> None:
    _parse(_words(line.text))


@pytest.mark.parametrize(
    "text", ["show m.onnx --nothing", "shw m.onnx", "show m.onnx another", "train forest", "show m.onnx --scores=maybe"]
)
def test_wrong_lines_are_found(text: str) -> None:
    with pytest.raises(UsageError):
        _parse(text.split())


@pytest.mark.parametrize("line", PYTHON, ids=lambda line: f"{line.page}: {line.text}")
def test_the_module_has_the_options(line: Line) -> None:
    """Of our own modules; an option stands in the text of the module or of what it imports of its own package."""
    words = shlex.split(line.text)
    module = words[2]
    if module.split(".")[0] not in ("bench", "fuzz"):
        return
    path = ROOT / (module.replace(".", "/") + ".py")
    assert path.is_file(), f"there is no {module}"
    text = path.read_text(encoding="utf-8")
    for other in re.findall(r"^ *(?:from|import) (bench|fuzz)(?:\.(\w+)| import (\w+))", text, re.MULTILINE):
        near = ROOT / other[0] / f"{other[1] or other[2]}.py"
        text += near.read_text(encoding="utf-8") if near.is_file() else ""
    for option in (w for w in words[3:] if w.startswith("--")):
        assert f'"{option}"' in text, f"{module} has no {option}"


@pytest.mark.parametrize("line", MAKE, ids=lambda line: f"{line.page}: {line.text}")
def test_the_makefile_has_the_target(line: Line) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {w for w in shlex.split(line.text)[1:] if "=" not in w} <= set(targets)


CHEAP = [
    line
    for line in THRESHC
    if line.text.split()[1] in ("targets", "show") and (len(line.text.split()) == 2 or "examples/" in line.text)
]


@pytest.mark.parametrize("line", CHEAP, ids=lambda line: line.text)
def test_cheap_lines_run(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that only read models of the repository."""
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, _words(line.text))
    assert result.exit_code == 0, result.output
    assert result.output


def test_modules_named_in_prose_exist() -> None:
    """`threshc.sim.packed` and the like in the pages are modules, or names in one."""
    for page in PAGES:
        if page.name == "CHANGELOG.md":
            continue
        for name in re.findall(r"`(threshc(?:\.\w+)+)", page.read_text(encoding="utf-8")):
            parts = name.split(".")
            while len(parts) > 1:
                try:
                    if importlib.util.find_spec(".".join(parts)) is not None:
                        break
                except ModuleNotFoundError:
                    pass
                parts.pop()
            assert len(parts) >= name.count("."), f"{page.name} speaks of {name}"


BENCHES = [p for p in sorted(ROOT.glob("bench/*.py")) if "__main__" in p.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", BENCHES, ids=lambda p: p.stem)
def test_every_benchmark_has_a_quick_way(path: Path) -> None:
    if path.stem == "circuits_peers":
        return  # no benchmark: what bench.circuits runs in the Python of the peers
    text = path.read_text(encoding="utf-8")
    assert '"--quick"' in text or "arguments(__doc__)" in text
