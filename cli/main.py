"""The console script, and the only place where errors and signals become exit codes.

The commands are imported by the process that runs them, after it can be interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

from threshc.cli.supervisor import Stopped, say_stopped, settle, supervise
from threshc.cli.terminal import prepare


def main() -> None:
    """Runs the console script."""
    watched = False
    prepare()
    try:
        watched = supervise()
        _run()
    except Stopped as stopped:
        if watched:
            os._exit(stopped.code)  # all is cleaned up; what Python does to end may wait for threads, and warns
        say_stopped(stopped.code)
        sys.exit(stopped.code)
    finally:
        settle()


def _run() -> None:
    from threshc.cli.app import app
    from threshc.cli.errors import UsageError, print_error, print_usage_error
    from threshc.compiler.diagnostics import CompileError, fail

    try:
        code = app(standalone_mode=False)  # the code of typer.Exit; None where a command came to its end
        print(end="", flush=True)
    except CompileError as error:
        print_error(error)
        sys.exit(1)
    except UsageError as error:
        print_usage_error(error)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno == errno.ENOENT and not _folder_exists():
            print_error(fail("the current folder does not exist any more", hint="change into one that does"))
            sys.exit(1)
        if error.filename is not None or error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still in the buffer goes nowhere
        if error.errno != errno.EPIPE:  # who closed a pipe knows
            print_error(fail("the output cannot be written", where="stdout", why=error.strerror or str(error)))
        sys.exit(1)
    sys.exit(code)


def _folder_exists() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def __getattr__(name: str) -> Any:
    if name == "app":  # not imported before the process can be interrupted
        from threshc.cli.app import app

        return app
    raise AttributeError(name)


if __name__ == "__main__":
    main()
