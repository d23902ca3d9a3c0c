"""A design with its hidden bits led out, for simulations: the circuit itself stays what it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from threshc.compiler.ir.ops import Compare
from threshc.compiler.ir.types import Ints
from threshc.hdl.interface import Field, Probe
from threshc.hdl.unrolled.design import Design
from threshc.hdl.unrolled.layers import digits


def with_probe(design: Design) -> Design:
    """Returns the design with one probe: the bits of every Compare, and scores that the answer does not carry.

    All cells stay and read what they read; registers behind them delay each bit until its sample leaves the pipeline,
    or later where no answer depends on some bits. The outputs are the answer's, then the probe's.
    """
    network, interface = design.network, design.interface
    answered = {f.value for f in interface.fields}
    wanted = [("bits", v) for v, op in enumerate(network.ops) if isinstance(op, Compare)]
    wanted += [("scores", o.value) for o in network.outputs if o.kind == "scores" and o.value not in answered]
    net = design.netlist.copy()
    stages = [net.stage(design.values[v].ravel()).max(initial=0) for _, v in wanted]
    latency = int(max(interface.timing.latency, *stages, 0))
    net.scope = ""
    fields, parts, offset = list[Field](), [design.outputs], 0
    for kind, v in wanted:
        t, lits = network.types[v], design.values[v].ravel()
        each, signed = (digits(t), t.lo < 0) if isinstance(t, Ints) else (1, False)
        fields.append(Field(f"%{v}", kind, v, offset, len(lits), each, signed, t.shape))
        parts.append(net.delay(lits, latency))
        offset += len(lits)
    probes = (Probe(offset, tuple(fields), latency - interface.timing.latency),) if fields else ()
    return replace(design, interface=replace(interface, probes=probes), netlist=net, outputs=np.concatenate(parts))
