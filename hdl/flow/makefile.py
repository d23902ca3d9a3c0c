"""The Makefile of a project: the commands of its plan, for people without threshc."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from threshc.hdl.flow.plan import Plan, Step
from threshc.hdl.flow.tools import Tool
from threshc.hdl.targets.base import Programmer


def makefile(plan: Plan, tools: Mapping[str, Tool]) -> str:
    """Returns the text of the Makefile. tools: those that run here, by name; their versions are noted, and the
    variables hold the names that they have on PATH."""
    used = {step.role: tools[step.tool] for step in plan.steps}
    variables = {role: tool.script for role, tool in used.items()}
    variables |= {_role(programmer): programmer.tool for programmer in plan.programmers[:1]}
    goals = ("all", *(("program", *plan.programmers[0].memories) if plan.programmers else ()), "clean")
    parts = [
        "\n".join(f"# {line}".rstrip() for line in _head(plan, used)),
        "\n".join(f"{role} ?= {name}" for role, name in variables.items()),
        f".PHONY: {' '.join(goals)}\n.DELETE_ON_ERROR:",
        f"all: {plan.result}",
        *map(_rule, plan.steps),
        *_programming(plan),
        f"clean:\n\trm -f {' '.join(dict.fromkeys(plan.made))}",
    ]
    return "\n\n".join(parts) + "\n"


def _head(plan: Plan, used: Mapping[str, Tool]) -> Iterator[str]:
    yield f"{plan.title}, written by threshc"
    yield ""
    yield f"make           makes {plan.result} from what is here; make clean first to make all of it again"
    for programmer in plan.programmers[:1]:
        yield "make program   puts it on the board; " + ", ".join(f"make {memory}" for memory in programmer.memories)
    for programmer in plan.programmers[1:]:
        commands = (" ".join((programmer.tool, *words, plan.result)) for words in programmer.memories.values())
        yield f"  or by hand:  {', '.join(commands)}"
    yield ""
    yield f"It is the same file, byte for byte, with {', '.join(map(str, used.values()))}."
    yield f"Tools of other names: make {' '.join(f'{role}={tool.other}' for role, tool in used.items())}"


def _rule(step: Step) -> str:
    return f"{step.makes[0]}: {' '.join(step.reads)}\n\t{_line(step.role, step.arguments)}"


def _line(role: str, arguments: tuple[str, ...]) -> str:
    return " ".join([f"$({role})", *(shlex.quote(word).replace("$", "$$") for word in arguments)])


def _programming(plan: Plan) -> Iterator[str]:
    """A goal per memory of the board's first tool; `program` is the first of them."""
    for programmer in plan.programmers[:1]:
        yield f"program: {next(iter(programmer.memories))}"
        for memory, arguments in programmer.memories.items():
            yield f"{memory}: {plan.result}\n\t{_line(_role(programmer), (*arguments, plan.result))}"


def _role(programmer: Programmer) -> str:
    return programmer.tool.upper().replace("-", "_")
