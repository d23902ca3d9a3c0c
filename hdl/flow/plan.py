"""What a build gives to the tools, before any of them runs: files and the commands that read them, in order.

The plan is written whole into a folder, with a Makefile. Our own run takes its commands from the same plan, so that
`make` in that folder repeats the build.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from threshc.compiler.progress import Progress
from threshc.hdl.flow.tools import Run, Tool, run_tool
from threshc.hdl.targets.base import Programmer

PROJECT = "project"
"""The folder's name, beside the bitstream."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a build.

    doing: what it does, as a participle; role: the Makefile's variable for its tool; tool: its name as `find_tools`
    takes it; arguments: file names among them are relative to the project's folder; reads: files that must be there;
    makes: files that it writes, the one that the next step needs first; keeps: those of them that stay in the folder;
    log: what the tool said, all of it.
    """

    doing: str
    role: str
    tool: str
    arguments: tuple[str, ...]
    reads: tuple[str, ...]
    makes: tuple[str, ...]
    log: str
    keeps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole build. title: of the design and its target; files: name to text, everything that the tools are given;
    steps: the commands in their order; programmers: what puts the result on the board, () for a bare device."""

    title: str
    files: Mapping[str, str]
    steps: tuple[Step, ...]
    programmers: tuple[Programmer, ...] = ()

    @property
    def result(self) -> str:
        """The file that the last step makes."""
        return self.steps[-1].makes[0]

    @property
    def made(self) -> tuple[str, ...]:
        """Every file that the steps make, logs among them."""
        return tuple(name for step in self.steps for name in (*step.makes, step.log))

    def digest(self) -> str:
        """Returns the SHA-256 of all files and commands, as 64 hexadecimal digits: the same for the same build."""
        whole = hashlib.sha256()
        for part in (*(text for item in sorted(self.files.items()) for text in item), *map(_command, self.steps)):
            whole.update(f"{len(part)}:{part}".encode())
        return whole.hexdigest()

    def write(self, folder: Path, makefile: str) -> None:
        """Writes every file and the Makefile's text into a folder, which is made if need be. Raises OSError.

        What an earlier build made there goes away.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.made:
            (folder / name).unlink(missing_ok=True)
        for name, text in {**self.files, "Makefile": makefile}.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")

    def tidy(self, folder: Path) -> None:
        """Removes what the steps made and none of them keeps: what lies between the netlist and the bitstream.

        What stays can be read by those who can read the Makefile; YoWASP's tools write for this user alone.
        """
        kept = {name for step in self.steps for name in (*step.keeps, step.log)}
        for name in set(self.made):
            path = folder / name
            if name not in kept:
                path.unlink(missing_ok=True)
            elif path.is_file():
                shutil.copymode(folder / "Makefile", path)


def _command(step: Step) -> str:
    return " ".join((step.tool, *step.arguments))


def run_step(step: Step, tool: Tool, folder: Path, progress: Progress) -> Run:
    """Runs a step's command in the project's folder and leaves all that the tool said, if anything, in the step's log.

    What a tool writes into its log itself (Yosys under `-q -l`) is part of the text. Raises OSError.
    """
    log = folder / step.log
    run = run_tool(tool, step.arguments, folder, progress)
    if log.is_file():
        written = log.read_text(encoding="utf-8", errors="replace")
        run = replace(run, text=written if run.text in written else run.text + written)
    if not run.text:
        return run
    log.write_text(run.text, encoding="utf-8")
    return replace(run, log=step.log)
