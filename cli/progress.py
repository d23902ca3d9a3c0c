"""A spinner on stderr that says what is going on, and nothing at all where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from threshc.compiler.diagnostics import visible


@contextmanager
def steps(quiet: bool) -> Iterator[Callable[[str], None]]:
    """A function that is told each step. On a terminal it shows the step with the seconds so far; else it is silent."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda text: progress.update(task, description=escape(visible(text)))


def listen() -> None:
    """Where somebody watches, show what the library logs: that it compiles machine code, which takes seconds."""
    if not sys.stderr.isatty():
        return
    import logging

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told(record.getMessage())

    log = logging.getLogger("threshc")
    log.setLevel(logging.INFO)
    log.handlers = [Told()]


def told(text: str) -> None:
    """A line on stderr that the user should see, whatever stdout is used for."""
    print(f"note: {visible(text)}", file=sys.stderr)
