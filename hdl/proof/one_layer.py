"""One threshold layer as a network of its own, its inputs free: what is proved of it holds wherever it stands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from threshc.compiler.diagnostics import fail
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Input, Op, Output, Sum

_SCALE, _OFFSET = np.ones(()), np.zeros(())


def one_layer(network: Network, name: str) -> Network:
    """The layer of that name (as `threshc show` prints it): its sums of free bits, and what compares or ranks them.

    A convolution is taken at one position. Raises CompileError where there is no such layer of sums, or where
    something else reads the sums.
    """
    found = {_name(network, v): v for v in reversed(range(len(network.ops))) if isinstance(network.ops[v], Sum)}
    if name not in found:
        known = ", ".join(reversed(found))
        raise fail(f"the network has no layer of sums {name!r}", where="--layer", hint=f"one of {known}")
    v = found[name]
    layer = network.ops[v]
    assert isinstance(layer, Sum)
    ops: list[Op] = [Input("x", (layer.weights.shape[1],), parse_encoding("bit")), Bitplanes(0), replace(layer, x=1)]
    outputs: list[Output] = []
    for reader in network.users()[v]:
        op = network.ops[reader]
        if not isinstance(op, Compare | ArgMax):
            raise fail(
                f"the layer {name!r} cannot be proved alone", where="--layer", why=f"{type(op).__name__} reads it"
            )
        ops.append(replace(op, s=2))
        outputs.append(_output(len(ops) - 1, "bits" if isinstance(op, Compare) else "class"))
    if not outputs or any(o.value == v for o in network.outputs):
        outputs.insert(0, _output(2, "scores"))
    if len({o.kind for o in outputs}) < len(outputs) or {"bits", "scores"} <= {o.kind for o in outputs}:
        raise fail(f"the layer {name!r} cannot be proved alone", where="--layer", why="its sums are read several ways")
    return Network(f"{network.name}_{name}", tuple(ops), tuple(outputs))


def _output(value: int, kind: str) -> Output:
    return Output(f"y{value}", value, kind, _SCALE, _OFFSET)  # type: ignore[arg-type]


def _name(network: Network, v: int) -> str:
    """As `threshc.sim.counts` calls a layer."""
    named = (network.ops[u].loc.node for u in (v, *network.users()[v]))
    return next(filter(None, named), f"%{v}")
