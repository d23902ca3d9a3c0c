"""What a failed build leaves: the project folder, so that it can be repeated and looked into by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import CompileError
from threshc.compiler.files import write_files
from threshc.tasks.folder import REPORT, output_folder
from threshc.version import __version__

if TYPE_CHECKING:
    from threshc.hdl.targets.base import Target

SUFFIX = "-failed"
ERROR = "error.txt"


@contextmanager
def leaving_failures(draft: Path, goal: Path, target: Target) -> Iterator[None]:
    """Moves, where the block raises CompileError and there is a project in the draft of an output folder, moves it into
    a folder of its own, named after the goal with `-failed` behind, and adds to the error where that is.

    The folder replaces that of an earlier failure. Where it holds anything else, the error says that nothing is left.
    Ctrl-C and faults of ours leave nothing.
    """
    from threshc.hdl.flow.plan import PROJECT

    try:
        yield
    except CompileError as error:
        project = draft / PROJECT
        if project.is_dir():
            error.advise(_leave(project, failed_folder(goal), target, error))
        raise


def failed_folder(goal: Path) -> Path:
    """Returns the folder that a failed build of `goal` leaves, beside it."""
    named = goal if goal.name not in ("", "..") else Path(os.path.abspath(goal))
    return named.with_name(named.name + SUFFIX)


def _leave(project: Path, failed: Path, target: Target, error: CompileError) -> str:
    """Returns what became of the project, in words."""
    from threshc.hdl.flow.project import made_for

    makes = [f"{project.name}/{name}" for name in made_for(target.device)]
    try:
        with output_folder(failed) as folder:
            os.rename(project, folder / project.name)
            files = sorted([REPORT, ERROR, *(f"{project.name}/{p.name}" for p in (folder / project.name).iterdir())])
            report = {
                "made_by": f"threshc {__version__}",
                "target": target.name,
                "failed": [asdict(d) for d in error.diagnostics],
                "files": files,
                "makes": makes,
            }
            write_files(folder, {ERROR: f"{error}\n", REPORT: json.dumps(report, indent=1) + "\n"})
    except CompileError as problem:
        return f"the project is not left in {failed}: {problem.diagnostics[0].what}"
    return f"what the tools were given and said is in {failed / project.name}, where `make` repeats it"
