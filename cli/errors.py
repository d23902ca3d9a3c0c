"""How problems look in a terminal."""

from __future__ import annotations

from typing import Any

import typer

from threshc.compiler.diagnostics import CompileError, visible

UsageError: Any = typer.BadParameter.__mro__[2]
"""What Click raises where the command line is at fault (its ClickException, which Typer does not name)."""


def flag(name: str, value: str | int | None = None) -> str:
    """Returns an option as the command line has it: `--neuron`, `--neuron auto`, `--large` for True, `--no-rtl`."""
    text = name.replace("_", "-")
    if value is None or isinstance(value, bool):
        return f"--no-{text}" if value is False else f"--{text}"
    word = str(value)
    quoted = f'"{word}"' if any(c in word for c in " ;|&<>()$`*?'") else word
    return f"--{text} {quoted}"


def print_error(error: CompileError) -> None:
    """Prints every diagnostic to stderr: `error: what`, then where, why, what to try. Names never act as markup."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for d in error.diagnostics:
        console.print(Text.assemble(("error: ", "bold red"), d.what))
        for label, text in (("where", d.where), ("why", d.why), ("try", d.hint)):
            if text:
                console.print(Text.assemble((f"  {label}: ", "bold"), text))


def print_usage_error(error: Any) -> None:
    """Prints a fault of the command line to stderr, as Typer shows it, with what the user typed made visible."""
    from typer import rich_utils

    error.message = visible(error.message, lines=True)
    rich_utils.rich_format_error(error)
