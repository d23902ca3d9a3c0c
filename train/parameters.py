"""Checks of estimators' parameters: ValueErrors that name the parameter, its value and what it may be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any


def above_zero(name: str, value: Any) -> None:
    """Refuses all but finite numbers above 0. Raises ValueError with the parameter's name, its value and what it may
    be."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf:
        raise ValueError(f"{name} is {value!r}; it must be a number above 0")


def at_least(name: str, value: Any, least: int) -> None:
    """Refuses all but whole numbers of at least `least`. Raises ValueError as `above_zero` does."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {value!r}; it must be a whole number of at least {least}")


def one_of(name: str, value: Any, known: Iterable[str]) -> None:
    """Refuses all but the known names. Raises ValueError as `above_zero` does."""
    if value not in known:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(known)}")


def share(name: str, value: Any) -> None:
    """Refuses all but numbers of 0 to 1. Raises ValueError as `above_zero` does."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise ValueError(f"{name} is {value!r}; it must be a number of 0 to 1")
