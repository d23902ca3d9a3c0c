"""A folded circuit proved equal to its network, for all samples under all back-pressure."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.network import Network
from threshc.compiler.progress import Progress
from threshc.hdl.options import CircuitOptions
from threshc.tasks.proof import Proof
from threshc.tasks.proved_folder import not_read, same_verilog, same_weights

if TYPE_CHECKING:
    from threshc.hdl.folded.chain import FoldedChain


def refuse_for_folded(
    check: bool, certificate: str | os.PathLike[str] | None, netlist: str | os.PathLike[str] | None, layer: str | None
) -> None:
    """Raises CompileError for what is done with unrolled circuits alone."""
    given = {"check": check, "certificate": certificate is not None, "netlist": netlist is not None}
    for name, wanted in {**given, "layer": layer is not None}.items():
        if wanted:
            raise fail(
                f"folded circuits are proved without {option(name)}",
                where=option(name),
                why="no certificate is kept of a folded circuit, and netlists of them are simulated, not proved",
                hint=f"omit {option(name)}",
            )


def prove_folded(network: Network, options: CircuitOptions, folder: Path | None, progress: Progress) -> Proof:
    """Proves the folded circuit of a network; of a folder, its Verilog and memories must be that circuit.

    Raises CompileError where something is not proved, with the place.
    """
    from threshc.hdl.chain import Chain, build
    from threshc.hdl.flow.prove_folded import prove_chain
    from threshc.hdl.proof.bits import Unproved

    progress("building the circuit")
    chain = build(network, options, progress=progress)
    assert not isinstance(chain, Chain)
    texts: tuple[str, ...] = ()
    if folder is not None:
        images = same_weights(folder, chain)
        said = (f"{', and '.join(images.values())}, read back to the network's integers",) if images else ()
        texts = same_verilog(folder, chain), *said, not_read(folder, f"{chain.name}.v", *chain.files(), *images)
    start = time.perf_counter()
    try:
        found = prove_chain(chain, family=options.family, progress=progress)
        texts += _memories(chain, options.family, progress)
    except Unproved as problem:
        raise fail("the circuit is not proved", where="proof", why=str(problem), hint=problem.hint) from None
    if not texts:
        texts = ("no Verilog was read: that some text is this circuit is not said here",)
    if options.family is None and chain.unrolled:
        texts += (f"the portable text of {', '.join(part.names for part in chain.unrolled)} is not read cell by cell",)
    cores = [(unit.layer.pe, unit.core) for unit in chain.units]
    return Proof(
        network.name,
        {
            "weight, read back from the memories": found.weights,
            "table of the arithmetic, of one neuron a layer": found.tables,
            "layer, converter, arg-max or unit that stays unrolled, over all cycles by induction": found.inductions,
        },
        luts=chain.cells,
        registers=sum(core.shared.registers + pe * core.neuron.registers for pe, core in cores),
        steps=sum(len(core.steps) for _, core in cores),
        texts=texts,
        seconds=time.perf_counter() - start,
        payload=found.answer,
    )


def _memories(chain: FoldedChain, family: str | None, progress: Progress) -> tuple[str, ...]:
    """Proves the weight memories as Yosys makes them for a family whose cells have a model; says what was proved."""
    from threshc.hdl.families.registry import family as find_family
    from threshc.hdl.flow.prove_memories import prove_memories

    if family is None or not any(m.cell in find_family(family).models for m in find_family(family).memories):
        return ()
    words = prove_memories(chain, family, progress)
    return (f"{words:,} weight words, each read back at its address from the cells of {family} that Yosys makes",)
