"""One threshold layer as a network of its own, its inputs free: what is proved of it holds wherever it stands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from threshc.compiler.diagnostics import fail, option
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.layers import find_layer, layers
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Bitplanes, Compare, Input, Op, Output, Sum

_SCALE, _OFFSET = np.ones(()), np.zeros(())


def one_layer(network: Network, name: str) -> Network:
    """Returns the layer of that name (as `threshc show` prints it), or with that value (`%14`): its sums of
    free bits, and what compares or ranks them.

    A convolution is taken at one position. Raises CompileError where there is no such layer of sums, or where
    something else reads the sums.
    """
    found = find_layer(network, name)
    total = None if found is None else network.ops[found.value]
    if found is None or not isinstance(total, Sum):
        known = ", ".join(other.name for other in layers(network) if other.rows)
        raise fail(f"the network has no layer of sums {name!r}", where=option("layer"), hint=f"one of {known}")
    ops: list[Op] = [Input("x", (found.columns,), parse_encoding("bit")), Bitplanes(0), replace(total, x=1)]
    outputs: list[Output] = []
    for reader in found.readers:
        op = network.ops[reader]
        if not isinstance(op, Compare | ArgMax):
            raise fail(
                f"the layer {name!r} cannot be proved alone", where=option("layer"), why=f"{type(op).__name__} reads it"
            )
        ops.append(replace(op, s=2))
        outputs.append(_output(len(ops) - 1, "bits" if isinstance(op, Compare) else "class"))
    if not outputs or found.outputs:
        outputs.insert(0, _output(2, "scores"))
    if len({o.kind for o in outputs}) < len(outputs) or {"bits", "scores"} <= {o.kind for o in outputs}:
        raise fail(
            f"the layer {name!r} cannot be proved alone", where=option("layer"), why="its sums are read several ways"
        )
    return Network(f"{network.name}_{found.name}", tuple(ops), tuple(outputs))


def _output(value: int, kind: str) -> Output:
    return Output(f"y{value}", value, kind, _SCALE, _OFFSET)  # type: ignore[arg-type]
