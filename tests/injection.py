"""Exceptions at every place of a call: before every bytecode, at every Python and C call, at every allocation."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import pytest


class Injected(BaseException):
    """As KeyboardInterrupt: no `except Exception` holds it."""


class Countdown:
    """Raises at its n-th tick, never for n < 0."""

    def __init__(self, n: int, error: type[BaseException] = Injected) -> None:
        self.n, self.ticks, self.error, self.struck = n, 0, error, False

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks == self.n + 1:
            self.struck = True
            raise self.error


@contextmanager
def at_bytecodes(count: Countdown) -> Iterator[None]:
    """A tick before every bytecode of our simulator."""

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        if "/sim/" not in frame.f_code.co_filename.replace("\\", "/"):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count.tick()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def at_calls(count: Countdown) -> Iterator[None]:
    """A tick at every call and return, of Python and C functions."""
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, arg: count.tick())
    try:
        yield
    finally:
        sys.setprofile(before)


@contextmanager
def at_allocations(count: Countdown) -> Iterator[None]:
    """A tick at every array that numpy is asked for by name."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("empty", "zeros", "ones", "full", "array", "concatenate", "ascontiguousarray", "stack", "arange"):
            patch.setattr(np, name, _counting(getattr(np, name), count))
        yield


def _counting(function: Callable[..., Any], count: Countdown) -> Callable[..., Any]:
    def counted(*args: Any, **named: Any) -> Any:
        count.tick()
        return function(*args, **named)

    return counted


def struck(call: Callable[[], object], where: Callable[[Countdown], Any], count: Countdown) -> bool:
    """Whether the exception of the countdown was raised; whoever calls may have turned it into another one."""
    gc.disable()  # finalizers of others would tick too, and swallow the exception
    try:
        with where(count):
            call()
    except BaseException:
        if not count.struck:
            raise
    finally:
        gc.enable()
    return count.struck
