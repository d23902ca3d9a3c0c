"""A chain of folded layers proved to compute its network, for all samples under all back-pressure.

The parts of the proof, and what each leaves to the next: the arithmetic counts (`proof.folded_core`, on the text of the
modules), the memories say the network's integers and the layers follow each other (`proof.folded_network`), every chunk
meets its weight word once and in order, and no answer is lost (`folded.properties`, by induction).
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Fragment

from threshc.compiler.progress import Progress, silent
from threshc.hdl.families.registry import family as find_family
from threshc.hdl.flow.prove_schedule import Demands, prove_properties
from threshc.hdl.folded.certify import core_claim, outside, part_claims
from threshc.hdl.folded.chain import FoldedChain
from threshc.hdl.folded.link_properties import Link, LinkProperties
from threshc.hdl.folded.pipeline_properties import PipelineProperties
from threshc.hdl.folded.pool import Pool
from threshc.hdl.folded.pool_properties import PoolProperties
from threshc.hdl.folded.properties import Properties
from threshc.hdl.folded.serial_properties import SerialProperties
from threshc.hdl.folded.serial_unit import SerialUnit
from threshc.hdl.folded.shift_properties import ShiftProperties
from threshc.hdl.folded.shift_window import ShiftWindow
from threshc.hdl.folded.unit import FoldedUnit
from threshc.hdl.folded.unrolled import UnrolledPart
from threshc.hdl.folded.window_properties import WindowProperties
from threshc.hdl.proof.bits import Unproved
from threshc.hdl.proof.folded_core import check_core
from threshc.hdl.proof.folded_network import check_network
from threshc.hdl.proof.folded_text import read_pipeline
from threshc.hdl.proof.mapped import check_mapped
from threshc.hdl.unrolled.certify import certify


@dataclass(frozen=True, slots=True)
class ProvedChain:
    """layers: how many; tables: of their arithmetic, of one neuron each, and of a family's text that stays unrolled;
    weights: read back from the memories; answer: what leaves the chain, in words; inductions: layers, registers of
    those that stay unrolled, converters and arg-maxes proved over all cycles, 0 where that was left out."""

    layers: int
    tables: int
    weights: int
    answer: str
    inductions: int


def prove_chain(
    chain: FoldedChain, *, family: str | None = None, induction: bool = True, progress: Progress = silent
) -> ProvedChain:
    """Proves a chain, its arithmetic as portable tables or as a family's cells.

    induction: False leaves out that over cycles, which needs Yosys. Raises Unproved, with the place, where something
    does not hold, and CompileError where Yosys is wanted and not there.
    """
    progress("memories, thresholds and the order of layers")
    answer = check_network(chain.interface.network, outside(chain), part_claims(chain))
    progress(f"arithmetic of {len(chain.units)} layers")
    tables = sum(_core(unit, family) for unit in chain.units)
    if family is not None:
        tables += sum(_mapped(part, family) for part in chain.unrolled)
    tops = properties(chain) if induction else {}
    prove_properties(tops, progress)
    weights = sum(unit.layer.weights.size for unit in chain.units)
    layers = len(chain.units) + sum(len(part.piece.layers) for part in chain.unrolled)
    return ProvedChain(layers, tables, weights, answer, len(tops))


def properties(chain: FoldedChain) -> dict[str, Demands]:
    """Returns what is demanded of every part that has a state, by its name."""
    found: dict[str, Demands] = {}
    for k, part in enumerate(chain.parts):
        if isinstance(part, FoldedUnit):
            found[f"layer {part.layer.name}"] = _schedule(part)
        elif isinstance(part, UnrolledPart):
            found[f"registers of {part.names}"] = PipelineProperties(part.pipeline)
        elif part.keeps:
            made = part.circuit()
            found[f"{type(made).__name__} (part {k})"] = _of_link(made)
    return found


def _schedule(unit: FoldedUnit) -> Properties:
    """What is demanded of a layer's schedule."""
    latencies = core_claim(unit).latencies
    if isinstance(unit, SerialUnit):
        return SerialProperties(unit.component(), latencies)
    if unit.layer.walk is not None:
        return WindowProperties(unit.component(), latencies)
    return Properties(unit.component(), latencies)


def _of_link(made: Link | Pool | ShiftWindow) -> Demands:
    """What is demanded of a part between units. Windows are made alike for all bits of a pixel: of two bits at most."""
    if isinstance(made, ShiftWindow):
        Fragment.get(made, None)  # Amaranth warns of circuits that are made and not elaborated
        return ShiftProperties(ShiftWindow(min(made.width, 2), made.scan, made.fill, made.is_pad))
    return PoolProperties(made) if isinstance(made, Pool) else LinkProperties(made)


def _core(unit: FoldedUnit, family: str | None) -> int:
    """The text of a unit's modules against what it counts."""
    text = unit.modules(None if family is None else find_family(family))
    modules = {part.partition("(")[0]: f"module {part}" for part in text.split("module ")[1:]}
    try:
        return check_core(
            core_claim(unit),
            read_pipeline(modules[f"{unit.name}_inputs"]),
            read_pipeline(modules[f"{unit.name}_neuron"]),
        )
    except Unproved as problem:
        raise Unproved(f"the arithmetic of layer {unit.layer.name}: {problem}", problem.hint) from None


def _mapped(part: UnrolledPart, family: str) -> int:
    """The text of layers that stay unrolled, in a family's cells, against their certificate."""
    try:
        return check_mapped(certify(part.design), part.modules(find_family(family)))
    except Unproved as problem:
        raise Unproved(f"the text of {part.names}: {problem}", problem.hint) from None
