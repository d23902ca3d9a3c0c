"""Don't-cares: tables that are emitted otherwise than the network's own, each proved on all patterns that occur.

Every table of the circuit keeps its value for every input of the network, so the replacements may be made in any number
and order: by induction from the inputs, all nodes of the circuit with replacements are those of the circuit without.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from threshc.compiler.encoding import Step
from threshc.compiler.ir.network import Network
from threshc.hdl.proof.bits import Unproved, apply
from threshc.hdl.proof.certificate import Certificate, Group, Lut, Replacement
from threshc.hdl.proof.circuit import Circuit

MOST = 1 << 14
"""The most assignments of a cut, and of the leaves of one of its groups."""
FeatureOrder = dict[int, tuple[int, int]]
Block = tuple[Sequence[int], list[int]]
"""Nodes, and the patterns that they take together."""


def implemented(certificate: Certificate) -> Circuit:
    """The circuit as it is emitted. Raises Unproved unless it is one (`Circuit`)."""
    new = {r.node: Lut(r.node, r.operands, r.table) for r in certificate.replaced}
    return Circuit(certificate.inputs, [new.get(cell.node, cell) for cell in certificate.luts], certificate.registers)


def prove_replacements(network: Network, certificate: Certificate, circuit: Circuit) -> int:
    """Returns the number of replacements, each of which equals its node. Raises Unproved, with the node, where one does
    not.

    circuit: the certificate's, without replacements.
    """
    made, tables = implemented(certificate), {cell.node for cell in certificate.luts}
    order = orders(network)
    for new in certificate.replaced:
        node = new.node
        if node not in tables:
            raise Unproved(f"node {node} is not a table, it cannot be replaced")
        if made.stage[node] != circuit.stage[node]:
            raise Unproved(f"node {node} is replaced by bits of another sample")
        try:
            _prove(circuit, order, new)
        except Unproved as problem:
            raise Unproved(f"don't-care at node {node}: {problem}", problem.hint) from None
    if len({r.node for r in certificate.replaced}) < len(certificate.replaced):
        raise Unproved("a node is replaced twice")
    return len(certificate.replaced)


def orders(network: Network) -> FeatureOrder:
    """Returns (feature, place) of the input nodes that are the model's comparisons of real features.

    Of one feature, a node is 1 wherever one of a later place is, because its threshold is not larger.
    """
    encoding = network.input.encoding
    if not isinstance(encoding, Step):
        return {}
    features, thresholds = encoding.feature.tolist(), encoding.threshold.tolist()
    order = sorted(range(len(features)), key=lambda j: (features[j], thresholds[j]))
    return {j + 1: (features[j], place) for place, j in enumerate(order)}


def _prove(circuit: Circuit, order: FeatureOrder, new: Replacement) -> None:
    node, operands, table, cut = new
    circuit.spend(sum(len(group.nodes) + len(group.leaves) for group in cut))
    blocks: list[Block] = [(group.nodes, _patterns(circuit, order, group)) for group in cut]
    known, every = _product(blocks)
    constant = table in (0, (1 << (1 << len(operands))) - 1)
    functions = []
    for x in (node, *(() if constant else operands)):
        circuit.settle(circuit.alias[x], known, every)
        functions.append(known[circuit.alias[x]])
    if (every * (table & 1) if constant else apply(table, functions[1:], every)) != functions[0]:
        raise Unproved("the new table differs from the node on a pattern that may occur")


def _product(blocks: list[Block]) -> tuple[dict[int, int], int]:
    """Every combination of one pattern of each block: the values of the nodes over all of them, and the constant 1."""
    size = prod(len(patterns) for _, patterns in blocks)
    if size > MOST:
        raise Unproved(f"its cut has more than {MOST:,} assignments")
    known, done = {0: 0}, 1
    for nodes, patterns in blocks:
        ones, times = (1 << done) - 1, sum(1 << (i * done) for i in range(len(patterns)))
        known = {n: column * times for n, column in known.items()}
        for k, n in enumerate(nodes):
            known[n] = sum(ones << (i * done) for i, p in enumerate(patterns) if p >> k & 1)
        done *= len(patterns)
    return known, (1 << size) - 1


def _patterns(circuit: Circuit, order: FeatureOrder, group: Group) -> list[int]:
    """The values that nodes take together (node k at bit k) over all values of the leaves that occur."""
    nodes, leaves = group
    if any(x < 1 or circuit.alias.get(x) != x for x in (*nodes, *leaves)):
        raise Unproved("its cut has a register, or something that is not a node")
    if nodes == leaves and len(nodes) == 1:
        return [0, 1]
    features: dict[int, list[int]] = {}
    for x in set(leaves):
        features.setdefault(order[x][0] if x in order else -x, []).append(x)
    blocks: list[Block] = []
    for bits in features.values():  # where place k is 1, so are all before it
        bits.sort(key=lambda x: order.get(x, (0, 0))[1])
        blocks.append((bits, [(1 << k) - 1 for k in range(len(bits) + 1)]))
    known, every = _product(blocks)
    found = [(0, every)]
    for k, node in enumerate(nodes):
        circuit.settle(node, known, every)
        circuit.spend(len(found) * (1 + (every.bit_length() >> 12)))
        one = known[node]
        parts = [(at | bit << k, rows & (one if bit else ~one)) for at, rows in found for bit in (0, 1)]
        found = [(at, rows) for at, rows in parts if rows]
    return sorted(at for at, _ in found)
