"""What a trainer is and which options it takes, read from its source: nothing heavy is imported."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, NamedTuple


class Parameter(NamedTuple):
    """A parameter of an estimator's `__init__`. annotation: the type as the source has it (`int | None`). default:
    its value."""

    name: str
    annotation: str
    default: Any


@dataclass(frozen=True, slots=True)
class Help:
    """It says what an option is, for the command line.

    metavar: stands for the value, as `N`; empty for switches. text: one sentence. least, most: bounds of numbers, both
    allowed. name: of the option, where it is not the parameter's. off: the opposite of a switch, where it is not
    no-NAME. turns_on: a switch of the estimator that giving the option sets; the option has no default then, and the
    estimator's holds. needs: another option without which this one would have no effect.
    """

    metavar: str
    text: str
    least: float | None = None
    most: float | None = None
    name: str = ""
    off: str = ""
    turns_on: str = ""
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Trainer:
    """A trainer is an estimator of `threshc.train`, and the command that it has.

    estimator, module: where the class is. command: the word behind `threshc train`, empty without one. summary: the
    first sentence of the command's help. example: options and values of a command line that shows it. path: the
    function of `threshc.train` that trains a whole path of networks. regression: the estimator is the command's for
    real targets, beside one for classes that has the same command.
    """

    estimator: str
    module: str
    command: str = ""
    summary: str = ""
    example: Mapping[str, object] = field(default_factory=dict)
    path: str = ""
    regression: bool = False


def parameters(trainer: Trainer) -> tuple[Parameter, ...]:
    """Returns the parameters of a trainer's `__init__` with their defaults, in order.

    They are read from the text of its module, since importing it would import scikit-learn or PyTorch, which take
    seconds. Raises AssertionError where the class is not there, or a parameter has no type or no default.
    """
    spec = find_spec(trainer.module)
    source = getattr(spec and spec.loader, "get_source", lambda _: None)(trainer.module)
    if source is None:
        raise AssertionError(f"{trainer.module} has no source to read the options of {trainer.estimator} from")
    classes = [n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == trainer.estimator]
    made = [f for c in classes for f in c.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"]
    if len(made) != 1:
        raise AssertionError(f"{trainer.module} has no {trainer.estimator} with an __init__")
    arguments = made[0].args
    named = [*arguments.args[1:], *arguments.kwonlyargs]
    defaults = [*arguments.defaults, *arguments.kw_defaults]
    found = []
    for argument, default in zip(named, defaults, strict=True):
        if argument.annotation is None or default is None:
            raise AssertionError(f"{argument.arg} of {trainer.estimator} has no type or no default")
        found.append(Parameter(argument.arg, ast.unparse(argument.annotation), ast.literal_eval(default)))
    return tuple(found)
