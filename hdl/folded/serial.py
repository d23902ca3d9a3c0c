"""Which layers may have their inputs' planes one after the other."""

from __future__ import annotations

from threshc.compiler.diagnostics import fail
from threshc.hdl.folded.convolution import Conv
from threshc.hdl.folded.fold import SERIAL
from threshc.hdl.folded.pieces import Dense


def may_be_serial(dense: Dense) -> bool:
    """Returns whether the inputs of a layer are integers of several bits, all of which every neuron reads."""
    return dense.numbers.bits > 1 and not isinstance(dense, Conv)


def check_serial(dense: Dense, where: str) -> None:
    """Raises CompileError for a layer whose inputs do not come plane by plane. where: it is."""
    if isinstance(dense, Conv):
        raise fail(
            "a convolution's inputs do not come plane by plane yet",
            where=where,
            why=f"{SERIAL} is for dense first layers",
            hint=f"omit {SERIAL}: a convolution adds all planes at once",
        )
    if not may_be_serial(dense):
        raise fail(
            "the inputs of this layer are bits, which do not come one after the other",
            where=where,
            why=f"{SERIAL} is for a first layer that sums integers of several bits",
            hint=f"omit {SERIAL}",
        )
