"""Which layers of a network may be circuits of one position after the other, for plans that choose."""

from __future__ import annotations

from functools import lru_cache

from threshc.compiler.diagnostics import CompileError
from threshc.hdl.folded.network import FoldedNetwork, Piece
from threshc.hdl.folded.pieces import Unfolded
from threshc.hdl.folded.position import Positioned, positioned


def by_position(read: FoldedNetwork, piece: Piece) -> tuple[Positioned, ...]:
    """Returns the layers of a piece as such circuits, () where one of them cannot be one."""
    return _all(read)[piece]


@lru_cache(8)
def _all(read: FoldedNetwork) -> dict[Piece, tuple[Positioned, ...]]:
    found: dict[Piece, tuple[Positioned, ...]] = {}
    bits, whole = read.entry.value, read.entry.places is None
    for piece in read.pieces:
        made: list[Positioned] = []
        layers = piece.layers if isinstance(piece, Unfolded) else (piece.layer,)
        for layer in layers:
            try:
                made.append(positioned(read.network, layer, bits, whole=whole))
            except CompileError:
                break
            bits, whole = max(layer.values), True
        found[piece] = tuple(made) if len(made) == len(layers) else ()
        bits, whole = max(layers[-1].values), True
    return found
