"""Rows that have much in common, in a tree: pairs of rows, pairs of pairs, and so on."""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.typing import NDArray

RowTree = int | tuple["RowTree", ...]
"""A row, or a group of rows or smaller groups."""
_LARGEST = 16  # rows of a group; among more rows there are hardly bits with the same signs
_NOISE = 0.3


def members(tree: RowTree) -> list[int]:
    """Returns the rows of a tree, in order."""
    return [tree] if isinstance(tree, int) else [row for child in tree for row in members(child)]


def paired(signs: NDArray[np.int8], noise: Random | None = None) -> RowTree:
    """Returns a tree over the rows of (rows, bits) signs 1, -1, 0.

    Rows are matched greedily, by how many bits they have in common and how unevenly those fall into equal and opposite
    ones. `noise` disturbs the measure and so makes another tree of almost that kind.
    """
    wide = signs.astype(np.float32)
    alike = np.abs(wide) @ np.abs(wide).T + 0.5 * np.abs(wide @ wide.T)
    if noise is not None:
        alike *= np.array([[1 + _NOISE * noise.random() for _ in alike] for _ in alike], np.float32)
    nodes: list[RowTree] = list(range(len(signs)))
    size = 1
    while len(nodes) > 1 and size < _LARGEST:
        pairs = _matching(alike)
        single = sorted(set(range(len(nodes))) - {k for pair in pairs for k in pair})
        nodes = [(nodes[a], nodes[b]) for a, b in pairs] + [nodes[k] for k in single]
        merge = np.zeros((len(nodes), len(alike)), np.float32)
        for row, group in enumerate([*pairs, *((k,) for k in single)]):
            merge[row, list(group)] = 1
        alike = merge @ alike @ merge.T
        size *= 2
    return nodes[0] if len(nodes) == 1 else tuple(nodes)


def _matching(alike: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Returns disjoint pairs, the most alike first and earlier ones among equals."""
    a, b = np.triu_indices(len(alike), 1)
    order = np.argsort(-alike[a, b], kind="stable")
    free = np.ones(len(alike), np.bool_)
    found = []
    for i, j in zip(a[order].tolist(), b[order].tolist(), strict=True):
        if free[i] and free[j]:
            free[[i, j]] = False
            found.append((i, j))
    return found
