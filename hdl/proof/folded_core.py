"""The arithmetic of a folded layer against what it counts, for all inputs and all words of its memory.

Proved of the two modules' text: `latency` cycles later the count is the sum of all lanes, each a power of two times a
given function of one bit of the inputs and of bits of the word, plus 2**e for every threshold bit that is set. Which
lanes these are, and which e, the claim says; that need not be trusted, as the memory is read by the same rule
(`folded_memory`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from threshc.hdl.proof.bits import Unproved, apply, variables
from threshc.hdl.proof.certificate import Lut, Step, Term
from threshc.hdl.proof.circuit import Circuit
from threshc.hdl.proof.folded_text import Pipeline
from threshc.hdl.proof.steps import take_step

MOST_LEAVES = 14
"""Most inputs and word bits that one lane is compared over."""
MOST_COLUMNS = 62
"""The highest power of two that a lane weighs."""


class Lane(NamedTuple):
    """2**column times the bit `(x ^ flip ^ sign) & mask ^ inverted`: x is bit `input` of the inputs, sign the parity of
    the word's bits in `sign`, mask its bit `mask`, or 1 if that is -1."""

    input: int
    column: int = 0
    flip: bool = False
    sign: tuple[int, ...] = ()
    mask: int = -1
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """The reading of a word of one neuron, of `bits` bits, beside `inputs` bits of inputs: lanes, and behind the bits
    that these name threshold bits of weights 2**e for e in `exponents`."""

    bits: int
    inputs: int
    lanes: tuple[Lane, ...]
    exponents: tuple[int, ...]

    @property
    def most(self) -> int:
        """The sum of all lanes and threshold bits that are set."""
        return sum(1 << lane.column for lane in self.lanes) + sum(1 << e for e in self.exponents)

    def check(self) -> None:
        """Raises Unproved unless all bits named are there, and threshold bits are the word's last ones."""
        first = self.bits - len(self.exponents)
        named = {b for lane in self.lanes for b in (*lane.sign, max(lane.mask, 0))}
        if not all(0 <= b < first for b in named) or min(self.exponents, default=0) < 0:
            raise Unproved("the code names bits that no weight word has")
        if not all(0 <= lane.input < self.inputs and 0 <= lane.column <= MOST_COLUMNS for lane in self.lanes):
            raise Unproved("the code names inputs that are not there")


@dataclass(frozen=True, slots=True)
class CoreClaim:
    """The builder's word on a layer's arithmetic, all of it unproved.

    nodes: the circuit before it was mapped, without registers; inputs 1.. are those of a cycle, then a word's bits.
    shared, neuron: the node of this circuit behind every number in the names of the two modules' nets. lanes: parities
    of literals, one for each lane; steps: how lanes and threshold bits add up. latencies: of the two modules.
    """

    code: Code
    nodes: tuple[Lut, ...]
    shared: dict[int, int]
    neuron: dict[int, int]
    lanes: tuple[Term, ...]
    steps: tuple[Step, ...]
    latencies: tuple[int, int]


def check_core(claim: CoreClaim, shared: Pipeline, neuron: Pipeline) -> int:
    """Returns the number of tables of both modules. Raises Unproved, with the place, unless the claim holds and the
    modules are what it says."""
    code = claim.code
    code.check()
    circuit = Circuit(code.inputs + code.bits, claim.nodes, ())
    x = [2 * (k + 1) for k in range(code.inputs)]
    word = [2 * (code.inputs + k + 1) for k in range(code.bits)]
    common, latency = _outputs(circuit, shared, claim.shared, {"x": x})
    if latency != claim.latencies[0]:
        raise Unproved(f"{shared.name} answers after {latency} cycles, not {claim.latencies[0]}")
    count, latency = _outputs(circuit, neuron, claim.neuron, {"x": common, "w": word})
    if latency != claim.latencies[1]:
        raise Unproved(f"{neuron.name} answers after {latency} cycles, not {claim.latencies[1]}")
    _counts(circuit, claim, x, word, count)
    return len(shared.cells) + len(neuron.cells)


def _outputs(
    circuit: Circuit, module: Pipeline, names: dict[int, int], ports: dict[str, list[int]]
) -> tuple[list[int], int]:
    """The literals of the circuit that leave a module, and how many registers are on every path to them."""
    if module.inputs != {port: len(lits) for port, lits in ports.items()}:
        raise Unproved(f"{module.name} has other ports than it should")
    known = {"": (0, -1)}  # of every net, its literal and its cycle, -1 for a constant
    known |= {net: (ports[port][bit], 0) for net, (port, bit) in module.ports.items()}
    most = 8 * (len(module.cells) + len(module.registers)) + 64
    for end, _ in module.outputs:
        stack = [end]
        while stack:
            net = stack[-1]
            if net in known:
                stack.pop()
                continue
            reads = [module.registers[net]] if net in module.registers else module.cells.get(net, ([], 0))[0]
            missing = [x for x in reads if x not in known]
            if missing:
                stack += missing
                if len(stack) > most:
                    raise Unproved(f"{module.name} has a loop")
                continue
            known[net] = _value(circuit, module, names, known, net)
    at = {known[net][1] for net, _ in module.outputs} - {-1}
    if len(at) > 1:
        raise Unproved(f"the outputs of {module.name} belong to different cycles")
    return [known[net][0] ^ flip for net, flip in module.outputs], next(iter(at), 0)


def _value(
    circuit: Circuit, module: Pipeline, names: dict[int, int], known: dict[str, tuple[int, int]], net: str
) -> tuple[int, int]:
    if net in module.registers:
        lit, at = known[module.registers[net]]
        return lit, at + 1
    if net not in module.cells:
        raise Unproved(f"net {net} of {module.name} has no driver")
    reads, table = module.cells[net]
    cycles = {known[x][1] for x in reads} - {-1}
    if len(cycles) != 1:
        raise Unproved(f"the table of net {net} of {module.name} mixes bits of different cycles")
    node = names.get(int(net[1:].partition("_")[0]), -1)
    flip = _computes(circuit, 2 * node, [known[x][0] for x in reads], table)
    if flip is None:
        raise Unproved(f"the table of net {net} of {module.name} computes something else than its node")
    return 2 * node + flip, cycles.pop()


def _computes(circuit: Circuit, target: int, operands: list[int], table: int) -> int | None:
    """0 where a table over literals is the target, 1 where it is its inverse, None where neither is proved."""
    if target >> 1 not in circuit.tables:
        return None
    leaves = sorted({lit >> 1 for lit in operands} - {0})
    every, patterns = variables(len(leaves))
    known = dict(zip(leaves, patterns, strict=True)) | {0: 0}
    try:
        want = circuit.evaluate((target,), leaves)[0]
    except Unproved:  # it reads something else
        return None
    got = apply(table, [known[lit >> 1] ^ (every if lit & 1 else 0) for lit in operands], every)
    return {want: 0, want ^ every: 1}.get(got)


def _counts(circuit: Circuit, claim: CoreClaim, x: list[int], word: list[int], count: Sequence[int]) -> None:
    """Proves the word `count` to be the sum of the lanes and threshold bits."""
    code = claim.code
    if len(claim.lanes) != len(code.lanes):
        raise Unproved("the claim has another number of lanes")
    heap: Counter[tuple[int, Term]] = Counter()
    for lane, term in zip(code.lanes, claim.lanes, strict=True):
        _lane(circuit, lane, x, word, term)
        heap[lane.column, term] += 1
    for e, lit in zip(code.exponents, word[code.bits - len(code.exponents) :], strict=True):
        heap[e, (lit,)] += 1
    if code.most >= 1 << len(count):
        raise Unproved("the count has too few bits")
    for column, inputs, outputs in claim.steps:
        for lit in (lit for term in (*inputs, *(t for _, t in outputs)) for lit in term):
            circuit.lit(lit)
        take_step(circuit, heap, len(count), column, inputs, outputs)
    left = {item: n for item, n in heap.items() if n and item[1] != (0,)}
    if left != {(c, (lit,)): 1 for c, lit in enumerate(count) if lit}:
        raise Unproved("the steps do not end with the bits of the count")


def _lane(circuit: Circuit, lane: Lane, x: list[int], word: list[int], term: Term) -> None:
    """Proves a parity of literals equal to a lane, over all values of inputs and word bits."""
    want = (x[lane.input] ^ lane.flip, *(word[b] for b in lane.sign))
    mask = [word[lane.mask]] if lane.mask >= 0 else []
    leaves, stack, seen = set[int](), [circuit.lit(lit) >> 1 for lit in (*want, *mask, *term)], set[int]()
    if len(term) == 2:  # the first half of a pair cancels, whatever it is
        leaves.add(stack[-2])
        seen.add(stack[-2])
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in circuit.tables:
            stack += circuit.tables[node][0]
        elif node:
            leaves.add(node)
    if len(leaves) > MOST_LEAVES:
        raise Unproved(f"a lane depends on {len(leaves)} bits")
    ends, every = sorted(leaves - {0}), variables(len(leaves))[0]
    bit = _parity(circuit, want, ends)
    for function in circuit.evaluate(mask, ends):
        bit &= function
    if bit ^ (every if lane.inverted else 0) != _parity(circuit, term, ends):
        raise Unproved(f"the lane of input {lane.input} is not what the code says")


def _parity(circuit: Circuit, term: Term, leaves: list[int]) -> int:
    found = 0
    for function in circuit.evaluate(term, leaves):
        found ^= function
    return found
