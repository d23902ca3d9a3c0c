"""What objects of options have in common: values that are checked when they are made, and JSON both ways."""

from __future__ import annotations

import operator
from dataclasses import asdict, fields
from typing import Any, TypeVar

from threshc.compiler.diagnostics import CompileError, fail, option

Made = TypeVar("Made", bound="Options")


def integer(value: object, least: int, most: int | None = None) -> int | None:
    """Returns an integer from `least` to `most` as int, NumPy's as well; None for everything else, a bool too."""
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b":
        return None
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None
    return None if number < least or (most is not None and number > most) else number


class Options:
    """The base of frozen dataclasses whose fields are options, with values that JSON can hold."""

    __slots__ = ()

    def take_flag(self, name: str) -> None:
        """Raises CompileError unless a field is True or False: 1 and "true" only look like it."""
        value = getattr(self, name)
        if not isinstance(value, bool):
            raise fail(f"{name} {value!r} is not understood", where=option(name), hint="True or False")

    def take_integer(self, name: str, value: object, least: int, most: int | None, hint: str) -> None:
        """Makes a field an int: `value`, which may be any integer from `least` to `most`, NumPy's as well, but no bool.

        Raises CompileError for everything else; hint: what is allowed.
        """
        number = integer(value, least, most)
        if number is None:
            raise fail(f"{name} {value!r} is not understood", where=option(name), hint=hint)
        object.__setattr__(self, name, number)

    @staticmethod
    def number_of(value: object) -> object:
        """Returns the integer that a short text of decimal digits is; anything else unchanged."""
        text = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10
        return int(value) if text else value  # type: ignore[call-overload]

    def to_json(self) -> dict[str, Any]:
        """Returns every option by its name, as JSON holds it."""
        found: dict[str, Any] = asdict(self)  # type: ignore[call-overload]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @classmethod
    def from_json(cls: type[Made], data: object, where: str) -> Made:
        """Returns the options that `to_json` wrote; what is not in them has its default.

        where: the file, for messages. Raises CompileError for an option that is not known, by its name, since a newer
        version wrote it and means something by it, and for values that are none.
        """
        what = f"the {cls.__name__} cannot be read"
        if not isinstance(data, dict):
            raise fail(what, where=where, why="it is not an object of JSON")
        unknown = [name for name in data if name not in {f.name for f in fields(cls)}]  # type: ignore[arg-type]
        if unknown:
            why = f"option {unknown[0]!r} is {data[unknown[0]]!r}, which this version does not know"
            raise fail(what, where=where, why=why, hint="a newer version of threshc may know it")
        try:
            return cls(**data)
        except CompileError as error:
            raise fail(what, where=where, why=error.diagnostics[0].what, hint="compile the model again") from None
