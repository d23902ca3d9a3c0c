"""The control around the data of a netlist: `valid`, `ready`, reset, and that every data register obeys them.

With the handshake proved and the enable true, a netlist is tables and registers that always sample: a `Circuit`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from threshc.hdl.cells.gates import Gate, Gates
from threshc.hdl.proof.bits import Unproved, apply, variables
from threshc.hdl.proof.buffer import without_buffer
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.folding import Folded
from threshc.hdl.proof.functions import flipped, table

_NAME = re.compile(r"n\d+")
_NEXT = table(lambda q, ahead, ready, last, rst: 0 if rst else ahead if ready or not last else q, 5)
_ENABLE = table(lambda ready, last: int(ready or not last), 2)


class Data(NamedTuple):
    """circuit: the data of a netlist, inputs 1.. being the bits of i_payload; outputs: literals of o_payload;
    sampled: nodes that registers sample; hints: node to the number in its net's name, as in pre-mapped text."""

    circuit: Circuit
    outputs: list[int]
    flops: int
    sampled: set[int]
    hints: dict[int, int]


def data_of(gates: Gates, latency: int) -> Data:
    """Returns the data part of the netlist of a network, its handshake proved.

    Proved: `valid` is a chain of `latency` registers that reset clears, all registers sample while the last one is
    empty or `o_ready` is 1 and hold otherwise, and `i_ready` says so; or that with a
    buffer behind it (`without_buffer`). Raises Unproved where that is not so.
    """
    if gates.blocks:
        raise Unproved(f"the netlist has {len(gates.blocks)} memories, which an unrolled circuit does not have")
    gates = without_buffer(gates)
    valid = _valid(gates, latency)
    luts, nets = _enabled(gates, valid)
    follows = {nets[f.q] >> 1: nets[f.next] for f in gates.flops if f.q not in valid}
    payload = [nets[n] >> 1 for n in gates.inputs["i_payload"]]
    named = {n: bits[0] for n, bits in gates.names.items() if _NAME.fullmatch(n) and bits[0] in nets}
    hints = {nets[net] >> 1: int(n[1:]) for n, net in named.items()}
    return _renumbered(luts, follows, payload, [nets[n] for n in gates.outputs["o_payload"]], hints)


def _valid(gates: Gates, latency: int) -> list[int]:
    """The nets of the valid bits, first one first."""
    drivers = {g.net: g for g in gates.gates}
    following = {f.q: f.next for f in gates.flops}
    ready, rst, first = (gates.inputs[p][0] for p in ("o_ready", "rst", "i_valid"))
    last = gates.outputs["o_valid"][0]
    _is(drivers, gates.outputs["i_ready"][0], [ready, last], _ENABLE, "i_ready")
    chain = [last]
    for _ in range(latency):
        q = chain[0]
        if q not in following:
            raise Unproved(f"o_valid does not come from {latency} registers")
        ahead = _support(drivers, following[q]) - {q, ready, last, rst}
        if len(ahead) != 1:
            raise Unproved(f"the valid bit {len(chain)} from the end depends on {len(ahead)} others")
        chain.insert(0, next(iter(ahead)))
        _is(
            drivers,
            following[q],
            [q, chain[0], ready, last, rst],
            _NEXT,
            f"the valid bit {len(chain) - 1} from the end",
        )
    if chain[0] != first:
        raise Unproved(f"i_valid does not reach o_valid through {latency} registers")
    return chain[1:]


def _support(drivers: dict[int, Gate], net: int) -> set[int]:
    found: set[int] = set()
    seen, stack = set[int](), [net]
    while stack:
        x = stack.pop()
        if x in seen:
            continue
        seen.add(x)
        if x in drivers:
            stack += drivers[x].operands
        else:
            found.add(x)
        if len(seen) > 64:
            raise Unproved(f"the handshake has a cone of more than 64 cells (net {net})")
    return found


def _is(drivers: dict[int, Gate], net: int, leaves: list[int], want: int, what: str) -> None:
    """Proves that a net is a table of leaves, which may repeat."""
    distinct = list(dict.fromkeys(leaves))
    every, patterns = variables(len(distinct))
    known = dict(zip(distinct, patterns, strict=True)) | {0: 0, 1: every}

    def value(x: int) -> int:
        if x not in known:
            if x not in drivers:
                raise Unproved(f"{what} depends on something else (net {x})")
            known[x] = apply(drivers[x].table, [value(o) for o in drivers[x].operands], every)
        return known[x]

    if value(net) != apply(want, [known[x] for x in leaves], every):
        raise Unproved(f"{what} is not what the handshake demands")


def _enabled(gates: Gates, valid: list[int]) -> tuple[Folded, dict[int, int]]:
    """Every net as a literal, given that all registers sample; proves that they do, or hold, as the handshake says."""
    sources = [n for bits in gates.inputs.values() for n in bits if n != gates.clock]
    sources += [f.q for f in gates.flops]
    luts = Folded(len(sources))
    plain = {0: 0, 1: 1, **{net: 2 * (k + 1) for k, net in enumerate(sources)}}
    ready, last = gates.inputs["o_ready"][0], valid[-1]
    sampling, empty, holding = (plain | case for case in ({ready: 1}, {ready: 0, last: 0}, {ready: 0, last: 1}))
    for nets in (sampling, empty, holding):
        for gate in gates.gates:
            nets[gate.net] = luts.lut([nets[x] for x in gate.operands], gate.table)
    for flop in gates.flops:
        if flop.q in valid:
            continue
        if holding[flop.next] != plain[flop.q] or sampling[flop.next] != empty[flop.next]:
            raise Unproved(f"the register of net {flop.q} does not sample and hold as the handshake demands")
    return luts, sampling


def _renumbered(
    luts: Folded, follows: dict[int, int], payload: list[int], outputs: list[int], named: dict[int, int]
) -> Data:
    """Tables and registers with every node after those that it reads."""
    number = {0: 0, **{node: k + 1 for k, node in enumerate(payload)}}
    tables: list[tuple[int, list[int], int]] = []
    registers: list[tuple[int, int]] = []
    inverted: dict[int, int] = {}
    for start in outputs:
        stack, waiting = [start >> 1], set[int]()
        while stack:
            node = stack[-1]
            if node in number:
                stack.pop()
                continue
            reads = (follows[node] >> 1,) if node in follows else luts.operands[node]
            if not reads:
                raise Unproved("the payload depends on the handshake, or on a bit that nothing drives")
            missing = [x for x in reads if x not in number]
            if missing and node in waiting:
                raise Unproved("the netlist's registers form a loop")
            waiting.add(node)
            stack += missing
            if missing:
                continue
            number[node] = len(number)
            flips = [inverted.get(x, 0) for x in reads]
            if node in follows:
                inverted[node] = (follows[node] & 1) ^ flips[0]
                registers.append((number[node], number[reads[0]]))
            else:
                tables.append((number[node], [number[x] for x in reads], flipped(luts.tables[node], flips)))
    found = [2 * number[lit >> 1] + ((lit & 1) ^ inverted.get(lit >> 1, 0)) for lit in outputs]
    circuit = Circuit(len(payload), tables, registers)
    sampled = {circuit.alias[d] for _, d in registers}
    hints = {number[node]: hint for node, hint in named.items() if node in number}
    return Data(circuit, found, len(registers), sampled, hints)
