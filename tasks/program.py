"""A bitstream onto its board, from the folder that `build` made."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threshc.compiler.bounded import read_file
from threshc.compiler.diagnostics import fail, option
from threshc.compiler.progress import Progress, silent
from threshc.tasks.folder import REPORT, report_of

if TYPE_CHECKING:
    from threshc.hdl.targets.base import Target

_NAME = re.compile(r"\w[\w.$-]*")


@dataclass(frozen=True, slots=True)
class Programmed:
    """A bitstream that was put on a board. tool: its name and where it was found; memory: `sram` or `flash`."""

    bitstream: Path
    target: Target
    memory: str
    tool: str

    def __str__(self) -> str:
        kept = {"sram": "until the power goes", "flash": "for good"}[self.memory]
        return f"{self.bitstream.name} is in the {self.memory} of {self.target.title}, {kept} ({self.tool})"


def program(
    folder: str | os.PathLike[str],
    *,
    tool: str | None = None,
    memory: str | None = None,
    progress: Progress | None = None,
) -> Programmed:
    """Puts the bitstream of a folder on its board, by the first of the board's tools that is on this machine.

    tool: one of those by name (`openFPGALoader`, `iceprog`, ...). memory: `sram` or `flash`; None takes what is usual
    for the board. The report in the folder says which file and which board; the file must be the one that was built, by
    its SHA-256. Raises CompileError where it is not, the folder holds no bitstream for a board, or no tool is there;
    and when the tool fails.
    """
    from threshc.hdl.flow.programming import MEMORIES, commands, find_command, run_command
    from threshc.hdl.targets.registry import targets

    if memory not in (None, *MEMORIES):
        raise fail(f"there is no memory {memory!r}", where=option("memory"), hint=" or ".join(MEMORIES))
    built = _built(Path(folder))
    target = targets().get(built["target"])
    if target is None:
        why = f"it names the target {built['target']!r}, which this version does not know"
        where, hint = str(Path(folder) / REPORT), "use the threshc that made it, or build it again"
        raise fail("the folder's report cannot be read", where=where, why=why, hint=hint)
    fitting = commands(target, tool, memory)
    bitstream = Path(folder) / built["bitstream"]
    if hashlib.sha256(read_file(bitstream, what="bitstream")).hexdigest() != built["sha256"]:
        why = f"its SHA-256 is not the one in {REPORT}"
        raise fail("the bitstream is not the one that was built", where=str(bitstream), why=why, hint="build it again")
    command, found = find_command(fitting, target, bitstream)
    run_command(command, found, target, bitstream, progress or silent)
    return Programmed(bitstream, target, command.memory, str(found))


def _built(folder: Path) -> dict[str, str]:
    """The names of target and bitstream and its digest, by a folder's report."""
    path = folder / REPORT
    report = report_of(folder)
    if "failed" in report:
        why = "the build failed, and its project is all that there is"
        raise fail("the folder holds no bitstream", where=str(folder), why=why, hint=f"read {folder / 'error.txt'}")
    built: Any = report.get("built")
    if not isinstance(built, dict) or built.get("bitstream", "") is None:
        why = "it was compiled, not built" if not isinstance(built, dict) else "no open tool makes one for its device"
        raise fail("the folder holds no bitstream", where=str(folder), why=why, hint="threshc build, for a board")
    found = {name: str(built.get(name, "")) for name in ("target", "bitstream", "sha256")}
    wrong = [name for name, text in found.items() if not _NAME.fullmatch(text)]
    if wrong:
        why = f"it does not say {' and '.join(wrong)}: another version made it, or it was changed"
        raise fail("the folder's report cannot be read", where=str(path), why=why, hint="build it again")
    return found
