"""A spinner on stderr that says what is going on, and nothing at all where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threshc.compiler.diagnostics import visible
from threshc.compiler.progress import Progress, silent


@contextmanager
def steps(quiet: bool) -> Iterator[Progress]:
    """Gives a callback that shows each step on a terminal, with the seconds so far; elsewhere it says nothing."""
    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress as Spinner
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Spinner(*columns, console=console, transient=True) as spinner:
        task = spinner.add_task("starting", total=None)
        yield lambda text: spinner.update(task, description=escape(visible(text)))


def listen() -> None:
    """Shows, where somebody watches, what the library logs: that it compiles machine code, which takes seconds."""
    if not sys.stderr.isatty():
        return
    import logging

    class ToStderr(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            note(record.getMessage())

    log = logging.getLogger("threshc")
    log.setLevel(logging.INFO)
    log.handlers = [ToStderr()]


def note(text: str) -> None:
    """Prints a line on stderr that the user should see, whatever stdout is used for."""
    print(f"note: {visible(text)}", file=sys.stderr)
