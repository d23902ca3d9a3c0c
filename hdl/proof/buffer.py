"""The second place for results (`threshc.hdl.unrolled.emit.Pipeline`, buffered): proved, and taken out of a netlist.

With `full` and `free` two registers, last the last valid bit and held a register per output bit:
full' = o_valid & ~o_ready and free' = not full', reset to 0 and 1; o_valid = full | last; o_payload = full ? held :
data; held samples the data while free. Everything else samples while free, which stands where a plain pipeline has
`~o_valid | o_ready`: as streams both do the same.
"""

from __future__ import annotations

from dataclasses import replace

from threshc.hdl.cells.gates import Flop, Gate, Gates
from threshc.hdl.proof.bits import Unproved, apply, variables
from threshc.hdl.proof.folding import Folded
from threshc.hdl.proof.functions import table

_VALID = table(lambda full, last, ready, rst: full | last, 4)
_FULL = table(lambda full, last, ready, rst: (full | last) & (1 - ready) & (1 - rst), 4)
_FREE = table(lambda full, last, ready, rst: 1 - ((full | last) & (1 - ready) & (1 - rst)), 4)
_ENABLE = table(lambda ready, last: int(ready or not last), 2)


def without_buffer(gates: Gates) -> Gates:
    """Returns the netlist with the handshake of a plain pipeline; as it is where `i_ready` does not come from a
    register.

    Raises Unproved where it does, and the rest is not a buffer.
    """
    flops = {f.q: f for f in gates.flops}
    free = gates.outputs["i_ready"][0]
    if free not in flops:
        return gates
    drivers = {g.net: g for g in gates.gates}
    valid, ready, rst = gates.outputs["o_valid"][0], gates.inputs["o_ready"][0], gates.inputs["rst"][0]
    operands = drivers[valid].operands if valid in drivers else ()
    for full in operands:
        for last in operands:
            leaves = [full, last, ready, rst]
            if full == last or full not in flops:
                continue
            wanted = ((valid, _VALID), (flops[full].next, _FULL), (flops[free].next, _FREE))
            if all(_function(drivers, net, leaves) == want for net, want in wanted):
                _held(gates, flops, full, free)
                return _plain(gates, full, last, free)
    raise Unproved("i_ready comes from a register, but o_valid and it are not those of a buffer")


def _plain(gates: Gates, full: int, last: int, free: int) -> Gates:
    ready, cell = gates.inputs["o_ready"][0], {f.q: f.cell for f in gates.flops}
    made = [Gate(full, (), 0, cell[full]), Gate(free, (ready, last), _ENABLE, cell[free])]
    return replace(
        gates,
        gates=made + gates.gates,
        flops=[f for f in gates.flops if f.q not in (full, free)],
        outputs={**gates.outputs, "o_valid": [last]},
    )


def _held(gates: Gates, flops: dict[int, Flop], full: int, free: int) -> None:
    """Proves that a full buffer gives out registers, and that those have sampled what is given out otherwise."""
    sources = [n for bits in gates.inputs.values() for n in bits if n != gates.clock]
    sources += [q for q in flops if q not in (full, free)]
    luts = Folded(len(sources))
    plain = {0: 0, 1: 1, **{net: 2 * (k + 1) for k, net in enumerate(sources)}}
    passing, stuck = plain | {full: 0, free: 1}, plain | {full: 1, free: 0}
    for nets in (passing, stuck):
        for gate in gates.gates:
            nets[gate.net] = luts.lut([nets[x] for x in gate.operands], gate.table)
    registers = {plain[q] >> 1: flop for q, flop in flops.items() if q in plain}
    for k, net in enumerate(gates.outputs["o_payload"]):
        lit = stuck[net]
        if lit < 2 and lit == passing[net]:
            continue
        flop = registers.get(lit >> 1)
        if flop is None or passing[flop.next] != passing[net] ^ (lit & 1) or stuck[flop.next] != plain[flop.q]:
            raise Unproved(f"output bit {k} of the buffer is not what was to be given out")


def _function(drivers: dict[int, Gate], net: int, leaves: list[int]) -> int | None:
    """The table of a net over leaves, None where it depends on something else."""
    every, patterns = variables(len(leaves))
    known = dict(zip(leaves, patterns, strict=True)) | {0: 0, 1: every}

    def value(x: int) -> bool:
        if x in known:
            return True
        if x not in drivers or not all(value(o) for o in drivers[x].operands):
            return False
        known[x] = apply(drivers[x].table, [known[o] for o in drivers[x].operands], every)
        return True

    return known[net] if value(net) else None
