"""Tables in the terminal. Cells are plain text: names from models never act as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from threshc.compiler.diagnostics import visible


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> None:
    """Prints a table on stdout; `align` has one of l, r per column."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200  # a file or a pipe has no width; do not cut
    table = Table(title=Text(visible(title)), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for name, side in zip(head, align, strict=True):
        table.add_column(name, justify="right" if side == "r" else "left")
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    console.print(table)
