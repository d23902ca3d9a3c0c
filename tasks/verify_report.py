"""What `verify` found, for people and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

from threshc.compiler.diagnostics import visible
from threshc.sim.result import Result
from threshc.tasks.compare import Check


@dataclass(frozen=True, slots=True, eq=False)
class VerifyReport:
    """All comparisons of one `verify`. `ok` when every one is equal, or its differences were shown to be rounding.

    peer: the evaluator, not ours, that the ONNX model was also run by, with its version; None where none could, or
    where there is no ONNX model. notes: why evaluators did not run, and what nothing was compared with. answers: of the
    reference, to the same samples, without hidden bits.
    """

    model: str
    checks: tuple[Check, ...]
    answers: Result = field(repr=False)
    peer: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return all(c.equal or c.advisory for c in self.checks)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.checks), *map(visible, self.notes)])

    def as_dict(self) -> dict[str, object]:
        """Returns the report for JSON."""
        checks = [
            {
                "name": c.name,
                "equal": c.equal,
                "rounding": c.advisory,
                "samples": c.samples,
                "bits": c.bits,
                "outputs": c.outputs,
                "values": c.values,
                "different": c.different,
                "divergence": None if c.divergence is None else str(c.divergence),
                "note": c.note,
            }
            for c in self.checks
        ]
        return {
            "model": self.model,
            "ok": self.ok,
            "peer": self.peer,
            "notes": list(self.notes),
            "checks": checks,
        }
