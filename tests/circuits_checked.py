"""Every netlist and circuit verified wherever one is made: `pytest --verify-passes`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from threshc.hdl.logic.circuit import Circuit
from threshc.hdl.logic.verify import verify_circuit
from threshc.hdl.unrolled import build, lower
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.dontcare import design as dontcare
from threshc.hdl.unrolled.dontcare.cut import Replacement
from threshc.hdl.unrolled.verify import verify_netlist


@dataclass
class Made:
    """netlists, circuits: how many were verified."""

    netlists: int = 0
    circuits: int = 0


@contextmanager
def checked_circuits() -> Iterator[Made]:
    """Within it, `build_design`, `lowered` and what puts don't-cares in place verify what they made."""
    made = Made()
    lowering, replacing = lower.lower, dontcare.replaced

    def designed(*parts: Any, **named: Any) -> Design:
        design = Design(*parts, **named)
        verify_netlist(design.netlist, design.outputs)
        made.netlists += 1
        return design

    def verified(circuit: Circuit) -> Circuit:
        verify_circuit(circuit)
        made.circuits += 1
        return circuit

    def lowered(*parts: Any, **named: Any) -> Circuit:
        return verified(lowering(*parts, **named))

    def replaced(circuit: Circuit, replacements: Iterable[Replacement]) -> Circuit:
        return verified(replacing(circuit, replacements))

    with (
        patch.object(build, "Design", designed),
        patch.object(lower, "lower", lowered),
        patch.object(dontcare, "replaced", replaced),
    ):
        yield made
