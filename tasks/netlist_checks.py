"""What `build` checks of the netlists that Yosys makes, before anything is placed: by samples, and by proof."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.progress import Progress
from threshc.tasks.proof import check_certificate, prove_file
from threshc.tasks.stimulus import Stimulus, answers

if TYPE_CHECKING:
    from threshc.hdl.chain import Circuit
    from threshc.hdl.flow.verify_netlists import Samples


def netlist_samples(design: Circuit, given: Stimulus) -> Samples:
    """Returns the samples with the packed simulator's answers, as words of the design."""
    from threshc.hdl.flow.verify_netlists import Samples

    return Samples(given.words, answers(design, given.expected))


def prover(design: Circuit, family: str, progress: Progress) -> Callable[[Path], str]:
    """Returns a function that proves the design and then a netlist of it, in a JSON file of Yosys, and says what it
    proved; it raises CompileError where something is not proved. The design
    has one unit. family: of the netlist's cells."""
    from threshc.hdl.chain import Chain
    from threshc.hdl.unrolled.certify import certify

    assert isinstance(design, Chain)
    (unit,) = design.units

    def prove(netlist: Path) -> str:
        progress("proving the circuit and its netlist")
        certificate = certify(unit)
        check_certificate(design.network, certificate, progress)
        return prove_file(certificate, netlist, family, progress)

    return prove
