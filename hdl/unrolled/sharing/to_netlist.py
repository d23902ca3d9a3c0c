"""Cells of a `LutNet` into the netlist of the whole design: equal tables of one rank side by side, as one vector."""

from __future__ import annotations

import numpy as np

from threshc.hdl.logic.lut_net import LutNet
from threshc.hdl.unrolled.cell import Lits
from threshc.hdl.unrolled.netlist import Netlist


def to_netlist(net: Netlist, luts: LutNet, inputs: Lits, wanted: list[int]) -> Lits:
    """Adds the nodes of `luts` that `wanted` literals need to the netlist.

    Returns the netlist's literal of every node, node k at position k, 0 for those that are not needed. inputs: the
    netlist's literal of every input, in order. Vectors keep text, simulation and elaboration short.
    """
    live = luts.live(wanted)
    rank = np.zeros(len(luts.operands), np.int64)
    groups: dict[tuple[int, int, int], list[int]] = {}
    for node in live:
        operands = luts.operands[node]
        rank[node] = 1 + max(rank[x] for x in operands)
        groups.setdefault((int(rank[node]), len(operands), luts.tables[node]), []).append(node)
    where = np.zeros(len(luts.operands), np.int64)
    where[1 : luts.inputs + 1] = inputs
    for (_, _, table), nodes in sorted(groups.items()):
        operands = np.array([luts.operands[node] for node in nodes], np.int64).T
        where[nodes] = net.lut(where[operands], table)
    return where


def translate(where: Lits, lits: list[int]) -> list[int]:
    """Returns literals of the `LutNet` as literals of the netlist."""
    return [int(where[lit >> 1]) ^ (lit & 1) for lit in lits]
