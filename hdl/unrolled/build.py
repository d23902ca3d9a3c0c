"""A network unrolled into a circuit: the only maker of a `Design`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax
from threshc.compiler.ir.types import Ints
from threshc.compiler.progress import Progress, silent
from threshc.hdl.interface import Beats, Field, Interface, StalledTogether, Timing
from threshc.hdl.naming import sanitize
from threshc.hdl.options import USUAL_CIRCUIT, CircuitOptions
from threshc.hdl.pool import Pool, checked_jobs
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.dontcare.design import replacements
from threshc.hdl.unrolled.layers import Builder, digits


def build_design(
    network: Network,
    options: CircuitOptions = USUAL_CIRCUIT,
    *,
    jobs: int | None = 1,
    progress: Progress = silent,
) -> Design:
    """Unrolls a network into hardware.

    options: which circuit it is. jobs: processes that search side by side where that pays, None for all cores; the
    circuit is the same for any number. `progress` is told between operations.
    Raises CompileError for weights that an architecture does not take, and for scores that the network does not have.
    """
    settled = options.settled()
    pipeline, family = settled.pipeline, settled.family
    limit = pipeline if isinstance(pipeline, int) else 0
    chosen = _chosen(network, settled.scores)
    with Pool(checked_jobs(jobs)) as pool:
        wanted = {v for _, _, v in chosen}
        builder = Builder(network, settled.neuron, limit, pipeline == "layer", wanted, family, settled.effort, pool)
        builder.run(progress)
    fields, parts, offset = [], [], 0
    for name, kind, v in chosen:
        t = network.types[v]
        lits = builder.values[v].ravel()
        each = digits(t) if isinstance(t, Ints) else 1
        fields.append(Field(name, kind, v, offset, len(lits), each, isinstance(t, Ints) and t.lo < 0, t.shape))
        parts.append(lits)
        offset += len(lits)
    net = builder.net
    net.scope = ""
    outputs = np.concatenate(parts)
    latency = int(net.stage(outputs).max())
    last = outputs[net.stage(outputs) == latency]
    if latency == 0 or (net.level(last) > 0).any():  # logic behind the last register
        latency += 1
    outputs = net.delay(outputs, latency)
    name, width = sanitize(network.name, "network"), len(builder.x)
    # a second place for results keeps `o_ready` away from the registers where stages are short
    timing = Timing(latency, pipelines=(StalledTogether(latency, buffered=net.short_stages),))
    interface = Interface(network, name, Beats(width, width), Beats(offset, offset), tuple(fields), timing)
    design = Design(interface, tuple(builder.layers), net, builder.x, outputs, tuple(builder.values))
    if not settled.dont_care:
        return design
    replaced, tables = replacements(design, family, progress)
    return replace(design, replaced=replaced, tables=tables)


def _chosen(network: Network, scores: bool) -> list[tuple[str, str, int]]:
    """(name, kind, value) of every field of the output payload, lowest first."""
    label, score, bits = (network.output(kind) for kind in ("class", "scores", "bits"))
    found: list[tuple[str, str, int]] = []
    if label is not None:
        found.append(("class", "class", label.value))
    if score is not None and (scores or label is None):
        found.append(("scores", "scores", score.value))
    elif scores and label is not None and isinstance(op := network.ops[label.value], ArgMax):
        found.append(("scores", "scores", op.s))
    elif scores:
        hint = f"omit {option('scores')}"
        raise fail("the network has no scores", where=option("scores"), why="its outputs are bits", hint=hint)
    if not found and bits is not None:
        found.append(("bits", "bits", bits.value))
    return found
