"""A smaller network and fewer samples of which the same check still finds something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fuzz.network_checks import Check, Finding, Put
from threshc.compiler.diagnostics import CompileError
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import ArgMax, Output
from threshc.compiler.ir.types import Bits

_TRIES = 60


def shrunk(put: Put, check: Check) -> tuple[Put, str]:
    """The smallest that was found in some tries, and what the check says of it."""
    said, tries = told(put, check), 0
    better = True
    while better and tries < _TRIES:
        better = False
        for smaller in _smaller(put):
            tries += 1
            found = told(smaller, check)
            if found:
                put, said, better = smaller, found, True
                break
            if tries >= _TRIES:
                break
    return put, said


def told(put: Put, check: Check) -> str:
    """What a check finds, "" for nothing; any exception is a finding."""
    try:
        check(put)
    except Finding as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    return ""


def _smaller(put: Put) -> Iterator[Put]:
    for network in _networks(put.network):
        yield Put(network, put.x, put.sizes, put.seed)
    for n in sorted(n for n in put.sizes if 0 < n < len(put.x)):
        yield Put(put.network, put.x[:n], (n,), put.seed)
    if len(put.sizes) > 1:
        for n in put.sizes:
            yield Put(put.network, put.x, (n,), put.seed)
    half = len(put.x) // 2
    for x in (put.x[:half], put.x[half:]) if half else ():
        yield Put(put.network, x, (len(x),), put.seed)


def _networks(network: Network) -> Iterator[Network]:
    """Its beginnings, each with its last value as the output; then without one of its outputs."""
    one, zero = np.ones(()), np.zeros(())
    for v in range(1, len(network.ops) - 1):
        t, op = network.types[v], network.ops[v]
        kind = "bits" if isinstance(t, Bits) else "class" if isinstance(op, ArgMax) else "scores"
        try:
            yield Network(network.name, network.ops[: v + 1], (Output("y", v, kind, one, zero),))  # type: ignore[arg-type]
        except CompileError:
            continue
    for k in range(len(network.outputs)):
        if len(network.outputs) > 1:
            yield replace(network, outputs=network.outputs[:k] + network.outputs[k + 1 :])
