"""The end of a `match` over everything there is."""

from __future__ import annotations

from typing import NoReturn


def assert_never(value: NoReturn) -> NoReturn:
    """Says to mypy that no value is left, as `typing.assert_never` does from Python 3.11 on: a case that is missing
    fails there. It raises AssertionError where mypy was not asked."""
    raise AssertionError(f"no case for {value!r}")
