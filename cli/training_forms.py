"""How the values of a trainer's parameters are written on the command line, by the type in its signature."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Form(NamedTuple):
    """type: what Typer reads. read: from that text and the option's name, `--below`, to the estimator's value, and
    raises CompileError for other texts; None where the value is taken unchanged. file: the value names a file that is
    written."""

    type: Any
    read: Callable[[str, str], Any] | None = None
    file: bool = False


def shown(default: Any) -> Any:
    """Returns a default as a user would write it: sequences with commas between."""
    return ",".join(map(str, default)) if isinstance(default, tuple) else default


def _widths(text: str, option: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise _wrong(f"{text!r} are not widths of layers", option, "200, or 200,100")
    return tuple(map(int, parts))


def _words(text: str, _: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str, option: str) -> list[float]:
    try:
        return list(map(float, text.split(",")))
    except ValueError:
        raise _wrong(f"{text!r} is not a list of numbers", option, "128, or 64,128,192") from None


def _shape(text: str, option: str) -> tuple[int, ...]:
    parts = text.lower().split("x")
    if not 2 <= len(parts) <= 3 or not all(part.isdecimal() and int(part) for part in parts):
        raise _wrong(f"{text!r} is not a shape of images", option, "1x28x28, or 28x28")
    return tuple(map(int, parts))


def _wrong(what: str, option: str, hint: str) -> Exception:
    from threshc.compiler.diagnostics import fail

    return fail(what, where=option, hint=hint)


FORMS = {
    "bool": Form(bool),
    "int": Form(int),
    "int | None": Form(int | None),
    "float": Form(float),
    "float | None": Form(float | None),
    "str": Form(str),
    "str | None": Form(str | None),
    "str | Path | None": Form(Path | None, file=True),
    "str | int | Sequence[int]": Form(str),  # layers: the estimator reads the text
    "tuple[int, ...]": Form(str, _widths),
    "tuple[str, ...]": Form(str, _words),
    "Sequence[float] | None": Form(str | None, _numbers),
    "Sequence[int] | None": Form(str | None, _shape),
}
