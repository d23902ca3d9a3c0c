"""How a folder that threshc made was made: the options that its report states."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail, option
from threshc.hdl.options import USUAL_CIRCUIT, CircuitOptions
from threshc.tasks.folder import REPORT, report_of
from threshc.tasks.options import ModelOptions
from threshc.tasks.read_network import thresh_of
from threshc.tasks.report import FORMAT

if TYPE_CHECKING:
    from threshc.tasks.read_network import Model


@dataclass(frozen=True, slots=True)
class Recorded:
    """The statements of a folder's report about how the folder was made."""

    model: ModelOptions
    circuit: CircuitOptions


def recorded(folder: Path) -> Recorded:
    """Returns the options that a folder was made with, as its report states them.

    Reports of format 1, whose options were texts, are read too; they do not say how the model was read. Raises
    CompileError where there is no report, or one of a newer format, or with options that this version does not know.
    """
    path = folder / REPORT
    report, what = report_of(folder), "the folder's report cannot be read"
    found = report.get("options")
    if not isinstance(found, dict):
        raise fail(what, where=str(path), why="it states no options of a circuit")
    number = report.get("format", 1)
    if number == 1:
        if not {"neuron", "pipeline"} <= found.keys():
            raise fail(what, where=str(path), why="it states no options of a circuit")
        return Recorded(ModelOptions(), CircuitOptions.from_json(dict(map(_of_text, found.items())), str(path)))
    if number != FORMAT:
        why, hint = f"it has format {number!r}, this version reads up to {FORMAT}", "use the threshc that made it"
        raise fail(what, where=str(path), why=why, hint=hint)
    if not {"model", "circuit"} <= found.keys():
        raise fail(what, where=str(path), why="it states no options of a circuit")
    circuit = CircuitOptions.from_json(found["circuit"], str(path))
    return Recorded(ModelOptions.from_json(found["model"], str(path)), circuit)


def _of_text(item: tuple[str, object]) -> tuple[str, object]:
    """An option of format 1 as its object takes it."""
    name, value = item
    if name in ("scores", "dont_care"):
        return name, {"true": True, "false": False}.get(str(value), value)
    if name == "effort" and isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 9:
        return name, int(value)
    return name, value


def folder_of(model: Model) -> Path | None:
    """Returns the folder that a model is named by; None where it is named by anything else.

    Raises CompileError for a folder that holds no network.
    """
    if not isinstance(model, str | os.PathLike) or not os.path.isdir(model):
        return None
    return thresh_of(Path(model)).parent


def want_the_folders_own(made: Recorded, reading: ModelOptions, circuit: CircuitOptions, target: str | None) -> None:
    """Raises CompileError for options that would make another circuit than the one that lies in a folder.

    made: what the folder's report states. reading, circuit, target: what a caller asks for; options that are
    as usual ask for nothing.
    """
    given = [name for name in changed(circuit) if getattr(circuit, name) != getattr(made.circuit, name)]
    given += [] if reading.weight_bits is None else ["weight_bits"]
    given += [] if target is None else ["target"]
    refuse_without_effect(given, "the network and the circuit of a folder are made with the folder's own options")


def changed(circuit: CircuitOptions) -> list[str]:
    """Returns the names of the options that are not as usual."""
    return [f.name for f in fields(circuit) if getattr(circuit, f.name) != getattr(USUAL_CIRCUIT, f.name)]


def refuse_without_effect(given: list[str], why: str) -> None:
    """Raises CompileError where options were given that nothing would come of."""
    if given:
        where = ", ".join(map(option, given))
        raise fail("an option would have no effect", where=where, why=why, hint="omit it")
