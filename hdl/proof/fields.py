"""What the output payload may be made of: fields by name, each a value of the network."""

from __future__ import annotations

import math

from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Compare
from threshc.compiler.ir.shapes import plane_weights
from threshc.compiler.ir.types import Ints
from threshc.hdl.proof.certificate import Field


def known_fields(network: Network) -> dict[str, Field]:
    """Returns every field that a payload may have: `class`, `scores`, `bits` as its outputs say, `scores`
    also where only the class is an output, and `tapK`, the bits of its K-th comparison."""
    values: dict[str, int] = {o.kind: o.value for o in reversed(network.outputs)}
    if "scores" not in values and "class" in values:
        op = network.ops[values["class"]]
        if isinstance(op, ArgMax):
            values["scores"] = op.s
    compares = [v for v, op in enumerate(network.ops) if isinstance(op, Compare)]
    named = values | {f"tap{k}": v for k, v in enumerate(compares)}
    return {name: Field(name, v, _width(network, v)) for name, v in named.items()}


def needed_fields(network: Network) -> tuple[str, ...]:
    """Returns the fields that every payload of the network has: its class; without one its scores; else its bits."""
    kinds = {o.kind for o in network.outputs}
    return tuple(kind for kind in ("class", "scores", "bits") if kind in kinds)[:1]


def _width(network: Network, v: int) -> int:
    t = network.types[v]
    return math.prod(t.shape) * (len(plane_weights(t.lo, t.hi)) if isinstance(t, Ints) else 1)
