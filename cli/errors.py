"""How problems look in a terminal."""

from __future__ import annotations

from threshc.compiler.diagnostics import CompileError


def print_error(error: CompileError) -> None:
    """Every diagnostic to stderr: `error: what`, then where, why, what to try. Names from models stay plain text."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for d in error.diagnostics:
        console.print(Text.assemble(("error: ", "bold red"), visible(d.what)))
        for label, text in (("where", d.where), ("why", d.why), ("try", d.hint)):
            if text:
                console.print(Text.assemble((f"  {label}: ", "bold"), visible(text)))


def visible(text: str) -> str:
    """Text with its control characters escaped: a name in a model must not move the cursor or change colours."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
