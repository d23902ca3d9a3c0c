"""What is derived from an object, made once and kept as long as the object."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

Owner = TypeVar("Owner")
Made = TypeVar("Made")


def kept(make: Callable[[Owner], Made]) -> Callable[[Owner], Made]:
    """Decorates a function of one object so that it is called once for each object, by identity or equality as the
    object has it. What it made is released with the object, and must not refer to it."""
    made: WeakKeyDictionary[Owner, Made] = WeakKeyDictionary()

    @wraps(make)
    def known(owner: Owner) -> Made:
        if owner not in made:
            made[owner] = make(owner)
        return made[owner]

    return known
