"""A report in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from threshc.cli.tables import print_table
from threshc.compiler.diagnostics import visible

if TYPE_CHECKING:
    from threshc.tasks.report import Report


def print_report(report: Report) -> None:
    """Prints the figures with their sources, and where the files are."""
    print_table(report.model, ("figure", "value", "source"), report.rows(), "lrl")
    print(f"{visible(str(report.out_dir))}/: {', '.join(name for name in report.files if '/' not in name)}")
    if report.build is not None:
        project = report.build.project
        print(f"{visible(str(report.out_dir / project.folder))}/: {len(project.files)} files; `make` repeats the build")
